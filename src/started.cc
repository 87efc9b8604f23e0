// What this process was started with, as the kernel recorded it. The addon
// reads it when Node loads the addon, before the program can change it.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "call.h"
#include "fd.h"
#include "register.h"

namespace sess {
namespace {

struct Folder {
  char path[PATH_MAX];
  dev_t device;
  ino_t node;
  int error;
};

// Strings, each ended by a NUL.
struct Strings {
  char* bytes;
  size_t size;
  int error;
};

Folder folder;
Strings arguments;
Strings environment;

#ifdef __linux__
// glibc 2.33 renamed the symbols of stat() and fstat(): an addon that used them
// would not load on an older glibc. On 64-bit systems the kernel's struct stat
// is libc's.
int Stat(int fd, struct stat* found) {
  return OrErrno(static_cast<int>(syscall(SYS_fstat, fd, found)));
}

int ReadAll(const char* path, Strings* strings) {
  Fd file(open(path, O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return -errno;
  size_t room = 0;
  for (;;) {
    if (strings->size == room) {
      room = room == 0 ? 4096 : room * 2;
      void* more = std::realloc(strings->bytes, room);
      if (more == nullptr) return -ENOMEM;
      strings->bytes = static_cast<char*>(more);
    }
    ssize_t got =
        read(file.get(), strings->bytes + strings->size, room - strings->size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) return 0;
    strings->size += static_cast<size_t>(got);
  }
}

// Reads both early, because /proc shows what is in memory now. process.title
// overwrites the arguments (uv_set_process_title). /proc also hides both from a
// process that has changed its user, as this one may later.
void ReadStrings() {
  arguments.error = ReadAll("/proc/self/cmdline", &arguments);
  environment.error = ReadAll("/proc/self/environ", &environment);
}

// O_PATH asks for no right to read the folder.
constexpr int kFolder = O_PATH | O_DIRECTORY | O_CLOEXEC;

int ReadFolder() {
  // A removed folder has no path, but the process can stay in it.
  if (getcwd(folder.path, sizeof folder.path) == nullptr) *folder.path = '\0';
  Fd here(open(".", kFolder));
  if (here.get() < 0) return -errno;
  struct stat found;
  int result = Stat(here.get(), &found);
  folder.device = found.st_dev;
  folder.node = found.st_ino;
  return result;
}

bool IsFirstFolder(int fd) {
  struct stat found;
  return Stat(fd, &found) == 0 && found.st_dev == folder.device &&
         found.st_ino == folder.node;
}

// Enters the first folder: 0, or -errno with the working folder unchanged. By
// now another folder may have the old path. The call refuses it: there the
// relative paths of the command would name other programs.
int EnterFolder() {
  if (folder.error < 0) return folder.error;
  Fd here(open(".", kFolder));
  if (here.get() >= 0 && IsFirstFolder(here.get())) return 0;
  Fd first(open(folder.path, kFolder));
  if (first.get() < 0) return -errno;
  if (!IsFirstFolder(first.get())) return -ENOENT;
  return OrErrno(fchdir(first.get()));
}
#else
void ReadStrings() { arguments.error = environment.error = -ENOSYS; }
int ReadFolder() { return -ENOSYS; }
int EnterFolder() { return -ENOSYS; }
#endif

// The constructor runs once, for the first thread that loads the addon.
__attribute__((constructor)) void Record() {
  ReadStrings();
  folder.error = ReadFolder();
}

// A copy of them; -errno.
napi_value Copy(napi_env env, const Strings& strings) {
  if (strings.error < 0) return ToJs(env, strings.error);
  return ToJs(env, strings.bytes, strings.size);
}

napi_value StartedArguments(napi_env env, napi_callback_info) {
  return Copy(env, arguments);
}

napi_value StartedEnvironment(napi_env env, napi_callback_info) {
  return Copy(env, environment);
}

napi_value EnterStartedFolder(napi_env env, napi_callback_info) {
  return ToJs(env, EnterFolder());
}

constexpr Export kCalls[] = {
    {"startedArguments", StartedArguments},
    {"startedEnvironment", StartedEnvironment},
    {"enterStartedFolder", EnterStartedFolder},
};

}  // namespace

const Subject kStarted(kCalls);

}  // namespace sess
