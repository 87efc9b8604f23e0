// The helper by clone(2).
#include "../helper.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sess {
namespace {

// Enough for a few system calls; no signal handler runs on it.
alignas(16) char stack[4096];
pid_t parent;

// The addon is bound lazily (binding.gyp). The first call through the linkage
// table runs the dynamic linker, which saves all vector registers: too much for
// that stack. A pointer is bound when the addon is loaded.
long (*const volatile kernel)(long, ...) = syscall;

// Runs in the helper, which shares its memory with every thread of Node. It
// makes only system calls that can't fail: a failure would change Node's errno.
int Idle(void*) {
  kernel(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // If the parent was killed before prctl, the kernel sends no signal: the
  // helper ends itself.
  if (kernel(SYS_getppid) != parent) return 0;
  for (;;) kernel(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
}

}  // namespace

// CLONE_VM copies no page tables, so the cost does not grow with the heap.
// CLONE_FILES copies no descriptors, so the helper keeps no pipe open. The
// helper has no exit signal, so libuv's SIGCHLD handler never learns of it
// (clone(2)).
int Helper::Start() {
  parent = getpid();
  void* top = stack + sizeof stack;
  int pid = clone(Idle, top, CLONE_VM | CLONE_FILES | CLONE_FS, nullptr);
  // qemu-user refuses a clone that is neither a thread nor a fork.
  if (pid < 0 && errno == EINVAL) pid = clone(Idle, top, SIGCHLD, nullptr);
  if (pid < 0) return -errno;
  pid_ = pid;
  // Allowed because the helper has not called exec (setpgid(2)).
  return setpgid(pid, pid) == 0 ? 0 : -errno;
}

Helper::~Helper() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  // A child without exit signal is only seen with __WALL (wait(2)).
  while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
  }
}

}  // namespace sess
