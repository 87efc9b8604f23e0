// The user database, which Node can only be asked for the caller's own entry.
// Node itself has the calls that change identity, for all threads at once.
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "register.h"
#include "result.h"
#include "text.h"

namespace sess {
namespace {

constexpr size_t kBuffer = size_t{64} * 1024;

// (name) or (uid): [uid, gid, ...supplementary groups]; -ENOENT; -errno.
Napi::Value UserIds(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  char* buffer = static_cast<char*>(std::malloc(kBuffer));
  if (buffer == nullptr) return ToJs(env, -ENOMEM);
  passwd entry;
  passwd* found = nullptr;
  int error;
  if (info[0].IsNumber()) {
    uid_t uid = info[0].As<Napi::Number>().Uint32Value();
    error = getpwuid_r(uid, &entry, buffer, kBuffer, &found);
  } else {
    Text name(env, info[0]);
    error = name.get() == nullptr
                ? EINVAL
                : getpwnam_r(name.get(), &entry, buffer, kBuffer, &found);
  }
  if (found == nullptr) {
    std::free(buffer);
    return ToJs(env, error == 0 ? -ENOENT : -error);
  }
#ifdef __APPLE__
  using Group = int;
#else
  using Group = gid_t;
#endif
  // The kernel takes no more than this many (credentials(7)).
  int count = 65536;
  Group* groups = static_cast<Group*>(
      std::malloc(static_cast<size_t>(count) * sizeof(Group)));
  if (groups == nullptr ||
      getgrouplist(entry.pw_name, static_cast<Group>(entry.pw_gid), groups,
                   &count) < 0) {
    count = 0;
  }
  Napi::Array ids = Napi::Array::New(env);
  ids.Set(uint32_t{0}, Napi::Number::New(env, entry.pw_uid));
  ids.Set(uint32_t{1}, Napi::Number::New(env, entry.pw_gid));
  for (int i = 0; i < count; i++) {
    ids.Set(static_cast<uint32_t>(i + 2), Napi::Number::New(env, groups[i]));
  }
  std::free(groups);
  std::free(buffer);
  return ids;
}

// (name): gid; -ENOENT as a negative number; -errno.
Napi::Value GroupId(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Text name(env, info[0]);
  char* buffer = static_cast<char*>(std::malloc(kBuffer));
  if (buffer == nullptr || name.get() == nullptr) {
    std::free(buffer);
    return ToJs(env, -EINVAL);
  }
  group entry;
  group* found = nullptr;
  int error = getgrnam_r(name.get(), &entry, buffer, kBuffer, &found);
  // Not by "?:", which would make the errno as unsigned as a gid_t.
  double result = -(error == 0 ? ENOENT : error);
  if (found != nullptr) result = entry.gr_gid;
  std::free(buffer);
  return Napi::Number::New(env, result);
}

}  // namespace

void RegisterPrivileges(Napi::Object exports) {
  Export<UserIds>(exports, "userIds");
  Export<GroupId>(exports, "groupId");
}

}  // namespace sess
