// Sessions and process groups: credentials(7), setpgid(2), setsid(2).
#include <signal.h>
#include <unistd.h>

#include "call.h"
#include "register.h"

namespace sess {
namespace {

napi_value Setsid(napi_env env, napi_callback_info) {
  return ToJs(env, OrErrno(::setsid()));
}

napi_value Getsid(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return ToJs(env, OrErrno(::getsid(args.Int(0))));
}

napi_value Setpgid(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return ToJs(env, OrErrno(::setpgid(args.Int(0), args.Int(1))));
}

napi_value Getpgid(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return ToJs(env, OrErrno(::getpgid(args.Int(0))));
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

constexpr Export kCalls[] = {
    {"setsid", Setsid},   {"getsid", Getsid},   {"setpgid", Setpgid},
    {"getpgid", Getpgid}, {"getpgrp", Getpgrp}, {"killpg", Killpg},
};

}  // namespace

const Subject kSession(kCalls);

}  // namespace sess
