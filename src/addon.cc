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

namespace {

// What the raw calls of lib/raw/ need. Each call costs an import a kilobyte and
// a microsecond, and most programs need few of the others.
const Subject* const kRaw[] = {&kSession, &kTerminal};
const Subject* const kOthers[] = {
    &kChild, &kChildWatch, &kDetach, &kExecute, &kFiles,
    &kLink,  &kPeer,       &kPidfd,  &kReplace, &kStarted,
    &kStdio, &kPrivileges, &kStop,   &kTable,   &kWatch,
};

bool DefineCall(napi_env env, napi_value object, const Export& call) {
  napi_property_descriptor property = {};
  property.utf8name = call.name;
  property.method = call.call;
  property.attributes = napi_default_jsproperty;
  return napi_define_properties(env, object, 1, &property) == napi_ok;
}

template <size_t size>
bool Define(napi_env env, napi_value object,
            const Subject* const (&subjects)[size]) {
  for (const Subject* subject : subjects) {
    for (size_t i = 0; i < subject->count; i++) {
      if (!DefineCall(env, object, subject->calls[i])) return false;
    }
  }
  return true;
}

// Defines all other calls on an object.
napi_value DefineOthers(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value object;
  if (napi_get_cb_info(env, info, &count, &object, nullptr, nullptr) !=
          napi_ok ||
      !Define(env, object, kOthers)) {
    // Where an exception is pending already, this one is not thrown.
    napi_throw_error(env, nullptr, "setsid: the addon has no memory");
  }
  return nullptr;
}

}  // namespace
}  // namespace sess

NAPI_MODULE_INIT() {
  using namespace sess;
  napi_value errnos = ErrnosToJs(env);
  bool is_set =
      errnos != nullptr && Define(env, exports, kRaw) &&
      DefineCall(env, exports, {"defineOthers", DefineOthers}) &&
      napi_set_named_property(env, exports, "errnos", errnos) == napi_ok;
  return is_set ? exports : nullptr;
}
