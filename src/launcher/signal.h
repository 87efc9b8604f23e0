// Every signal that the launcher sends goes through here.
#ifndef SETSID_SIGNAL_H_
#define SETSID_SIGNAL_H_

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// 0, or -1 with errno.
int SignalSelf(int number);

#ifdef __linux__

// As the kernel has it, a bit a signal. musl's sigset_t functions leave out 32
// to 34, which are its own, and 34 is glibc's SIGRTMIN.
typedef uint64_t SignalSet;
enum { kLastSignal = 64 };
#define EVERY_SIGNAL (~(SignalSet)0)

static inline SignalSet OneSignal(int number) {
  return (SignalSet)1 << (number - 1);
}

// 0, or -1 with errno. A process is signalled by its number only while it is
// our child and not reaped, so that the number can't be another's. 1 and less
// mean many processes, or init: EINVAL.
int SignalChild(pid_t child, int number);
// The group that such a child leads.
int SignalGroupOf(pid_t child, int number);
int SignalByPidfd(int pidfd, int number);
// Our parent, if it still is `parent`.
int SignalParent(pid_t parent, int number);

int BlockSignals(SignalSet set, SignalSet* before);
void UnblockOnce(int number);
SignalSet PendingSignals(void);
// Takes a pending signal: its number, or -1.
int TakePending(int number, siginfo_t* info);
// Waits for a signal that is blocked: its number, or -1.
int WaitForSignal(siginfo_t* info);
// A descriptor that is readable while a signal is pending, or -1.
int OpenSignals(void);
void SetDefault(int number);

// Dead by `number`; 128 + number for pid 1, which the kernel spares
// (pid_namespaces(7)).
_Noreturn void DieBy(int number);

#endif
#endif  // SETSID_SIGNAL_H_
