// How a wait ends. After a failed start this leaves no process behind.
#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../search.h"
#include "../text.h"
#include "launch.h"

// kPatience: milliseconds until the killed processes have to be gone. kNoRight:
// the same when the launcher may signal none of them.
enum { kPatience = 5000, kNoRight = 300, kPause = 10, kRoom = 64 };

static const Word kReports[] = {REPORT_WORDS(PROTOCOL_ROW)};

bool Report(ReportWord word, const long long* values) {
  char line[64];
  int length = Encode(&kReports[word], values, line, sizeof line);
  line[length++] = '\n';
  // SIGPIPE is blocked.
  return write(self.report, line, (size_t)length) == length ||
         (self.direct >= 0 &&
          write(self.direct, line, (size_t)length) == length);
}

void ReportStarted(void) {
  Report(kStarted, (long long[]){self.child, (long long)self.ticks});
}

static bool LeadsGroup(void) {
  return self.child > 0 && getpgid(self.child) == self.child;
}

// The launcher's children, and the program is one of them. A process that has
// left the program's group becomes a child when its parent ends. Without /proc
// the launcher knows only the program.
static int Below(pid_t* list) {
  int count = Children(list, kRoom);
  if (count >= 0) return count;
  list[0] = self.child;
  return self.child > 0;
}

static bool ProgramLives(void) {
  siginfo_t info;
  if (self.child <= 0) return false;
  return !ChildIs(WEXITED, &info) ||
         (LeadsGroup() && GroupLives(self.child) == kSomebody);
}

static void AskOne(pid_t pid) {
  SignalChild(pid, SIGTERM);
  SignalChild(pid, SIGCONT);
}

// Sends SIGTERM once to each process, and gives it time to end.
static void AskToEnd(int64_t grace) {
  if (LeadsGroup()) {
    SignalGroupOf(self.child, SIGTERM);
    SignalGroupOf(self.child, SIGCONT);
  }
  pid_t told[kRoom], list[kRoom];
  int told_count = 0;
  for (int64_t end = Now() + grace;; Doze(kPause)) {
    ReapOrphans();
    int count = Below(list);
    bool others = false;
    for (int i = 0; i < count; i++) {
      others = others || list[i] != self.child;
      bool known = LeadsGroup() && getpgid(list[i]) == self.child;
      for (int j = 0; j < told_count; j++) known = known || told[j] == list[i];
      if (known || told_count == kRoom) continue;
      told[told_count++] = list[i];
      AskOne(list[i]);
    }
    if ((!ProgramLives() && !others) || Now() >= end) return;
  }
}

// Sends SIGKILL to all. False when there was no process that this could kill.
static bool KillAll(void) {
  bool any = LeadsGroup() && SignalGroupOf(self.child, SIGKILL) == 0;
  pid_t list[kRoom];
  int count = Below(list);
  for (int i = 0; i < count; i++)
    any = SignalChild(list[i], SIGKILL) == 0 || any;
  return any;
}

size_t EndEverything(int64_t grace, pid_t* left, size_t room) {
  if (grace > 0) AskToEnd(grace);
  bool any = false;
  for (int64_t start = Now(); Now() < start + (any ? kPatience : kNoRight);
       Doze(kPause / 5)) {
    any = KillAll() || any;
    ReapOrphans();
    // Reaping the program frees its number. So the launcher reaps it only when
    // the rest of its group has ended.
    if (self.child > 0 && !ProgramLives() &&
        waitpid(self.child, NULL, WNOHANG) == self.child)
      self.child = -1;
    // ECHILD is the kernel's answer that no process is left below the launcher.
    if (waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) != 0 &&
        errno == ECHILD)
      return 0;
  }
  pid_t list[kRoom];
  int count = Below(list);
  size_t found = 0;
  for (int i = 0; i < count && found < room; i++)
    if (StateOf(list[i]) != 'Z') left[found++] = list[i];
  return found;
}

