// Files by an open folder and a name, so that nothing between the two can be
// changed by others (openat(2)), and the locks of pidfiles.
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "call.h"
#include "register.h"
#include "text.h"

namespace sess {
namespace {

// (folder, name, flags, mode): a descriptor, closed on exec. A folder of -1 is
// the working folder.
napi_value OpenAt(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Text name(env, args[1]);
  if (name.get() == nullptr) return ToJs(env, -EINVAL);
  int folder = args.Int(0) == -1 ? AT_FDCWD : args.Int(0);
  int fd;
  do {
    fd = openat(folder, name.get(), args.Int(2) | O_CLOEXEC,
                static_cast<mode_t>(args.Int(3)));
  } while (fd < 0 && errno == EINTR);
  return ToJs(env, OrErrno(fd));
}

// (folder, name): unlinkat(2) of what is no folder.
napi_value UnlinkAt(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Text name(env, args[1]);
  if (name.get() == nullptr) return ToJs(env, -EINVAL);
  return ToJs(env, OrErrno(unlinkat(args.Int(0), name.get(), 0)));
}

// (folder, from, to): renameat(2) within one folder.
napi_value RenameAt(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Text from(env, args[1]);
  Text to(env, args[2]);
  if (from.get() == nullptr || to.get() == nullptr) {
    return ToJs(env, -EINVAL);
  }
  int folder = args.Int(0);
  return ToJs(env, OrErrno(renameat(folder, from.get(), folder, to.get())));
}

// (fd): where the symbolic link leads that is open as `fd` (O_PATH, O_NOFOLLOW;
// readlinkat(2)), or -errno.
napi_value ReadLink(napi_env env, napi_callback_info info) {
  char target[PATH_MAX + 1];
  ssize_t size = readlinkat(Args(env, info).Int(0), "", target, PATH_MAX);
  if (size < 0) return ToJs(env, -errno);
  target[size] = '\0';
  return ToJs(env, static_cast<const char*>(target));
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
  return ToJs(env, Ask(Args(env, info), kSet, &lock));
#else
  (void)info;
  return ToJs(env, -ENOTSUP);
#endif
}

// (fd, byte, exclusive): 1 when a lock of others is in the way of such a one, 0
// when none is; -errno.
napi_value IsByteLocked(napi_env env, napi_callback_info info) {
#ifdef __linux__
  Lock lock;
  int result = Ask(Args(env, info), kGet, &lock);
  return ToJs(env, result < 0 ? result : lock.type != F_UNLCK);
#else
  (void)info;
  return ToJs(env, -ENOTSUP);
#endif
}

constexpr Export kCalls[] = {
    {"openAt", OpenAt},     {"unlinkAt", UnlinkAt},
    {"renameAt", RenameAt}, {"readLink", ReadLink},
    {"lockByte", LockByte}, {"isByteLocked", IsByteLocked},
};

}  // namespace

const Subject kFiles(kCalls);

}  // namespace sess
