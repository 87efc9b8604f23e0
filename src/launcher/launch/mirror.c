// When the program stops, the launcher stops in the same way. The shell waits
// for the launcher, and has to see its job stopped.
#ifdef __linux__
#define _GNU_SOURCE
#include <sys/wait.h>

#include "../waker.h"
#include "launch.h"

static void StopOurselves(int number) {
  SignalSelf(number);
  if (number != SIGSTOP) UnblockOnce(number);
}

void MirrorStop(int number) {
  // A stop signal would discard this SIGCONT, which may be for the launcher.
  if ((PendingSignals() & OneSignal(SIGCONT)) != 0) return;
  SetDefault(number);
  if (number != SIGSTOP) {
    SignalSelf(number);
    WaitForSenders();
    // If the program runs, a SIGCONT to the group has continued it meanwhile.
    siginfo_t info;
    if (!ChildIs(WSTOPPED, &info)) {
      TakePending(number, NULL);
      return;
    }
  }
  waitid(P_PID, (id_t)self.child, &(siginfo_t){0}, WSTOPPED | WNOHANG);
  StopWithChild(self.child, StopOurselves, number);
}
#endif
