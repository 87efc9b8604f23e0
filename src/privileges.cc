// Look-ups in the user database: Node itself gives only the caller's own entry.
// The calls that change identity are Node's, since they must act on all threads
// at once.
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "call.h"
#include "list.h"
#include "register.h"
#include "text.h"

namespace sess {
namespace {

constexpr size_t kBuffer = size_t{64} * 1024;

#ifdef __APPLE__
using Group = int;
#else
using Group = gid_t;
#endif

// Adds the groups of a user to `ids`. 0 or -errno.
int AddGroups(const char* name, gid_t group, List<uint32_t>* ids) {
  // The kernel takes no more than this many (credentials(7)).
  int count = 65536;
  auto* groups = static_cast<Group*>(
      std::malloc(static_cast<size_t>(count) * sizeof(Group)));
  if (groups == nullptr) return -ENOMEM;
  // getgrouplist() fails for a user with more groups than that. It is an error
  // here: otherwise the user would seem to have no groups.
  int result = getgrouplist(name, static_cast<Group>(group), groups, &count) < 0
                   ? -E2BIG
                   : 0;
  for (int i = 0; result == 0 && i < count; i++) {
    if (!ids->Push(static_cast<uint32_t>(groups[i]))) result = -ENOMEM;
  }
  std::free(groups);
  return result;
}

// The user of that name, or else of that number: 0 or -errno.
int FindUser(napi_env env, napi_value user, List<uint32_t>* ids) {
  Text name(env, user);
  uint32_t uid = 0;
  if (name.get() == nullptr &&
      napi_get_value_uint32(env, user, &uid) != napi_ok) {
    return -EINVAL;
  }
  char* buffer = static_cast<char*>(std::malloc(kBuffer));
  if (buffer == nullptr) return -ENOMEM;
  passwd entry;
  passwd* found = nullptr;
  int error = name.get() != nullptr
                  ? getpwnam_r(name.get(), &entry, buffer, kBuffer, &found)
                  : getpwuid_r(uid, &entry, buffer, kBuffer, &found);
  int result = found != nullptr ? 0 : -(error == 0 ? ENOENT : error);
  if (result == 0 && !(ids->Push(entry.pw_uid) && ids->Push(entry.pw_gid))) {
    result = -ENOMEM;
  }
  if (result == 0) result = AddGroups(entry.pw_name, entry.pw_gid, ids);
  std::free(buffer);
  return result;
}

// (name) or (uid): [uid, gid, ...supplementary groups]; -ENOENT; -errno.
napi_value UserIds(napi_env env, napi_callback_info info) {
  Args args(env, info);
  List<uint32_t> ids;
  int result = FindUser(env, args[0], &ids);
  return result < 0 ? ToJs(env, result) : ToJs(env, ids.data(), ids.size());
}

// (name): gid; -ENOENT as a negative number; -errno.
napi_value GroupId(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Text name(env, args[0]);
  char* buffer = static_cast<char*>(std::malloc(kBuffer));
  if (buffer == nullptr || name.get() == nullptr) {
    std::free(buffer);
    return ToJs(env, -EINVAL);
  }
  group entry;
  group* found = nullptr;
  int error = getgrnam_r(name.get(), &entry, buffer, kBuffer, &found);
  // No "?:" here: it would convert the negative errno to an unsigned gid_t.
  double result = -(error == 0 ? ENOENT : error);
  if (found != nullptr) result = entry.gr_gid;
  std::free(buffer);
  napi_value value;
  return napi_create_double(env, result, &value) == napi_ok ? value : nullptr;
}

constexpr Export kCalls[] = {
    {"userIds", UserIds},
    {"groupId", GroupId},
};

}  // namespace

const Subject kPrivileges(kCalls);

}  // namespace sess
