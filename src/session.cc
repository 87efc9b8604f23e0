// Sessions and process groups: credentials(7), setpgid(2), setsid(2).
#include <signal.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#else
#include <pthread.h>
#endif

#include "call.h"
#include "register.h"

namespace sess {
namespace {

napi_value Setsid(napi_env env, napi_callback_info) {
  return ToJs(env, OrErrno(::setsid()));
}

// getsid and getpgid are called often enough for each call to count: so this
// asks Node-API for the one argument alone, and calls nothing but Node-API.
template <pid_t (*call)(pid_t)>
napi_value IdOf(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value;
  int32_t pid;
  if (napi_get_cb_info(env, info, &count, &value, nullptr, nullptr) !=
          napi_ok ||
      napi_get_value_int32(env, value, &pid) != napi_ok) {
    return ToJs(env, -EINVAL);
  }
  pid_t id = call(pid);
  if (id == -1) id = -errno;
  return napi_create_int32(env, id, &value) == napi_ok ? value : nullptr;
}

napi_value Setpgid(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return ToJs(env, OrErrno(::setpgid(args.Int(0), args.Int(1))));
}

napi_value Getpgrp(napi_env env, napi_callback_info) {
  return ToJs(env, ::getpgrp());
}

// POSIX leaves groups of 1 and less undefined. Linux takes 0 for the caller's
// own group, and kill(-1) for every process.
napi_value Killpg(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int32_t group = args.Int(0);
  if (group <= 1) return ToJs(env, -EINVAL);
  return ToJs(env, OrErrno(::killpg(group, args.Int(1))));
}

// 1 in the thread that the process began with, else 0. No worker runs there.
napi_value IsFirstThread(napi_env env, napi_callback_info) {
#ifdef __linux__
  // glibc has gettid() since 2.30 only.
  bool first = syscall(SYS_gettid) == getpid();
#else
  bool first = pthread_main_np() == 1;
#endif
  return ToJs(env, static_cast<int>(first));
}

constexpr Export kCalls[] = {
    {"setsid", Setsid},
    {"getsid", IdOf<::getsid>},
    {"setpgid", Setpgid},
    {"getpgid", IdOf<::getpgid>},
    {"getpgrp", Getpgrp},
    {"killpg", Killpg},
    {"isFirstThread", IsFirstThread},
};

}  // namespace

const Subject kSession(kCalls);

}  // namespace sess
