// The wait between two looks at what is to be stopped.
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "exit_queue.h"
#include "fd.h"
#include "stop_look.h"

namespace sess {
namespace {

// The longest, in milliseconds, that a wait goes on after it was cancelled.
constexpr int kSlice = 20;

double Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 +
         static_cast<double>(now.tv_nsec) / 1e6;
}

class Wait {
 public:
  Wait(int ms, const std::atomic<bool>& cancelled)
      : deadline_(Now() + ms), cancelled_(cancelled) {}

  // Waits for a descriptor to become readable; -1: for the time to be over.
  // False: it is over.
  bool For(int fd) const {
    pollfd exit = {fd, POLLIN, 0};
    for (;;) {
      double left = deadline_ - Now();
      if (left <= 0 || cancelled_) return false;
      // Rounded up: the last part of a millisecond would be spun away.
      int slice = left > kSlice ? kSlice : static_cast<int>(left) + 1;
      int ready = poll(&exit, 1, slice);
      if (ready > 0 || (ready < 0 && errno != EINTR)) return ready > 0;
    }
  }

 private:
  double deadline_;
  const std::atomic<bool>& cancelled_;
};

}  // namespace

// This compares no identity. A process that has got the number of a member is
// waited for, at most until the time is over: the look that follows decides.
void WaitForEnds(List<StopRow>* rows, int ms,
                 const std::atomic<bool>& cancelled) {
  Wait wait(ms, cancelled);
  bool live = false;
  for (size_t i = 0; i < rows->size(); i++) {
    StopRow& row = (*rows)[i];
    if ((row.flags & StopRow::kLive) == 0) continue;
    live = true;
    Fd exit(OpenExit(row.pid));
    // Where no descriptor can be had, the time has to be over.
    bool ended =
        exit.get() == -ESRCH || wait.For(exit.get() < 0 ? -1 : exit.get());
    if (!ended) return;
    row.flags |= StopRow::kEnded;
  }
  if (!live) wait.For(-1);
}

}  // namespace sess
