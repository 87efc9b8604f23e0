// The processes that are in a session or process group at this moment, as far
// as one scan can tell.
#ifndef SETSID_LINUX_STOP_MEMBERS_H_
#define SETSID_LINUX_STOP_MEMBERS_H_

#include <sys/types.h>

#include <cstdint>

#include "../list.h"
#include "../process_table.h"
#include "../stop_look.h"
#include "pid_numbers.h"

namespace sess {

// A process as one scan has found it.
struct Member {
  double start = 0;  // as in StopRow
  pid_t pid = 0;
  uint8_t state = '?';
  bool live = true;
};

// Reads what identifies a process. 0, -ESRCH where it is gone or hidden, or
// another -errno.
int ReadMember(pid_t pid, Member* member);

class Members {
 public:
  Members(Scope scope, pid_t id) : scope_(scope), id_(id) {}

  // `started`: the pid cursor as read just before the scan. `ask_all`: also
  // find the members that /proc hides. `rows`: of the look before, in order;
  // those of them that had ended are not read again, if a number can't have
  // been given out again since; nullptr: it can. `pinned`: the signal goes
  // to the whole group by a pidfd, which can't name another group. So this
  // reads no /proc/PID/stat, which takes longer than all the rest. 0 or -errno.
  int Scan(const PidCursor& started, bool ask_all, List<StopRow>* rows,
           bool pinned);
  // Whether a process is a member now. Also false when the kernel does not
  // tell.
  bool Includes(pid_t pid) const;
  void Clear();
  size_t size() const { return members_.size(); }
  const Member& operator[](size_t index) const { return members_[index]; }
  // Whether this process itself is a member. The list leaves it out.
  bool self() const { return self_; }

 private:
  int CatchUp(double from);
  int AskAll();
  int Add(pid_t pid);
  int AddPinned(pid_t pid);
  const StopRow* Ended(pid_t pid) const;
  int AddNew(pid_t pid);
  bool Has(pid_t pid) const;

  Scope scope_;
  pid_t id_;
  List<Member> members_;
  bool self_ = false;
  List<StopRow>* rows_ = nullptr;
  bool pinned_ = false;
};

}  // namespace sess

#endif  // SETSID_LINUX_STOP_MEMBERS_H_
