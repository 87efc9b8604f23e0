// Becoming another program without a new pid.

// With a 64-bit off_t, fcntl() becomes fcntl64@GLIBC_2.28, which an older glibc
// lacks.
#undef _FILE_OFFSET_BITS

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "call.h"
#include "register.h"

namespace sess {
namespace {

// The bytes of a Buffer. Empty for any other value.
struct Bytes {
  Bytes(napi_env env, napi_value value) {
    void* bytes = nullptr;
    size_t length = 0;
    if (napi_get_buffer_info(env, value, &bytes, &length) != napi_ok) return;
    data = static_cast<char*>(bytes);
    size = length;
  }
  bool Ends() const { return size > 0 && data[size - 1] == '\0'; }

  char* data = nullptr;
  size_t size = 0;
};

// Splits a Buffer into a null-terminated array of its strings. A NUL ends each
// string, as in /proc/PID/cmdline. Returns null when there is no memory.
char** Split(const Bytes& bytes) {
  size_t count = 0;
  for (size_t i = 0; i < bytes.size; i++) count += bytes.data[i] == '\0';
  auto list = static_cast<char**>(std::calloc(count + 1, sizeof(char*)));
  if (list == nullptr) return nullptr;
  char* next = bytes.data;
  for (size_t i = 0; i < count; i++) {
    list[i] = next;
    next += std::strlen(next) + 1;
  }
  return list;
}

// Opens a descriptor for the next program, or closes it again at exec. Node has
// marked every inherited descriptor close-on-exec. It has made pipes
// non-blocking, also for every other process that shares them.
int Leave(int fd, bool open) {
  int result = OrErrno(fcntl(fd, F_SETFD, open ? 0 : FD_CLOEXEC));
  int flags = open && result == 0 && fd <= 2 ? fcntl(fd, F_GETFL) : -1;
  if (flags >= 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  return result;
}

// Ignored signals stay ignored over exec, and Node ignores these two.
void IgnoreAsNode(bool ignore) {
  for (int number : {SIGPIPE, SIGXFSZ}) {
    signal(number, ignore ? SIG_IGN : SIG_DFL);
  }
}

int Become(const char* path, char** argv, char** env, const Bytes& fds) {
  size_t count = fds.size / sizeof(int32_t), done = 0;
  int result = 0;
  for (; result == 0 && done < count; done++) {
    int32_t fd;
    std::memcpy(&fd, fds.data + done * sizeof fd, sizeof fd);
    result = Leave(fd, true);
    // A descriptor that is already closed needs no change.
    if (result == -EBADF) result = 0;
  }
  if (result == 0) {
    IgnoreAsNode(false);
    execve(path, argv, env);
    result = -errno;
    IgnoreAsNode(true);
  }
  while (done-- > 0) {
    int32_t fd;
    std::memcpy(&fd, fds.data + done * sizeof fd, sizeof fd);
    if (fd > 2) Leave(fd, false);
  }
  return result;
}

// (path, argv, env, fds): execve(2), with the descriptors in `fds` (int32s)
// left open. The kernel ends all other threads and closes every descriptor that
// is not in `fds`.
napi_value Execute(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Bytes path(env, args[0]), argv(env, args[1]), variables(env, args[2]);
  Bytes fds(env, args[3]);
  bool is_empty = variables.size == 0;
  if (!path.Ends() || !argv.Ends() || !(is_empty || variables.Ends())) {
    return ToJs(env, -EINVAL);
  }
  char** list = Split(argv);
  char** environment = Split(variables);
  int result = list == nullptr || environment == nullptr
                   ? -ENOMEM
                   : Become(path.data, list, environment, fds);
  std::free(list);
  std::free(environment);
  return ToJs(env, result);
}

constexpr Export kCalls[] = {{"execute", Execute}};

}  // namespace

const Subject kExecute(kCalls);

}  // namespace sess
