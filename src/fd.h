#ifndef SETSID_FD_H_
#define SETSID_FD_H_

#include <unistd.h>

namespace sess {

// A descriptor that is closed when its block is left; -1 is none.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  // The descriptor, which is then the caller's to close.
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

}  // namespace sess

#endif  // SETSID_FD_H_
