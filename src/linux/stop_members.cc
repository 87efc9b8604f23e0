#include "stop_members.h"

#include <signal.h>
#include <unistd.h>

#include "../fd.h"
#include "../pidfd_calls.h"
#include "proc.h"
#include "process_stat.h"
#include "stop_rows.h"

namespace sess {
namespace {

constexpr int kMaxCatchUps = 4;

}  // namespace

int ReadMember(pid_t pid, Member* member) {
  Fd file(OpenStat(pid));
  if (file.get() < 0) return file.get();
  ProcessRow row;
  int result = ReadStat(file.get(), 0, &row);
  if (result == 0) *member = {row.start, pid, row.state, IsLive(row)};
  return result;
}

bool Members::Includes(pid_t pid) const {
  return InScope(pid, scope_, id_) == 1;
}

bool Members::Has(pid_t pid) const {
  for (size_t i = 0; i < members_.size(); i++) {
    if (members_[i].pid == pid) return true;
  }
  return false;
}

// The row of a process that had ended; nullptr: it had not, or is not known.
const StopRow* Members::Ended(pid_t pid) const {
  if (rows_ == nullptr) return nullptr;
  // Of several with the number, only the last one can be there.
  const StopRow* row = LastStopRow(rows_, rows_->size(), pid);
  bool ended = row != nullptr && (row->flags & StopRow::kEnded) != 0;
  return ended ? row : nullptr;
}

// Asks the kernel alone whether a process is a member, and lives. -EAGAIN: it
// doesn't tell.
int Members::AddPinned(pid_t pid) {
  Fd pidfd(OpenPidfd(pid));
  if (pidfd.get() == -ESRCH) return 0;
  if (pidfd.get() < 0) return -EAGAIN;
  bool live = !HasExited(pidfd.get());
  if (!Includes(pid)) return 0;
  Member member = {StopRow::kNotRead, pid, '-', live};
  return members_.Push(member) ? 0 : -ENOMEM;
}

int Members::Add(pid_t pid) {
  int member_of = InScope(pid, scope_, id_);
  if (member_of != 1) return member_of;
  if (pid == getpid()) {
    self_ = true;
    return 0;
  }
  Member member;
  const StopRow* ended = Ended(pid);
  if (ended != nullptr) {
    member = {ended->start, pid, 'Z', false};
    return members_.Push(member) ? 0 : -ENOMEM;
  }
  int result = pinned_ ? AddPinned(pid) : -EAGAIN;
  if (result != -EAGAIN) return result;
  result = ReadMember(pid, &member);
  if (result == -ESRCH) {
    if (!IsProcess(pid)) return 0;
    result = -EPERM;  // hidepid=2 hides it, or it is gone by now
  }
  if (result != 0 && result != -EPERM && result != -EACCES) return result;
  if (result != 0) {
    if (!Includes(pid)) return 0;
    member = {0, pid, '?', !HasEnded(pid)};
    if (!member.live && !IsProcess(pid)) return 0;
  }
  return members_.Push(member) ? 0 : -ENOMEM;
}

int Members::AddNew(pid_t pid) {
  if (!Includes(pid) || Has(pid) || !IsProcess(pid)) return 0;
  return Add(pid);
}

// Adds members that have started while the scan read the table. A member may
// start a child and end at this moment, and the scan may be past the child's
// place in the table.
int Members::CatchUp(double from) {
  for (int i = 0; i < kMaxCatchUps && from >= 0; i++) {
    double to = ReadPidCursor().last;
    pid_t limit = PidLimit();
    // A file that tells of larger numbers is not the kernel's.
    if (to < 1 || to == from || to >= limit) return 0;
    for (pid_t pid = static_cast<pid_t>(from); pid != static_cast<pid_t>(to);) {
      pid = pid + 1 >= limit ? 1 : pid + 1;
      int result = AddNew(pid);
      if (result != 0) return result;
    }
    from = to;
  }
  return 0;
}

// getsid and getpgid also answer for a process that /proc hides.
int Members::AskAll() {
  pid_t limit = NumbersInUse();
  int result = 0;
  for (pid_t pid = 1; pid < limit && result == 0; pid++) result = AddNew(pid);
  return result;
}

int Members::Scan(const PidCursor& started, bool ask_all, List<StopRow>* rows,
                  bool pinned) {
  Clear();
  rows_ = rows;
  pinned_ = pinned;
  self_ = false;
  if (scope_ == Scope::kProcess) {
    int result = CheckProc();
    if (!IsProcess(id_)) return 0;
    return result == 0 ? Add(id_) : result;
  }
  // If the kernel knows no such group, this needs no table.
  if (scope_ == Scope::kGroup && kill(-id_, 0) != 0 && errno == ESRCH) {
    return 0;
  }
  int result = EachProcess([this](pid_t pid) { return Add(pid); });
  if (result == 0) result = CatchUp(started.last);
  if (result == 0 && ask_all) result = AskAll();
  return result;
}

void Members::Clear() {
  while (members_.size() > 0) members_.DropLast();
}

}  // namespace sess
