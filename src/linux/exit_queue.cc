// Exits by pidfd_open(2), epoll(7) and eventfd(2).
#include "../exit_queue.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../pidfd_calls.h"

namespace sess {

int OpenExit(pid_t pid) {
  int fd = OpenPidfd(pid);
  // The number of a thread gives ENOENT, and EINVAL before Linux 6.15.
  bool thread = fd == -ENOENT || (fd == -EINVAL && pid > 0);
  return thread ? -ESRCH : fd;
}

ExitQueue::~ExitQueue() {
  if (queue_ >= 0) close(queue_);
  if (interrupt_ >= 0) close(interrupt_);
}

int ExitQueue::Open() {
  queue_ = epoll_create1(EPOLL_CLOEXEC);
  if (queue_ < 0) return -errno;
  interrupt_ = eventfd(0, EFD_CLOEXEC);
  if (interrupt_ < 0) return -errno;
  return Add(interrupt_, kInterrupt);
}

int ExitQueue::Add(int fd, intptr_t token) {
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = static_cast<uint64_t>(token);
  return epoll_ctl(queue_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int ExitQueue::Remove(int fd) {
  return epoll_ctl(queue_, EPOLL_CTL_DEL, fd, nullptr) == 0 ? 0 : -errno;
}

int ExitQueue::Next(intptr_t* token) {
  epoll_event event;
  int count;
  do {
    count = epoll_wait(queue_, &event, 1, -1);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return -errno;
  *token = static_cast<intptr_t>(event.data.u64);
  return 0;
}

int ExitQueue::Interrupt() {
  return eventfd_write(interrupt_, 1) == 0 ? 0 : -errno;
}

}  // namespace sess
