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

// What every way out needs: the terminal, if there is one, a helper's group to
// stand in, and signals blocked meanwhile. SIGTTOU among them, so that the
// foreground group can be set from the background (POSIX XBD 11.1.4).
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

// Whether any process is in the group, if only a zombie. kill(-1) would ask for
// every process there is (kill(2)): of group 1 setsid() itself has to tell.
bool HasMembers(pid_t group) {
  return group != 1 && (kill(-group, 0) == 0 || errno != ESRCH);
}

// setsid() is refused while any process has our pid as its group (setsid(2)),
// so a group leader first moves to the helper's group. Members that stay behind
// keep the number in use. No process can join a group that has no members
// (setpgid(2)): one that is seen empty stays so.
int HopToNewSession() {
  pid_t group = getpgrp();
  WayOut out;
  int result = out.Open();
  if (result == 0) result = OrErrno(setpgid(0, out.group()));
  if (result < 0) return result;

  // The new session's group has the number that the terminal still holds as its
  // foreground group: Ctrl-C would go on reaching us.
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

// A session leader gives the terminal up for its whole session, and the
// foreground group gets SIGHUP and SIGCONT (tty_ioctl(4)): the helper's group
// stands there to take them.
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

// For a process that can't leave the session. The helper's group outlives it
// with us as the only member, and its number is not given out again meanwhile.
// TIOCNOTTY of a process that isn't session leader concerns no other
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

// Only the default action is changed: a handler is the user's own, installed by
// process.on('SIGHUP').
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
