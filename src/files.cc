// Files by an open folder and a name, so that nothing between the two can be
// changed by others (openat(2)), and the locks of pidfiles.
#include <fcntl.h>
#include <limits.h>
#include <node_api.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "register.h"
#include "text.h"

namespace sess {
namespace {

constexpr size_t kMaxArgs = 4;

// The arguments of one call. Every status is looked at: in a worker that is
// being terminated Node-API calls may fail, and then there is no value to give.
class Args {
 public:
  Args(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kMaxArgs;
    if (napi_get_cb_info(env, info, &count, values_, nullptr, nullptr) !=
        napi_ok) {
      count = 0;
    }
    count_ = count;
  }
  napi_value operator[](size_t index) const {
    return index < count_ ? values_[index] : nullptr;
  }
  // INT32_MIN, which is no descriptor and no flags, where it is no number.
  int32_t Int(size_t index) const {
    int32_t value = INT32_MIN;
    if (index >= count_ ||
        napi_get_value_int32(env_, values_[index], &value) != napi_ok) {
      return INT32_MIN;
    }
    return value;
  }

 private:
  napi_env env_;
  size_t count_;
  napi_value values_[kMaxArgs] = {};
};

napi_value Number(napi_env env, int value) {
  napi_value result = nullptr;
  return napi_create_int32(env, value, &result) == napi_ok ? result : nullptr;
}

// (folder, name, flags, mode): a descriptor, closed on exec. A folder of -1 is
// the working folder.
napi_value OpenAt(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Text name(env, args[1]);
  if (name.get() == nullptr) return Number(env, -EINVAL);
  int folder = args.Int(0) == -1 ? AT_FDCWD : args.Int(0);
  int fd;
  do {
    fd = openat(folder, name.get(), args.Int(2) | O_CLOEXEC,
                static_cast<mode_t>(args.Int(3)));
  } while (fd < 0 && errno == EINTR);
  return Number(env, fd < 0 ? -errno : fd);
}

// (folder, name): unlinkat(2) of what is no folder.
napi_value UnlinkAt(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Text name(env, args[1]);
  if (name.get() == nullptr) return Number(env, -EINVAL);
  int result = unlinkat(args.Int(0), name.get(), 0);
  return Number(env, result < 0 ? -errno : result);
}

// (folder, from, to): renameat(2) within one folder.
napi_value RenameAt(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Text from(env, args[1]);
  Text to(env, args[2]);
  if (from.get() == nullptr || to.get() == nullptr) {
    return Number(env, -EINVAL);
  }
  int result = renameat(args.Int(0), from.get(), args.Int(0), to.get());
  return Number(env, result < 0 ? -errno : result);
}

// (fd): where the symbolic link leads that is open as `fd` (O_PATH, O_NOFOLLOW;
// readlinkat(2)), or -errno.
napi_value ReadLink(napi_env env, napi_callback_info info) {
  char target[PATH_MAX];
  ssize_t size = readlinkat(Args(env, info).Int(0), "", target, sizeof target);
  if (size < 0) return Number(env, -errno);
  napi_value result = nullptr;
  return napi_create_string_utf8(env, target, static_cast<size_t>(size),
                                 &result) == napi_ok
             ? result
             : nullptr;
}

// A lock that belongs to the open file description (fcntl_locking(2)): it is
// kept over fork and exec, ends with the last descriptor, even by SIGKILL, and
// can be asked for without being taken. A lock of the process, F_SETLK, would
// be gone as soon as anything in Node opened and closed the same file.
#ifdef __linux__
constexpr int kGet = 36;  // F_OFD_GETLK
constexpr int kSet = 37;  // F_OFD_SETLK

// The kernel's struct flock. syscall(), as fcntl() is fcntl64@GLIBC_2.28 where
// off_t has 64 bits.
struct Lock {
  int16_t type;
  int16_t whence;
  int64_t start;
  int64_t length;
  int32_t pid;  // 0 for these commands
};

// (fd, byte, exclusive): a byte of -1 is the whole file.
int Ask(const Args& args, int command, Lock* lock) {
  int32_t byte = args.Int(1);
  *lock = {static_cast<int16_t>(args.Int(2) == 1 ? F_WRLCK : F_RDLCK), SEEK_SET,
           byte < 0 ? 0 : byte, byte < 0 ? 0 : 1, 0};
  return syscall(SYS_fcntl, args.Int(0), command, lock) < 0 ? -errno : 0;
}
#endif

// (fd, byte, exclusive): 0; -EAGAIN when a lock of others is in the way;
// another -errno. Only a descriptor open for writing takes an exclusive lock.
napi_value LockByte(napi_env env, napi_callback_info info) {
#ifdef __linux__
  Lock lock;
  return Number(env, Ask(Args(env, info), kSet, &lock));
#else
  (void)info;
  return Number(env, -ENOTSUP);
#endif
}

// (fd, byte, exclusive): 1 when a lock of others is in the way of such a one, 0
// when none is; -errno.
napi_value IsByteLocked(napi_env env, napi_callback_info info) {
#ifdef __linux__
  Lock lock;
  int result = Ask(Args(env, info), kGet, &lock);
  return Number(env, result < 0 ? result : lock.type != F_UNLCK);
#else
  (void)info;
  return Number(env, -ENOTSUP);
#endif
}

struct Call {
  const char* name;
  napi_callback callback;
};

constexpr Call kCalls[] = {
    {"openAt", OpenAt},     {"unlinkAt", UnlinkAt},
    {"renameAt", RenameAt}, {"readLink", ReadLink},
    {"lockByte", LockByte}, {"isByteLocked", IsByteLocked},
};

}  // namespace

napi_status RegisterFiles(napi_env env, napi_value exports) {
  for (const Call& call : kCalls) {
    napi_value function = nullptr;
    napi_status status = napi_create_function(
        env, call.name, NAPI_AUTO_LENGTH, call.callback, nullptr, &function);
    if (status == napi_ok) {
      status = napi_set_named_property(env, exports, call.name, function);
    }
    if (status != napi_ok) return status;
  }
  return napi_ok;
}

}  // namespace sess
