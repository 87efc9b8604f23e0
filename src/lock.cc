// The lock of a pidfile.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "call.h"
#include "register.h"

namespace sess {
namespace {

// A lock that belongs to the open file description (fcntl_locking(2)): it is
// kept over fork and exec, ends with the last descriptor, even by SIGKILL, and
// can be asked for without being taken. A lock of the process, F_SETLK, would
// be gone as soon as anything in Node opened and closed the same file.
#ifdef __linux__
constexpr int kSet = 37;  // F_OFD_SETLK
constexpr int kGet = 36;  // F_OFD_GETLK

// The kernel's struct flock. syscall(), as fcntl() is fcntl64@GLIBC_2.28 where
// off_t has 64 bits.
struct Lock {
  int16_t type;
  int16_t whence;
  int64_t start;
  int64_t length;
  int32_t pid;  // 0 for these commands
};

int Whole(int fd, int command, Lock* lock) {
  *lock = {F_WRLCK, SEEK_SET, 0, 0, 0};
  return OrErrno(static_cast<int>(syscall(SYS_fcntl, fd, command, lock)));
}
#endif

// 0; -EAGAIN when somebody else has it; another -errno.
napi_value LockFile(napi_env env, napi_callback_info info) {
  Args args(env, info);
#ifdef __linux__
  Lock lock;
  return ToJs(env, Whole(args.Int(0), kSet, &lock));
#else
  return ToJs(env, OrErrno(flock(args.Int(0), LOCK_EX | LOCK_NB)));
#endif
}

// 1 when somebody else has it, 0 when nobody has; -errno.
napi_value IsLocked(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int fd = args.Int(0);
#ifdef __linux__
  Lock lock;
  int result = Whole(fd, kGet, &lock);
  return ToJs(env, result < 0 ? result : lock.type != F_UNLCK);
#else
  // flock can only be asked by taking it.
  if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
    flock(fd, LOCK_UN);
    return ToJs(env, 0);
  }
  return ToJs(env, errno == EWOULDBLOCK ? 1 : -errno);
#endif
}

}  // namespace

napi_status RegisterLock(napi_env env, napi_value exports) {
  constexpr Export kCalls[] = {
      {"lockFile", LockFile},
      {"isLocked", IsLocked},
  };
  return AddTo(env, exports, kCalls);
}

}  // namespace sess