static const char* SignalName(int number) {
  const char* names[] = {
      [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT",
      [SIGILL] = "SIGILL",   [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",
      [SIGFPE] = "SIGFPE",   [SIGKILL] = "SIGKILL", [SIGSEGV] = "SIGSEGV",
      [SIGPIPE] = "SIGPIPE", [SIGTERM] = "SIGTERM"};
  size_t count = sizeof names / sizeof *names;
  bool known = number >= 0 && (size_t)number < count && names[number] != NULL;
  return known ? names[number] : strsignal(number);
}

// The launcher tells each outcome: by a word with --report, else by a sentence.
static const struct {
  ReportWord word;
  bool stops;  // there may be something to end
  const char* sentence;
} kEnds[] = {
    [kEndReady] = {kReady, false, NULL},
    [kEndExit] = {kExit, true,
                  "the daemon exited with code %d before it was ready"},
    [kEndSignal] = {kSignal, true,
                    "the daemon was killed by %s before it was ready"},
    [kEndTimeout] = {kTimeout, true,
                     "the daemon was not ready within %lld ms and was stopped"},
    [kEndCancelled] = {kCancelled, true, NULL},
    [kEndNoExec] = {kNoExec, false, ""},
    [kEndFailed] = {kFailed, false, "%s: %s"},
};

static void Say(Outcome outcome, int value) {
  char text[4200] = "";
  const char* form = kEnds[outcome].sentence;
  if (form == NULL) return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  if (outcome == kEndExit) snprintf(text, sizeof text, form, value);
  if (outcome == kEndSignal)
    snprintf(text, sizeof text, form, SignalName(value));
  if (outcome == kEndTimeout)
    snprintf(text, sizeof text, form, (long long)self.limit);
  if (outcome == kEndNoExec) WhyNotRun(self.file, value, text, sizeof text);
  if (outcome == kEndFailed)
    snprintf(text, sizeof text, form, self.file, strerror(value));
#pragma GCC diagnostic pop
  dprintf(2, "%s: %s\n", self.name, text);
}

static void TellWhoIsLeft(const pid_t* left, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (self.report >= 0) {
      Report(kLeft, (long long[]){left[i]});
    } else {
      dprintf(2, "%s: process %d could not be ended\n", self.name,
              (int)left[i]);
    }
  }
}

static _Noreturn void Leave(Outcome outcome, int value) {
  switch (outcome) {
    case kEndReady:
      _exit(value);
    case kEndExit:
      _exit(value == 0 ? 1 : value);
    case kEndSignal:
      _exit(128 + value);
    case kEndTimeout:
      _exit(1);
    case kEndCancelled:
      DieBy(value);
    case kEndNoExec:
    case kEndFailed:
      _exit(value == ENOENT ? 127 : 126);
  }
  _exit(126);
}

_Noreturn void Finish(Outcome outcome, int value) {
  EndCanary();
  // This ends a program that waits at the gate.
  if (self.gate >= 0) close(self.gate);
  if (kEnds[outcome].stops) {
    pid_t left[kRoom], program = self.child;
    size_t count = EndEverything(self.grace, left, kRoom);
    if (self.child < 0) RemovePidFile(program);
    TellWhoIsLeft(left, count);
  } else if (outcome != kEndReady && self.child > 0) {
    // The program has told why it did not start, and ends.
    waitpid(self.child, NULL, 0);
  }
  if (self.report >= 0) {
    Report(kEnds[outcome].word, (long long[]){value});
  } else {
    Say(outcome, value);
  }
  Leave(outcome, value);
}

_Noreturn void EndedBeforeReady(const siginfo_t* info) {
  Finish(info->si_code == CLD_EXITED ? kEndExit : kEndSignal, info->si_status);
}

_Noreturn void Ready(int code) {
  siginfo_t info;
  // A program that has ended by now is not up, whatever it has said.
  if (ChildIs(WEXITED, &info)) EndedBeforeReady(&info);
  Finish(kEndReady, code);
}
#endif
