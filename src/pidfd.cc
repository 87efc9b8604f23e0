// A pidfd refers to one process, and never to a later one with its number:
// pidfd_open(2).
#include "call.h"
#include "pidfd_calls.h"
#include "register.h"

namespace sess {
namespace {

napi_value PidfdOpen(napi_env env, napi_callback_info info) {
  return ToJs(env, OpenPidfd(Args(env, info).Int(0)));
}

constexpr Export kCalls[] = {{"pidfdOpen", PidfdOpen}};

}  // namespace

const Subject kPidfd(kCalls);

}  // namespace sess
