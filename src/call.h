// A call from JavaScript, in raw Node-API. Once a worker is being terminated,
// Node refuses every request that could run JavaScript. So each status is
// looked at, and a callback that can't make its value returns nullptr: that is
// `undefined`, which no code is left to read. (node-addon-api ends the whole
// process there.)
#ifndef SETSID_CALL_H_
#define SETSID_CALL_H_

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "result.h"

namespace sess {

// The arguments of one call.
class Args {
 public:
  Args(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kMost;  // napi_get_cb_info fills the rest with undefined
    if (napi_get_cb_info(env, info, &count, values_, nullptr, nullptr) ==
        napi_ok) {
      return;
    }
    for (napi_value& value : values_) value = nullptr;
  }

  napi_value operator[](size_t index) const { return values_[index]; }

  // An integer, which lib/base/check.ts has checked. If the value is still no
  // number, the result is INT32_MIN, and every call here refuses that. The
  // result is never 0, which would mean the caller.
  int32_t Int(size_t index) const {
    int32_t value = INT32_MIN;
    napi_status status = napi_get_value_int32(env_, values_[index], &value);
    return status == napi_ok ? value : INT32_MIN;
  }

  bool Bool(size_t index) const {
    bool value = false;
    return napi_get_value_bool(env_, values_[index], &value) == napi_ok &&
           value;
  }

  // False when the value is no number.
  bool Double(size_t index, double* value) const {
    return napi_get_value_double(env_, values_[index], value) == napi_ok;
  }

 private:
  static constexpr size_t kMost = 8;
  napi_env env_;
  napi_value values_[kMost];
};

inline napi_value ToJs(napi_env env, int result) {
  napi_value value;
  return napi_create_int32(env, result, &value) == napi_ok ? value : nullptr;
}

inline napi_value ToJs(napi_env env, const char* text) {
  napi_value value;
  napi_status status =
      napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return status == napi_ok ? value : nullptr;
}

// A copy of `size` bytes, as an ArrayBuffer.
inline napi_value ToJs(napi_env env, const void* bytes, size_t size) {
  void* place;
  napi_value value;
  if (napi_create_arraybuffer(env, size, &place, &value) != napi_ok) {
    return nullptr;
  }
  if (size > 0) memcpy(place, bytes, size);
  return value;
}

// An array of numbers.
napi_value ToJs(napi_env env, const uint32_t* numbers, size_t count);

}  // namespace sess

#endif  // SETSID_CALL_H_
