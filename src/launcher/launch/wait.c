// What can happen while we wait, and what is done about it in each phase.
#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"

bool ChildIs(int states, siginfo_t* info) {
  info->si_pid = 0;
  return self.child > 0 &&
         waitid(P_PID, (id_t)self.child, info, states | WNOHANG | WNOWAIT) ==
             0 &&
         info->si_pid == self.child;
}

void ReapOrphans(void) {
  pid_t list[64];
  int count = Children(list, sizeof list / sizeof *list);
  for (int i = 0; i < count; i++) {
    if (list[i] != self.child && !IsCanary(list[i]))
      waitpid(list[i], NULL, WNOHANG);
  }
}

static void Pass(int number) { SignalChild(self.child, number); }
static void Cancel(int number) { Finish(kEndCancelled, number); }
static void StopAlone(int number) {
  (void)number;
  SignalSelf(SIGSTOP);
}

// What the launcher does with a signal in each phase. `direct`: it went to the
// launcher's pid alone. `group`: it went to the whole group. In kTogether the
// program is in that group and has got the signal itself, so the launcher does
// nothing then.
typedef struct {
  void (*direct)(int number);
  void (*group)(int number);
} Reaction;
enum { kEnds, kStops, kOther, kSignalKinds };
static const Reaction kReactions[][kSignalKinds] = {
    [kTogether] = {[kEnds] = {Pass, NULL},
                   [kStops] = {Pass, NULL},
                   [kOther] = {Pass, NULL}},
    [kApart] = {[kEnds] = {Cancel, Cancel},
                [kStops] = {StopAlone, StopAlone},
                [kOther] = {Pass, NULL}},
};

static int KindOf(int number) {
  switch (number) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGTERM:
      return kEnds;
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      return kStops;
    default:
      return kOther;
  }
}

static void HandleSignal(int number) {
  bool direct = TakeSignal(number);
  // With --report the guard passes on the signals that end the launcher, and no
  // others.
  if (self.report >= 0 && KindOf(number) != kEnds) return;
  // A SIGCONT to the command does not continue a daemon.
  if (self.phase == kApart && number == SIGCONT) return;
  const Reaction* reaction = &kReactions[self.phase][KindOf(number)];
  void (*act)(int) = direct ? reaction->direct : reaction->group;
  if (act != NULL) act(number);
}

// A SIGCHLD of the kernel tells of a child. One that a process has sent is for
// the program too.
static void TakeChildSignal(void) {
  bool known;
  bool group = TakeFromCanary(SIGCHLD, &known);
  siginfo_t info;
  if (TakePending(SIGCHLD, &info) == SIGCHLD && info.si_code <= 0 && !group &&
      self.report < 0)
    Pass(SIGCHLD);
}

static void HandleSignals(void) {
  SignalSet pending = PendingSignals();
  for (int number = 1; number <= kLastSignal; number++) {
    if ((pending & OneSignal(number)) == 0) continue;
    if (number == SIGCHLD) {
      TakeChildSignal();
    } else {
      HandleSignal(number);
    }
  }
}

// One byte: the caller has heard of the program. End of file: the caller is
// gone.
static void ReadAnswer(void) {
  char answer;
  ssize_t size = read(self.direct, &answer, 1);
  if (size == 1) LetBegin();
  if (size == 0) Cancel(SIGTERM);
}

static void ReadReady(void) {
  char bytes[64];
  ssize_t size = read(self.ready, bytes, sizeof bytes);
  if (size > 0) Ready(0);
  if (size < 0 && errno == EINTR) return;
  close(self.ready);
  self.ready = -1;
}

// When the program ends, the launcher ends in the same way. A program that had
// to become a daemon has failed instead.
static void EndWithChild(const siginfo_t* info) {
  if (self.expected) EndedBeforeReady(info);
  waitpid(self.child, NULL, 0);
  EndCanary();
  // It may have been killed between the pidfile and its own session.
  RemovePidFile(self.child);
  if (info->si_code == CLD_EXITED) _exit(info->si_status);
  DieBy(info->si_status);
}

// What the launcher does when the program stops or ends, by the phase. A daemon
// may stop.
static const struct {
  void (*stopped)(int number);
  void (*ended)(const siginfo_t* info);
} kChildEvents[] = {
    [kTogether] = {MirrorStop, EndWithChild},
    [kApart] = {NULL, EndedBeforeReady},
};

void LookAtStop(void) {
  siginfo_t info;
  void (*stopped)(int number) = kChildEvents[self.phase].stopped;
  if (stopped != NULL && ChildIs(WSTOPPED, &info)) stopped(info.si_status);
}

static void LookAtChild(void) {
  siginfo_t info;
  LookAtStop();
  if (ChildIs(WEXITED, &info)) kChildEvents[self.phase].ended(&info);
}

static void LookAtClock(void) {
  if (self.up != kNoTime && Now() >= self.up) Ready(0);
  if (self.deadline != kNoTime && Now() >= self.deadline)
    Finish(kEndTimeout, 0);
}

// Milliseconds until the next time limit, at most an hour; -1: there is none.
static int TimeLeft(void) {
  int64_t next = self.deadline;
  if (self.up != kNoTime && (next == kNoTime || self.up < next)) next = self.up;
  if (next == kNoTime) return -1;
  int64_t left = next - Now();
  if (left < 0) return 0;
  enum { kHour = 3600000 };
  return left > kHour ? kHour : (int)left;
}

_Noreturn void Wait(void) {
  for (;;) {
    enum {
      kSignals,
      kListener,
      kLink,
      kReady,
      kNotify,
      kReport,
      kAnswer,
      kCount
    };
    // poll skips a negative fd. For `report` it only tells that no process
    // reads it any more.
    struct pollfd events[kCount] = {[kSignals] = {self.signals, POLLIN, 0},
                                    [kListener] = {self.listener, POLLIN, 0},
                                    [kLink] = {self.link, POLLIN, 0},
                                    [kReady] = {self.ready, POLLIN, 0},
                                    [kNotify] = {self.notify, POLLIN, 0},
                                    [kReport] = {self.report, 0, 0},
                                    [kAnswer] = {-1, POLLIN, 0}};
    if (self.gate >= 0) events[kAnswer].fd = self.direct;
    poll(events, kCount, TimeLeft());
    // First what the program has said, then how it has ended, then the clock.
    if (events[kLink].revents != 0) ReadLink();
    if (events[kListener].revents != 0) {
      AcceptLink();
      ReadLink();
    }
    if (events[kReady].revents != 0) ReadReady();
    if (events[kNotify].revents != 0) ReadNotify();
    if (events[kReport].revents != 0) Cancel(SIGTERM);
    if (events[kAnswer].revents != 0) ReadAnswer();
    if (events[kSignals].revents != 0) {
      HandleSignals();
      // More messages may have come since the poll. The launcher reads them
      // before it reaps their senders.
      ReadLink();
      if (self.notify >= 0) ReadNotify();
      ReapOrphans();
    }
    LookAtChild();
    LookAtClock();
  }
}
#endif
