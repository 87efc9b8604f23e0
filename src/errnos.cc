// The numbers of errors (errno(3)), negative, as every call here gives them.
// To load node:os for them would cost an import a tenth of its time.
#include <cerrno>

#include "call.h"
#include "register.h"

namespace sess {
namespace {

struct Number {
  const char* name;
  int value;
};

// Each name of lib/base/errno.ts.
constexpr Number kErrnos[] = {
    {"EACCES", EACCES},
    {"EAFNOSUPPORT", EAFNOSUPPORT},
    {"EAGAIN", EAGAIN},
    {"EBUSY", EBUSY},
    {"EINVAL", EINVAL},
    {"ECONNREFUSED", ECONNREFUSED},
    {"EIO", EIO},
    {"EISDIR", EISDIR},
    {"ELOOP", ELOOP},
    {"EMFILE", EMFILE},
    {"ENFILE", ENFILE},
    {"ENOENT", ENOENT},
    {"ENOMEM", ENOMEM},
    {"ENOSPC", ENOSPC},
    {"ENOSYS", ENOSYS},
    {"ENOTDIR", ENOTDIR},
    {"ENOTSUP", ENOTSUP},
    {"ENOTTY", ENOTTY},
    {"ENXIO", ENXIO},
    {"EPERM", EPERM},
    {"EPIPE", EPIPE},
    {"ESRCH", ESRCH},
    {"ETIMEDOUT", ETIMEDOUT},
};

}  // namespace

napi_value ErrnosToJs(napi_env env) {
  napi_value errnos;
  if (napi_create_object(env, &errnos) != napi_ok) return nullptr;
  for (const Number& number : kErrnos) {
    napi_value value = ToJs(env, -number.value);
    if (value == nullptr ||
        napi_set_named_property(env, errnos, number.name, value) != napi_ok) {
      return nullptr;
    }
  }
  return errnos;
}

}  // namespace sess
