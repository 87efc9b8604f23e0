// The controlling terminal: POSIX XBD 11.1, tty_ioctl(4).
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "call.h"
#include "register.h"
#include "signal_block.h"

namespace sess {
namespace {

napi_value Tcgetpgrp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return ToJs(env, OrErrno(::tcgetpgrp(args.Int(0))));
}

// The kernel stops a background process that sets the foreground group, unless
// it blocks or ignores SIGTTOU (POSIX tcsetpgrp, XBD 11.1.4).
napi_value Tcsetpgrp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  SignalBlock block(SIGTTOU);
  int result = OrErrno(::tcsetpgrp(args.Int(0), args.Int(1)));
  return ToJs(env, result);
}

napi_value Tcgetsid(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return ToJs(env, OrErrno(::tcgetsid(args.Int(0))));
}

napi_value Ttyname(napi_env env, napi_callback_info info) {
  Args args(env, info);
  char name[PATH_MAX];
  int error = ::ttyname_r(args.Int(0), name, sizeof name);
  if (error != 0) return ToJs(env, -error);
  return ToJs(env, name);
}

napi_value Ctermid(napi_env env, napi_callback_info) {
  char name[L_ctermid];
  return ToJs(env, static_cast<const char*>(::ctermid(name)));
}

// The whole struct termios, which only Tcsetattr reads; or -errno.
napi_value Tcgetattr(napi_env env, napi_callback_info info) {
  Args args(env, info);
  struct termios modes;
  int result = OrErrno(::tcgetattr(args.Int(0), &modes));
  if (result < 0) return ToJs(env, result);
  return ToJs(env, &modes, sizeof modes);
}

// TCSANOW does not wait until the output has drained: a terminal that Ctrl-S
// has stopped would block the event loop.
napi_value Tcsetattr(napi_env env, napi_callback_info info) {
  Args args(env, info);
  void* bytes;
  size_t size;
  struct termios modes;
  if (napi_get_arraybuffer_info(env, args[1], &bytes, &size) != napi_ok ||
      size != sizeof modes) {
    return ToJs(env, -EINVAL);
  }
  memcpy(&modes, bytes, sizeof modes);
  SignalBlock block(SIGTTOU);
  int result = OrErrno(::tcsetattr(args.Int(0), TCSANOW, &modes));
  return ToJs(env, result);
}

constexpr Export kCalls[] = {
    {"tcgetpgrp", Tcgetpgrp}, {"tcsetpgrp", Tcsetpgrp},
    {"tcgetsid", Tcgetsid},   {"ttyname", Ttyname},
    {"ctermid", Ctermid},     {"tcgetattr", Tcgetattr},
    {"tcsetattr", Tcsetattr},
};

}  // namespace

const Subject kTerminal(kCalls);

}  // namespace sess
