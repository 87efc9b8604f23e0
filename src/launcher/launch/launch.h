// What the files of the launch part share.
#ifndef SETSID_LAUNCH_H_
#define SETSID_LAUNCH_H_

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../protocol.h"
#include "../signal.h"
#include "../stat.h"

enum { kNoTime = -1 };

// kTogether: the program is in the launcher's process group, and the launcher
// does as the program does. kApart: the program has a session of its own, and
// the launcher waits for it to be ready.
typedef enum { kTogether, kApart } Phase;

// Ways in which a wait ends: the rows of end.c.
typedef enum {
  kEndReady,
  kEndExit,
  kEndSignal,
  kEndTimeout,
  kEndCancelled,
  kEndNoExec,
  kEndFailed
} Outcome;

struct launch {
  const char* name;  // what its messages begin with
  const char* file;
  pid_t child;          // the program, which is not reaped yet; or -1
  uint64_t ticks;       // when it started, or 0
  SignalSet inherited;  // the mask that the program starts with
  int signals;          // a signalfd, for poll alone
  int listener;         // where the program's daemonize() calls
  int link;             // the connection of daemonize()
  int report;           // lines to the caller of --report, or -1
  int direct;           // the same without the guard; the caller answers here
  int gate;             // the program waits at it for its start, or -1
  int ready;            // a pipe that the program writes to when ready
  int notify;           // the socket of NOTIFY_SOCKET
  Phase phase;
  bool expected;     // it was started to become a daemon
  uid_t user;        // the program's user at its start
  int64_t limit;     // what `deadline` was made of
  int64_t deadline;  // ready by then, or kNoTime
  int64_t up_for;    // what `up` is made of, or kNoTime
  int64_t up;        // alive then is ready, or kNoTime
  int64_t grace;     // from SIGTERM to SIGKILL
};
extern struct launch self;

// options.c
struct options {
  bool restarted;
  int up_for;    // ready after so many milliseconds, or -1
  int ready_fd;  // ready when the program writes there, or -1
  bool notify;   // ready by sd_notify(3)
  const char* cred;
  int umask;  // or -1
  int keep;   // a descriptor for the program, or -1
  char** program;
};
bool ParseOptions(int argc, char** argv, struct options* options);

// launch.c
int64_t Now(void);
int64_t After(int64_t ms);
void Doze(int ms);

// Lets the program begin, and starts its time limits.
void LetBegin(void);

// program.c: the child, up to its exec.
_Noreturn void RunProgram(const struct options* options, int ready, int failure,
                          pid_t parent);

// guard.c: forks the process that goes on from here, and watches over it.
void StartGuarded(void);

// wait.c
_Noreturn void Wait(void);
// Whether the program is in one of these states of waitid(2). The state stays,
// so a later call can ask again.
bool ChildIs(int states, siginfo_t* info);
// Stops as the program has stopped, where both are one job.
void LookAtStop(void);
// Reaps the orphans that have become the launcher's children, but neither the
// program nor the canary.
void ReapOrphans(void);

// end.c
_Noreturn void Finish(Outcome outcome, int value);
// For a program that has ended when it had to be up.
_Noreturn void EndedBeforeReady(const siginfo_t* info);
_Noreturn void Ready(int code);
void ReportStarted(void);
// One line to the caller of --report. False when that line is lost.
typedef enum { REPORT_WORDS(PROTOCOL_NAME) } ReportWord;
bool Report(ReportWord word, const long long* values);
// Ends the program and all processes below the launcher, and waits until they
// are gone. Returns how many are left, with their pids in `left`.
size_t EndEverything(int64_t grace, pid_t* left, size_t room);

// members.c: each is a look at /proc.
typedef enum { kNobody, kSomebody, kUnknown } Presence;
Presence GroupLives(pid_t group);
// The launcher's children, live and dead; -1 when /proc can't be read.
int Children(pid_t* list, size_t room);

// mirror.c
void MirrorStop(int number);

// link.c
int OpenLink(void);
void AcceptLink(void);
void ReadLink(void);

// pidfile.c
void RememberPidFile(const char* path, uid_t writer);
// Removes the pidfile and its lock, if no daemon holds it and it names
// `program`.
void RemovePidFile(pid_t program);

// notify.c: its descriptor, or -1 with errno.
int OpenNotify(void);
void ReadNotify(void);

// canary.c: starts the canary, a process that lives until EndCanary. Returns
// the descriptor that leads to it, or -1. Without a canary the kind of the
// sender decides.
int StartCanary(void);
void EndCanary(void);
// Whether `pid` is the canary. The launcher reaps it only in EndCanary, even if
// another process has killed it before: until then no other process gets its
// number.
bool IsCanary(pid_t pid);
// Takes the pending signal `number`. True when it was sent to the launcher
// alone.
bool TakeSignal(int number);
// Whether `number` went to the whole group, if that can be `known`.
bool TakeFromCanary(int number, bool* known);
// Returns when a process that was signalling a group has signalled all of it.
void WaitForSenders(void);

#endif  // SETSID_LAUNCH_H_
