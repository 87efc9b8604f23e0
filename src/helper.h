#ifndef SETSID_HELPER_H_
#define SETSID_HELPER_H_

#include <sys/types.h>

namespace sess {

// A throwaway child that does nothing: its group is a place to stand in while
// this process leaves its own. All signals must be blocked while it lives, so
// that none that the terminal sends can reach it. For the main thread, one at a
// time.
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
