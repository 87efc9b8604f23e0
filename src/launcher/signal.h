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

// A set of signals as the kernel has it: one bit for each signal. musl's
// sigset_t functions leave out signals 32 to 34, which musl uses itself, but 34
// is SIGRTMIN in glibc.
typedef uint64_t SignalSet;
enum { kLastSignal = 64 };
#define EVERY_SIGNAL (~(SignalSet)0)

static inline SignalSet OneSignal(int number) {
  return (SignalSet)1 << (number - 1);
}

// 0, or -1 with errno. The launcher signals a process by its number only while
// it is an unreaped child: until then no other process can get the number.
// EINVAL for 1 and less, which mean init or many processes.
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
// A descriptor that is readable while a signal of the set is pending, or -1.
int OpenSignals(SignalSet set);
void SetDefault(int number);

// Ends this process by the signal. The kernel spares pid 1 (pid_namespaces(7)),
// which exits with 128 + number.
_Noreturn void DieBy(int number);

#endif
#endif  // SETSID_SIGNAL_H_
