#ifndef SETSID_HELPER_H_
#define SETSID_HELPER_H_

#include <sys/types.h>

namespace sess {

// A throwaway child that does nothing. This process joins its group while it
// leaves its own. The caller must block all signals while the helper lives:
// then no signal that the terminal sends to that group takes effect. Only the
// main thread may use it, one helper at a time.
class Helper {
 public:
  Helper() = default;
  ~Helper();
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  // Starts it, as the leader of a new group. 0 or -errno.
  int Start();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

}  // namespace sess

#endif  // SETSID_HELPER_H_
