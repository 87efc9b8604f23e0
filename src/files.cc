// File calls that take an open folder and a name: no other process can swap the
// folder in between (openat(2)). Also the locks of pidfiles.
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

// (folder, name): unlinkat(2), for anything but a folder.
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

// (fd): the target of the symbolic link that is open as `fd` (O_PATH,
// O_NOFOLLOW; readlinkat(2)), or -errno.
napi_value ReadLink(napi_env env, napi_callback_info info) {
  char target[PATH_MAX + 1];
  ssize_t size = readlinkat(Args(env, info).Int(0), "", target, PATH_MAX);
  if (size < 0) return ToJs(env, -errno);
  target[size] = '\0';
  return ToJs(env, static_cast<const char*>(target));
}

// (fd): the next numbers that an open folder of /proc lists, as int32s; none at
// its end; -errno. readdir() would have the kernel make a thousand entries at a
// time, which takes it a millisecond (proc_fill_cache in its fs/proc/base.c).
napi_value NextNumbers(napi_env env, napi_callback_info info) {
#ifdef __linux__
  alignas(uint64_t) char bytes[2048];
  int32_t numbers[sizeof bytes / 24];  // of d_off, d_ino and a short name
  size_t count = 0;
  int fd = Args(env, info).Int(0);
  // A folder may have other entries alone for a while: "." and "..".
  while (count == 0) {
    auto size = syscall(SYS_getdents64, fd, bytes, sizeof bytes);
    if (size < 0) return ToJs(env, -errno);
    if (size == 0) break;
    for (int64_t at = 0; at < size;) {
      // struct linux_dirent64 (getdents(2)): two 64-bit numbers, the length of
      // the entry, its type, its name.
      uint16_t length;
      memcpy(&length, bytes + at + 16, sizeof length);
      const char* name = bytes + at + 19;
      uint32_t number = 0;  // too many digits wrap around
      for (const char* c = name; *c >= '0' && *c <= '9'; c++) {
        number = number * 10 + static_cast<uint32_t>(*c - '0');
      }
      if (*name >= '0' && *name <= '9') {
        numbers[count++] = static_cast<int32_t>(number);
      }
      at += length;
    }
  }
  return ToJs(env, static_cast<const void*>(numbers), count * sizeof *numbers);
#else
  (void)info;
  return ToJs(env, -ENOSYS);
#endif
}

// A lock that belongs to the open file description (fcntl_locking(2)). It stays
// over fork and exec. It ends when the last descriptor closes, even by SIGKILL.
// A process can ask about it without taking it. F_SETLK would give a lock of
// the process: that one ends as soon as any code in Node opens and closes the
// same file.
#ifdef __linux__
constexpr int kGet = 36;  // F_OFD_GETLK
constexpr int kSet = 37;  // F_OFD_SETLK

// The kernel's struct flock. It goes with syscall(), because with a 64-bit
// off_t fcntl() becomes fcntl64@GLIBC_2.28.
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

// (fd, byte, exclusive): 0; -EAGAIN when another lock is in the way; another
// -errno. Only a descriptor that is open for writing can take an exclusive
// lock.
napi_value LockByte(napi_env env, napi_callback_info info) {
#ifdef __linux__
  Lock lock;
  return ToJs(env, Ask(Args(env, info), kSet, &lock));
#else
  (void)info;
  return ToJs(env, -ENOTSUP);
#endif
}

// (fd, byte, exclusive): 1 when another lock would be in the way of this one, 0
// when none would; -errno.
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
    {"openAt", OpenAt},           {"unlinkAt", UnlinkAt},
    {"renameAt", RenameAt},       {"readLink", ReadLink},
    {"lockByte", LockByte},       {"isByteLocked", IsByteLocked},
    {"nextNumbers", NextNumbers},
};

}  // namespace

const Subject kFiles(kCalls);

}  // namespace sess
