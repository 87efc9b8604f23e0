// Leaving a process group and a terminal without fork.
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "call.h"
#include "fd.h"
#include "helper.h"
#include "register.h"
#include "signal_block.h"

namespace sess {
namespace {

// The controlling terminal by the name that it has in every process: a
// descriptor, or -errno.
int OpenTerminal() {
  return OrErrno(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
}

// ENXIO is the kernel's word for having no controlling terminal (tty(4));
// ENOENT is a root folder without /dev.
bool IsNone(int terminal) { return terminal == -ENXIO || terminal == -ENOENT; }

// What every way out needs: the terminal if there is one, a helper whose group
// this process can join, and blocked signals. Blocking SIGTTOU lets a
// background process set the foreground group (POSIX XBD 11.1.4).
class WayOut {
 public:
  WayOut() : terminal_(OpenTerminal()) {}

  // 0 or -errno.
  int Open() {
    if (terminal_.get() < 0 && !IsNone(terminal_.get())) return terminal_.get();
    return helper_.Start();
  }
  pid_t group() const { return helper_.pid(); }
  bool has_terminal() const { return terminal_.get() >= 0; }
  pid_t foreground() const { return tcgetpgrp(terminal_.get()); }
  int SetForeground(pid_t group) {
    return OrErrno(tcsetpgrp(terminal_.get(), group));
  }
  int GiveUpTerminal() { return OrErrno(ioctl(terminal_.get(), TIOCNOTTY)); }

 private:
  SignalBlock block_;
  Fd terminal_;
  Helper helper_;
};

// Whether the group has a member; a zombie counts. For group 1 the question
// would be kill(-1), which means every process (kill(2)). So group 1 counts as
// empty, and setsid() itself gives the answer.
bool HasMembers(pid_t group) {
  return group != 1 && (kill(-group, 0) == 0 || errno != ESRCH);
}

// The kernel refuses setsid() while any process has our pid as its group id
// (setsid(2)). So a group leader first moves to the helper's group. Members
// that stay in the old group keep its number in use. No process can join an
// empty group (setpgid(2)), so an empty group stays empty.
int HopToNewSession() {
  pid_t group = getpgrp();
  WayOut out;
  int result = out.Open();
  if (result == 0) result = OrErrno(setpgid(0, out.group()));
  if (result < 0) return result;

  // The terminal may still name the old group as its foreground group. The new
  // session's group gets the same number, so Ctrl-C would still reach this
  // process. The helper's group becomes the foreground group instead.
  bool foreground = out.has_terminal() && out.foreground() == group;
  result = HasMembers(group) ? -EPERM : 0;
  if (result == 0 && foreground) result = out.SetForeground(out.group());
  if (result == 0) result = OrErrno(setsid());
  if (result < 0) {
    setpgid(0, group);
    if (out.foreground() == out.group()) out.SetForeground(group);
  }
  return result;
}

// When a session leader gives up the terminal, its whole session loses it. The
// kernel then sends SIGHUP and SIGCONT to the foreground group (tty_ioctl(4)).
// So the helper's group becomes the foreground group first, and takes these
// signals.
int DisownTerminal() {
  WayOut out;
  int result = out.Open();
  if (result < 0 || !out.has_terminal()) return result;
  pid_t foreground = out.foreground();
  result = out.SetForeground(out.group());
  if (result == 0) result = out.GiveUpTerminal();
  if (result < 0) out.SetForeground(foreground);
  return result;
}

// For a process that can't leave its session: it moves to the helper's group
// for good. When the helper has ended, this process is the only member of that
// group, and the kernel does not reuse the group's number. If the caller of
// TIOCNOTTY is no session leader, only the caller loses the terminal
// (tty_ioctl(4)).
int StandAside() {
  pid_t group = getpgrp();
  WayOut out;
  int result = out.Open();
  if (result == 0) result = OrErrno(setpgid(0, out.group()));
  if (result < 0 || !out.has_terminal()) return result;
  result = out.GiveUpTerminal();
  if (result < 0) setpgid(0, group);
  return result;
}

napi_value Hop(napi_env env, napi_callback_info) {
  return ToJs(env, HopToNewSession());
}

napi_value Disown(napi_env env, napi_callback_info) {
  return ToJs(env, DisownTerminal());
}

napi_value Aside(napi_env env, napi_callback_info) {
  return ToJs(env, StandAside());
}

napi_value HasTerminal(napi_env env, napi_callback_info) {
  Fd terminal(OpenTerminal());
  int result = terminal.get() >= 0 ? 1 : terminal.get();
  return ToJs(env, IsNone(result) ? 0 : result);
}

// Switches SIGHUP between its default action and being ignored. It leaves a
// handler alone: the user installed that by process.on('SIGHUP').
napi_value Hangup(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto wanted = args.Int(0) == 0 ? SIG_DFL : SIG_IGN;
  struct sigaction action;
  int result = OrErrno(sigaction(SIGHUP, nullptr, &action));
  bool handled = action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
  if (result < 0 || handled || action.sa_handler == wanted) {
    return ToJs(env, result);
  }
  action.sa_handler = wanted;
  result = OrErrno(sigaction(SIGHUP, &action, nullptr));
  return ToJs(env, result < 0 ? result : 1);
}

constexpr Export kCalls[] = {
    {"hop", Hop},          {"disownTerminal", Disown},
    {"standAside", Aside}, {"hasTerminal", HasTerminal},
    {"setHangup", Hangup},
};

}  // namespace

const Subject kDetach(kCalls);

}  // namespace sess
