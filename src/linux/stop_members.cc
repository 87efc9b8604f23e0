#include "stop_members.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "../stop_look.h"
#include "pidfd_calls.h"
#include "proc_stat.h"

namespace sess {
namespace {

constexpr int kMaxCatchUps = 4;

}  // namespace

bool Members::InScope(pid_t pid) const {
  switch (scope_) {
    case StopRequest::kSession:
      return getsid(pid) == id_;
    case StopRequest::kGroup:
      return getpgid(pid) == id_;
    default:
      return pid == id_ && IsProcess(pid);
  }
}

bool Members::Has(pid_t pid) const {
  for (size_t i = 0; i < members_.size(); i++) {
    if (members_[i].pid == pid) return true;
  }
  return false;
}

int Members::Add(pid_t pid) {
  if (!InScope(pid)) return 0;
  if (pid == getpid()) {
    self_ = true;
    return 0;
  }
  ProcStat stat;
  int result = ReadProcStat(pid, &stat);
  if (result == -ESRCH) {
    if (!IsProcess(pid)) return 0;
    result = -EPERM;  // hidepid=2 hides it, or it is gone by now
  }
  if (result != 0 && result != -EPERM && result != -EACCES) return result;
  Member member = {stat.start, pid, stat.state, stat.live};
  if (result != 0) {
    if (!InScope(pid)) return 0;
    member = {0, pid, '?', !HasEnded(pid)};
    if (!member.live && !IsProcess(pid)) return 0;
  }
  Member* place = members_.Add();
  if (place == nullptr) return -ENOMEM;
  *place = member;
  return 0;
}

int Members::ScanFolder() {
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return -errno;
  int result = 0;
  while (result == 0) {
    errno = 0;
    const dirent* entry = readdir(proc);
    if (entry == nullptr) {
      result = -errno;
      break;
    }
    if (*entry->d_name < '1' || *entry->d_name > '9') continue;
    result = Add(static_cast<pid_t>(NumberAt(entry->d_name)));
  }
  closedir(proc);
  return result;
}

// Those that were started while the table was read: a member that hands over to
// a child in this moment stands in no place that is still to be read.
int Members::CatchUp(double from) {
  for (int i = 0; i < kMaxCatchUps && from >= 0; i++) {
    double to = ReadPidCursor().last;
    if (to < 1 || to == from) return 0;
    pid_t limit = PidLimit();
    for (pid_t pid = static_cast<pid_t>(from); pid != static_cast<pid_t>(to);) {
      pid = pid + 1 >= limit ? 1 : pid + 1;
      if (!InScope(pid) || Has(pid) || !IsProcess(pid)) continue;
      int result = Add(pid);
      if (result != 0) return result;
    }
    from = to;
  }
  return 0;
}

int Members::Scan(const PidCursor& started, bool ask_all) {
  Clear();
  self_ = false;
  if (scope_ == StopRequest::kProcess) {
    int result = CheckProcFolder();
    if (result != 0 || !IsProcess(id_)) {
      return IsProcess(id_) ? result : 0;
    }
    return Add(id_);
  }
  // The kernel's own answer needs no table.
  if (scope_ == StopRequest::kGroup && kill(-id_, 0) != 0 && errno == ESRCH) {
    return 0;
  }
  int result = CheckProcFolder();
  if (result == 0) result = ScanFolder();
  if (result == 0) result = CatchUp(started.last);
  if (result != 0 || !ask_all) return result;
  // getsid and getpgid tell of a process that /proc hides, too.
  pid_t limit = NumbersInUse();
  for (pid_t pid = 1; pid < limit && result == 0; pid++) {
    if (InScope(pid) && !Has(pid) && IsProcess(pid)) result = Add(pid);
  }
  return result;
}

void Members::Clear() {
  while (members_.size() > 0) members_.DropLast();
}

}  // namespace sess
