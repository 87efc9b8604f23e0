// What a system call gave, as JavaScript gets it: the value, or -errno.
#ifndef SETSID_RESULT_H_
#define SETSID_RESULT_H_

#include <napi.h>

#include <cerrno>
#include <cstdint>

namespace sess {

// errno is read here, on the line after the call, before anything can touch it.
template <typename T>
inline T OrErrno(T result) {
  return result == -1 ? static_cast<T>(-errno) : result;
}

inline Napi::Value ToJs(Napi::Env env, int result) {
  return Napi::Number::New(env, result);
}

// The integer argument at `index`. lib/base/check.ts has checked it; a value
// that is no number all the same becomes INT32_MIN, which every call here
// refuses, and never 0, which would mean the caller.
inline int32_t IntArg(const Napi::CallbackInfo& info, size_t index) {
  int32_t value = INT32_MIN;
  if (napi_get_value_int32(info.Env(), info[index], &value) != napi_ok) {
    return INT32_MIN;
  }
  return value;
}

// Adds `call` to the addon under `name`. The callback is a template argument so
// that a call costs no look-up of its data.
template <Napi::Value (*call)(const Napi::CallbackInfo&)>
inline void Export(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<call>(exports.Env(), name));
}

}  // namespace sess

#endif  // SETSID_RESULT_H_
