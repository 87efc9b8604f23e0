// The subjects of the addon. Each file of calls defines its own.
#ifndef SETSID_REGISTER_H_
#define SETSID_REGISTER_H_

#include <node_api.h>

#include <cstddef>

namespace sess {

// One call: its name in JavaScript, and its callback.
struct Export {
  const char* name;
  napi_callback call;
};

// The calls of one subject.
struct Subject {
  template <size_t size>
  constexpr explicit Subject(const Export (&list)[size])
      : calls(list), count(size) {}
  const Export* calls;
  size_t count;
};

extern const Subject kChild, kChildWatch, kDetach, kExecute, kFiles, kLink,
    kPeer, kPidfd, kPrivileges, kReplace, kSession, kStarted, kStdio, kStop,
    kTable, kTerminal, kWatch;

// An object with the number of each error by its name; nullptr: it failed.
napi_value ErrnosToJs(napi_env env);

}  // namespace sess

#endif  // SETSID_REGISTER_H_
