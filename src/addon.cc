#include <node_api.h>

#include "call.h"
#include "register.h"

namespace sess {
napi_value ToJs(napi_env env, const uint32_t* numbers, size_t count) {
  napi_value array;
  if (napi_create_array_with_length(env, count, &array) != napi_ok) {
    return nullptr;
  }
  for (size_t i = 0; i < count; i++) {
    napi_handle_scope scope;
    napi_value number;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return nullptr;
    auto index = static_cast<uint32_t>(i);
    bool is_set = napi_create_uint32(env, numbers[i], &number) == napi_ok &&
                  napi_set_element(env, array, index, number) == napi_ok;
    if (napi_close_handle_scope(env, scope) != napi_ok || !is_set) {
      return nullptr;
    }
  }
  return array;
}

}  // namespace sess

NAPI_MODULE_INIT() {
  using namespace sess;
  const Subject* subjects[] = {
      &kChild,      &kChildWatch, &kDetach,  &kExecute,  &kFiles,   &kLink,
      &kPeer,       &kPidfd,      &kReplace, &kSession,  &kStarted, &kStdio,
      &kPrivileges, &kStop,       &kTable,   &kTerminal, &kWatch,
  };
  for (const Subject* subject : subjects) {
    for (size_t i = 0; i < subject->count; i++) {
      napi_property_descriptor property = {};
      property.utf8name = subject->calls[i].name;
      property.method = subject->calls[i].call;
      property.attributes = napi_default_jsproperty;
      napi_status status = napi_define_properties(env, exports, 1, &property);
      if (status != napi_ok) return nullptr;
    }
  }
  napi_value errnos = ErrnosToJs(env);
  if (errnos == nullptr ||
      napi_set_named_property(env, exports, "errnos", errnos) != napi_ok) {
    return nullptr;
  }
  return exports;
}
