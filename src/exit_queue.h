// What the watcher of process exits needs of a platform.
#ifndef SETSID_EXIT_QUEUE_H_
#define SETSID_EXIT_QUEUE_H_

#include <sys/types.h>

#include <cstdint>

namespace sess {

// A close-on-exec descriptor that becomes readable when process `pid` ends, or
// -errno; -ESRCH: there is no such process (any more).
int OpenExit(pid_t pid);

// A queue of such descriptors. One thread may add and remove them while another
// one waits. The calls give 0 or -errno.
class ExitQueue {
 public:
  ExitQueue() = default;
  ~ExitQueue();
  ExitQueue(const ExitQueue&) = delete;
  ExitQueue& operator=(const ExitQueue&) = delete;

  int Open();
  // `token` is not kInterrupt.
  int Add(int fd, intptr_t token);
  int Remove(int fd);
  // Waits for a descriptor to become readable and gives its token, once.
  int Next(intptr_t* token);
  // Makes Next give kInterrupt, now or when it is called.
  int Interrupt();

  static constexpr intptr_t kInterrupt = 0;

 private:
  int queue_ = -1;
  [[maybe_unused]] int interrupt_ = -1;  // if an interrupt needs one
};

}  // namespace sess

#endif  // SETSID_EXIT_QUEUE_H_
