// The controlling terminal: POSIX XBD 11.1, tty_ioctl(4).
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "register.h"
#include "result.h"
#include "signal_block.h"

namespace sess {
namespace {

Napi::Value Tcgetpgrp(const Napi::CallbackInfo& info) {
  return ToJs(info.Env(), OrErrno(::tcgetpgrp(IntArg(info, 0))));
}

// The kernel stops a background process that sets the foreground group, unless
// it blocks or ignores SIGTTOU (POSIX tcsetpgrp, XBD 11.1.4).
Napi::Value Tcsetpgrp(const Napi::CallbackInfo& info) {
  SignalBlock block(SIGTTOU);
  int result = OrErrno(::tcsetpgrp(IntArg(info, 0), IntArg(info, 1)));
  return ToJs(info.Env(), result);
}

Napi::Value Tcgetsid(const Napi::CallbackInfo& info) {
  return ToJs(info.Env(), OrErrno(::tcgetsid(IntArg(info, 0))));
}

Napi::Value Ttyname(const Napi::CallbackInfo& info) {
  char name[PATH_MAX];
  int error = ::ttyname_r(IntArg(info, 0), name, sizeof name);
  if (error != 0) return ToJs(info.Env(), -error);
  return Napi::String::New(info.Env(), name);
}

Napi::Value Ctermid(const Napi::CallbackInfo& info) {
  char name[L_ctermid];
  return Napi::String::New(info.Env(), ::ctermid(name));
}

// The whole struct termios, which only Tcsetattr reads; or -errno.
Napi::Value Tcgetattr(const Napi::CallbackInfo& info) {
  struct termios modes;
  int result = OrErrno(::tcgetattr(IntArg(info, 0), &modes));
  if (result < 0) return ToJs(info.Env(), result);
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(info.Env(), sizeof modes);
  memcpy(buffer.Data(), &modes, sizeof modes);
  return buffer;
}

// At once, not when the output has drained: a terminal that is held by Ctrl-S
// would hold the event loop.
Napi::Value Tcsetattr(const Napi::CallbackInfo& info) {
  Napi::ArrayBuffer buffer = info[1].As<Napi::ArrayBuffer>();
  struct termios modes;
  if (buffer.ByteLength() != sizeof modes) return ToJs(info.Env(), -EINVAL);
  memcpy(&modes, buffer.Data(), sizeof modes);
  SignalBlock block(SIGTTOU);
  int result = OrErrno(::tcsetattr(IntArg(info, 0), TCSANOW, &modes));
  return ToJs(info.Env(), result);
}

}  // namespace

void RegisterTerminal(Napi::Object exports) {
  Export<Tcgetpgrp>(exports, "tcgetpgrp");
  Export<Tcsetpgrp>(exports, "tcsetpgrp");
  Export<Tcgetsid>(exports, "tcgetsid");
  Export<Ttyname>(exports, "ttyname");
  Export<Ctermid>(exports, "ctermid");
  Export<Tcgetattr>(exports, "tcgetattr");
  Export<Tcsetattr>(exports, "tcsetattr");
}

}  // namespace sess
