// The parent of the program, and in the end of all that it has started. What
// can happen, and what the supervisor does:
//
//   the program stops, goes on    it tells Node
//   the program ends              it tells the stand-in, and lives on while
//                                 other processes are left
//   another child ends            it reaps it
//   a signal of the stand-in      it passes it on to the program
//   the stand-in was killed       it kills the program, as the signal was meant
//   a word of Node                `signal`, `kill`: to all that is left
//   Node ends                     it ends everything
//   nothing is left               it tells Node and the stand-in, and ends
#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../fds.h"
#include "../socket.h"
#include "../text.h"
#include "contain.h"

// Milliseconds between two looks for new members: while a signal goes to all of
// them, and while they are killed. kPatience: when Node has ended, the time
// until the killed processes have to be gone. kExits: the
// time that they have for their exit before a look.
enum { kExits = 20, kPause = 10, kKillPause = 1, kPatience = 5000 };

static const Word kWords[] = {CONTAIN_WORDS(PROTOCOL_ROW)};
enum { kWordCount = sizeof kWords / sizeof *kWords };
typedef enum { CONTAIN_WORDS(PROTOCOL_NAME) } ContainWord;

static struct {
  struct supervision with;
  int signals;
  // Node has a pidfd of the program, or will never have one: the program may
  // be reaped. Until then no other process gets its number.
  bool held;
  bool reaped;
  struct ending ending;
  bool told;
  int64_t next_look;  // for members that the order has not reached
  int64_t deadline;   // of the end, when Node has ended; or 0
} self;

static void Loosen(void) {
  close(self.with.channel);
  self.with.channel = -1;
  OpenLines(-1);
  self.held = true;
}

static void TellEnding(bool last) {
  if (self.told) return;
  self.told = true;
  self.ending.last = last;
  send(self.with.link, &self.ending, sizeof self.ending, MSG_NOSIGNAL);
  // It may be stopped, and would never hear of it.
  SignalByPidfd(self.with.above, SIGCONT);
}

static _Noreturn void NothingIsLeft(void) {
  TellNode(kEmpty, NULL);
  RemoveCgroup();
  FinishLines();
  TellEnding(true);
  _exit(0);
}

// Reaps the program: its exit is the stand-in's. False until Node has let it.
static bool ReapProgram(const siginfo_t* info) {
  if (!self.held) return false;
  bool exited = info->si_code == CLD_EXITED;
  self.ending.code = exited ? info->si_status : -1;
  self.ending.signal = exited ? 0 : info->si_status;
  waitpid(self.with.program, NULL, 0);
  self.reaped = true;
  return true;
}

static void LookAtChildren(void) {
  if (!self.reaped) TellStops(self.with.program);
  siginfo_t info;
  for (;;) {
    info.si_pid = 0;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
      // The kernel's answer that no process is left below the supervisor.
      if (errno == ECHILD) NothingIsLeft();
      break;
    }
    if (info.si_pid == 0) break;
    if (info.si_pid != self.with.program || self.reaped) {
      waitpid(info.si_pid, NULL, 0);
    } else if (!ReapProgram(&info)) {
      break;
    }
  }
  if (self.reaped) TellEnding(false);
}

static int64_t Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Each child that ends wakes the supervisor: it looks again only after a pause,
// at least as long as the last look.
static void Follow(void) {
  int64_t began = Now();
  if (began < self.next_look) return;
  // Before a look, which may take long while the program starts others.
  if (GivenOrder() == kOrderKill && !self.reaped)
    KillProgram(self.with.program);
  FollowOrder();
  int64_t end = Now();
  self.next_look =
      end + (end - began) + (GivenOrder() == kOrderKill ? kKillPause : kPause);
}

static void Obey(const Message* message) {
  switch ((ContainWord)message->word) {
    case kHeld:
      self.held = true;
      break;
    case kSignalAll:
      OrderSignal((int)message->values[0]);
      break;
    case kKillAll:
      if (KillAtOnce(self.with.program)) {
        OrderKill();
        self.next_look = Now() + kExits;
        return;
      }
      // Follow() kills the program first. Node has to hear of it before.
      OrderKill();
      FollowOrder();
      break;
    case kLook:
      if (!self.reaped) TellStops(self.with.program);
      TellNode(kLooked, NULL);
      return;
    case kRest:
      OrderNothing();
      break;
  }
  self.next_look = 0;
  Follow();
}

// Lines, of which the last may come in parts.
static void HearNode(void) {
  static char text[256];
  static size_t length;
  ssize_t size = recv(self.with.channel, text + length,
                      sizeof text - 1 - length, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // A worker of Node has ended, and Node may live on: its end is the leash's.
  if (size <= 0) {
    Loosen();
    return;
  }
  length += (size_t)size;
  text[length] = '\0';
  char* line = text;
  for (char* end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = '\0';
    Message message;
    if (Decode(kWords, kWordCount, ' ', line, &message)) Obey(&message);
  }
  length = strlen(line);
  memmove(text, line, length + 1);
}

static void HearStandIn(void) {
  int number;
  ssize_t size =
      TakeBytes(self.with.link, &number, sizeof number, MSG_DONTWAIT);
  if (size == sizeof number) {
    if (!self.reaped) PassOn(self.with.program, number);
  } else if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
    // It has ended with the program, or somebody has killed it, which is what
    // the program was meant to get.
    close(self.with.link);
    self.with.link = -1;
    if (!self.reaped) SignalChild(self.with.program, SIGKILL);
  }
}

static void NodeHasEnded(void) {
  close(self.with.leash);
  self.with.leash = -1;
  if (self.with.channel >= 0) Loosen();
  OrderKill();
  self.deadline = Now() + kPatience;
  self.next_look = 0;
  Follow();
}

_Noreturn void Supervise(const struct supervision* supervision) {
  self.with = *supervision;
  self.held = self.with.channel < 0;
  int keep[] = {self.with.link,
                self.with.channel,
                self.with.leash,
                self.with.above,
                -1,
                -1};
  CgroupDescriptors(keep + 4);
  CloseAllBut(keep, sizeof keep / sizeof *keep);
  // It must not hold the caller's folder. It has no other use for one.
  (void)!chdir("/");
  OpenLines(self.with.channel);
  TellBeginning(self.with.program);
  self.signals = OpenSignals(OneSignal(SIGCHLD));
  for (;;) {
    bool flushed = FlushLines();
    struct pollfd events[] = {
        {self.with.link, POLLIN, 0},
        {self.with.channel, (short)(POLLIN | (flushed ? 0 : POLLOUT)), 0},
        {self.with.leash, POLLIN, 0},
        {self.signals, POLLIN, 0}};
    bool idle = GivenOrder() == kOrderNothing && self.signals >= 0;
    int pause = idle ? -1 : (int)(self.next_look - Now());
    if (!idle && pause < 0) pause = 0;
    if (self.signals < 0) pause = kPause;
    poll(events, sizeof events / sizeof *events, pause);
    TakePending(SIGCHLD, NULL);
    if (events[1].revents != 0) HearNode();
    if (events[0].revents != 0) HearStandIn();
    if (events[2].revents != 0) NodeHasEnded();
    LookAtChildren();
    Follow();
    if (self.deadline != 0 && Now() >= self.deadline) _exit(1);
  }
}
#endif
