// A program that stops, and its launcher, which stops as it does: the shell of
// both waits for us, and has to see its job stopped.
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
  // A stop signal discards a pending SIGCONT, and that one may be for us.
  if ((PendingSignals() & OneSignal(SIGCONT)) != 0) return;
  SetDefault(number);
  if (number != SIGSTOP) {
    SignalSelf(number);
    WaitForSenders();
    // What continued the group in the meantime has continued the program.
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
