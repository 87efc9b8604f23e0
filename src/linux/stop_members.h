// Who is in a session or process group at this moment, as far as one scan
// tells.
#ifndef SETSID_LINUX_STOP_MEMBERS_H_
#define SETSID_LINUX_STOP_MEMBERS_H_

#include <sys/types.h>

#include <cstdint>

#include "../list.h"
#include "pid_numbers.h"

namespace sess {

// A process of the number that is asked for, as one scan has found it.
struct Member {
  double start;
  pid_t pid;
  uint8_t state;
  bool live;
};

class Members {
 public:
  // scope: as in StopRequest.
  Members(int32_t scope, pid_t id) : scope_(scope), id_(id) {}

  // `started`: a reading of the moment before. `ask_all`: also those that /proc
  // hides. 0 or -errno.
  int Scan(const PidCursor& started, bool ask_all);
  bool InScope(pid_t pid) const;
  void Clear();
  size_t size() const { return members_.size(); }
  const Member& operator[](size_t index) const { return members_[index]; }
  // Whether this process is one, which the list leaves out.
  bool self() const { return self_; }

 private:
  int ScanFolder();
  int CatchUp(double from);
  int Add(pid_t pid);
  bool Has(pid_t pid) const;

  int32_t scope_;
  pid_t id_;
  List<Member> members_;
  bool self_ = false;
};

}  // namespace sess

#endif  // SETSID_LINUX_STOP_MEMBERS_H_
