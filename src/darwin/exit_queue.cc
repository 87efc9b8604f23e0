// Exits by kqueue(2). Each process gets a queue of its own: a descriptor that
// becomes readable when the process ends, as a pidfd does on Linux.
#include "../exit_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <unistd.h>

namespace sess {
namespace {

constexpr uintptr_t kInterruptIdent = 1;

int OpenKqueue() {
  int queue = kqueue();
  if (queue < 0) return -errno;
  fcntl(queue, F_SETFD, FD_CLOEXEC);
  return queue;
}

int Change(int queue, uintptr_t ident, int16_t filter, uint16_t flags,
           uint32_t fflags, intptr_t token) {
  struct kevent change;
  EV_SET(&change, ident, filter, flags, fflags, 0,
         reinterpret_cast<void*>(token));
  return kevent(queue, &change, 1, nullptr, 0, nullptr) == 0 ? 0 : -errno;
}

}  // namespace

int OpenExit(pid_t pid) {
  int queue = OpenKqueue();
  if (queue < 0) return queue;
  // A zombie is refused with ESRCH: it has ended.
  int result = Change(queue, static_cast<uintptr_t>(pid), EVFILT_PROC, EV_ADD,
                      NOTE_EXIT, 0);
  if (result == 0) return queue;
  close(queue);
  return result;
}

ExitQueue::~ExitQueue() {
  if (queue_ >= 0) close(queue_);
}

int ExitQueue::Open() {
  queue_ = OpenKqueue();
  if (queue_ < 0) return queue_;
  return Change(queue_, kInterruptIdent, EVFILT_USER, EV_ADD, 0, kInterrupt);
}

int ExitQueue::Add(int fd, intptr_t token) {
  return Change(queue_, static_cast<uintptr_t>(fd), EVFILT_READ,
                EV_ADD | EV_ONESHOT, 0, token);
}

int ExitQueue::Remove(int fd) {
  return Change(queue_, static_cast<uintptr_t>(fd), EVFILT_READ, EV_DELETE, 0,
                0);
}

int ExitQueue::Next(intptr_t* token) {
  struct kevent event;
  int count;
  do {
    count = kevent(queue_, nullptr, 0, &event, 1, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return -errno;
  *token = reinterpret_cast<intptr_t>(event.udata);
  return 0;
}

int ExitQueue::Interrupt() {
  return Change(queue_, kInterruptIdent, EVFILT_USER, 0, NOTE_TRIGGER,
                kInterrupt);
}

}  // namespace sess
