#ifndef SETSID_SIGNAL_BLOCK_H_
#define SETSID_SIGNAL_BLOCK_H_

#include <signal.h>

namespace sess {

// Blocks signals for the calling thread while it lives. sigprocmask, not
// pthread_sigmask: both change the calling thread alone on Linux and macOS, but
// glibc moved the second one to another library in 2.32, and with it the symbol
// version that a prebuilt binary would ask for.
class SignalBlock {
 public:
  SignalBlock() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before_);
  }
  explicit SignalBlock(int signal) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    sigprocmask(SIG_BLOCK, &one, &before_);
  }
  ~SignalBlock() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;

 private:
  sigset_t before_;
};

}  // namespace sess

#endif  // SETSID_SIGNAL_BLOCK_H_
