// The helper by posix_spawn(2): compiled, not tested.
#include "../helper.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sess {

// The kernel creates the helper stopped, before its first instruction, as the
// leader of its group and without a copy of any descriptor. It never runs:
// SIGKILL ends it. So any program will do that is always there. libuv waits for
// its own children by pid, so it ignores the SIGCHLD of the helper.
int Helper::Start() {
  posix_spawnattr_t attributes;
  int error = posix_spawnattr_init(&attributes);
  if (error != 0) return -error;
  const int flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_START_SUSPENDED |
                    POSIX_SPAWN_CLOEXEC_DEFAULT;
  error = posix_spawnattr_setflags(&attributes, static_cast<short>(flags));
  if (error == 0) error = posix_spawnattr_setpgroup(&attributes, 0);
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  char* environment[] = {nullptr};
  if (error == 0) {
    error = posix_spawn(&pid_, "/usr/bin/true", nullptr, &attributes, arguments,
                        environment);
  }
  posix_spawnattr_destroy(&attributes);
  if (error != 0) pid_ = -1;
  return -error;
}

Helper::~Helper() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace sess
