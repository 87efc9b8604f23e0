// A look at what is to be stopped, by /proc and pidfds: proc(5), pidfd_open(2).
// Whatever the number of members, it has two descriptors open at a time.
#include "../stop_look.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../fd.h"
#include "pid_numbers.h"
#include "pidfd_calls.h"
#include "proc.h"
#include "proc_stat.h"
#include "stop_members.h"

namespace sess {
namespace {

constexpr int kMaxRounds = 16;

int CompareRows(const void* a, const void* b) {
  const auto* one = static_cast<const StopRow*>(a);
  const auto* other = static_cast<const StopRow*>(b);
  if (one->pid != other->pid) return one->pid < other->pid ? -1 : 1;
  return (one->start > other->start) - (one->start < other->start);
}

// Now, in the ticks that processes are started at.
double BootTicks() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  return static_cast<double>(now.tv_sec) * ticks +
         static_cast<double>(now.tv_nsec) * ticks / 1e9;
}

class Look {
 public:
  Look(const StopRequest& request, bool first, StopReport* report,
       List<StopRow>* rows)
      : request_(request),
        first_(first),
        report_(report),
        rows_(rows),
        members_(request.scope, request.id) {}
  // 0 or -errno.
  int Run();

 private:
  int Round();
  Number Meaning(const PidCursor& now);
  StopRow* Find(const Member& member, size_t known) const;
  bool SeenBefore() const;
  int Merge();
  void Send();
  bool SendToGroup();
  bool IsDue(const StopRow& row) const;
  int Check(const StopRow& row) const;
  int SendTo(const StopRow& row, int signal) const;
  void Count();

  const StopRequest& request_;
  bool first_;
  StopReport* report_;
  List<StopRow>* rows_;
  Members members_;
  bool ask_all_ = false;
};

// Among the first `known` rows, which are in order.
StopRow* Look::Find(const Member& member, size_t known) const {
  if (known == 0) return nullptr;
  StopRow key = {member.start, member.pid, 0, 0, 0, 0, {0, 0}};
  return static_cast<StopRow*>(
      bsearch(&key, &(*rows_)[0], known, sizeof key, CompareRows));
}

bool Look::SeenBefore() const {
  for (size_t i = 0; i < members_.size(); i++) {
    const Member& member = members_[i];
    if (member.start == 0) continue;
    bool known = false;
    // A session is joined by fork alone: who started while it was known to be
    // there is no member of another one that has got its number.
    if (request_.scope == StopRequest::kSession) {
      known = member.start + 1 <= report_->since;
    }
    const StopRow* row = Find(member, rows_->size());
    known = known || (row != nullptr && (row->flags & StopRow::kKnown) != 0);
    // Asked again after the scan: what was found meanwhile is of the same then.
    ProcStat stat;
    if (known && members_.InScope(member.pid) &&
        ReadProcStat(member.pid, &stat) == 0 && stat.start == member.start) {
      return true;
    }
  }
  return false;
}

// Whether the number is still that of what was meant. The kernel gives no
// number to a process while it is that of a group or session (alloc_pid): a
// process with the number that is not the leader seen first shows that it was
// free.
Number Look::Meaning(const PidCursor& now) {
  bool ended = request_.leader_fd >= 0 && IsOver(request_.leader_fd);
  double leader = -1;
  ProcStat stat;
  if (IsProcess(request_.id)) {
    // Where it can't be read, it may have been reaped since.
    bool read = ReadProcStat(request_.id, &stat) == 0;
    leader = read ? stat.start : IsProcess(request_.id) ? 0 : -1;
  }
  if (ended && leader != -1 && stat.live) return kTaken;
  double known = first_ ? request_.start : report_->leader;
  if (known == -1 && leader != -1) return kTaken;
  if (known > 0 && leader > 0 && known != leader) return kTaken;
  // It may have ended since it was asked: then it was there till now.
  report_->leader = leader == 0 && known > 0 ? known : leader;
  if (request_.scope == StopRequest::kProcess || members_.size() == 0) {
    return kSame;
  }
  if (leader > 0 && leader == known) return kSame;
  if (request_.leader_fd >= 0) {
    // To the group of that very leader, whoever has its number (Linux 6.9).
    int result = PidfdSend(request_.leader_fd, 0, kToGroup);
    if (result == 0 || result == -EPERM) return kSame;
    if (result == -ESRCH && request_.scope == StopRequest::kGroup) {
      return kTaken;
    }
  }
  if (members_.self() || SeenBefore()) return kSame;
  if (first_) return kSame;
  PidCursor before;
  before.forks = report_->forks;
  before.last = report_->cursor;
  return NumberWasSkipped(before, now, request_.id) ? kSame : kUnknown;
}

// Brings what is known of all that was ever seen up to this scan.
int Look::Merge() {
  size_t known = rows_->size();
  for (size_t i = 0; i < known; i++) {
    (*rows_)[i].flags &= StopRow::kSent | StopRow::kKnown;
  }
  for (size_t i = 0; i < members_.size(); i++) {
    const Member& member = members_[i];
    StopRow* row = Find(member, known);
    if (row == nullptr) {
      row = rows_->Add();
      if (row == nullptr) return -ENOMEM;
      *row = {member.start, member.pid, 0, 0, 0, 0, {0, 0}};
    }
    if (report_->number == kSame) row->flags |= StopRow::kKnown;
    row->state = member.state;
    if (member.live) row->flags |= StopRow::kLive;
    if (member.state == '?') row->flags |= StopRow::kHidden;
  }
  if (rows_->size() > 0) {
    qsort(&(*rows_)[0], rows_->size(), sizeof(StopRow), CompareRows);
  }
  return 0;
}

bool Look::IsDue(const StopRow& row) const {
  if ((row.flags & StopRow::kLive) == 0) return false;
  if (row.phase != request_.phase) return true;
  bool again = (request_.flags & StopRequest::kAgain) != 0;
  return again && row.result == 0;
}

// -ESRCH: the process of a row is gone, or no member any more.
int Look::Check(const StopRow& row) const {
  if (!members_.InScope(row.pid)) return -ESRCH;
  ProcStat stat;
  int result = ReadProcStat(row.pid, &stat);
  if (result != 0) return result;
  return stat.start == row.start ? 0 : -ESRCH;
}

// The pidfd holds whoever has the pid now, and that must be who was seen. A
// process that is held already is signalled through its own pidfd: another that
// got its number within the same tick has the same start.
int Look::SendTo(const StopRow& row, int signal) const {
  bool held =
      request_.scope == StopRequest::kProcess && request_.leader_fd >= 0;
  if (held && PidfdsWork()) return PidfdSend(request_.leader_fd, signal, 0);
  if (PidfdsWork()) {
    Fd pidfd(PidfdOpenRaw(row.pid));
    if (pidfd.get() == -ESRCH) return -ESRCH;
    int result = row.start != 0              ? Check(row)
                 : members_.InScope(row.pid) ? 0
                                             : -ESRCH;
    bool none_free = result == -EMFILE || result == -ENFILE;
    if (pidfd.get() >= 0 && !none_free) {
      return result == 0 ? PidfdSend(pidfd.get(), signal, 0) : -ESRCH;
    }
  }
  // Where there is no pidfd to be had, it is compared on the line before. What
  // /proc doesn't show can't be.
  if (row.start == 0) return -EPERM;
  if (Check(row) != 0) return -ESRCH;
  return kill(row.pid, signal) == 0 ? 0 : -errno;
}

// All at once, so that no member can act on another's end or start a new one.
// False: it has to be done one by one.
bool Look::SendToGroup() {
  if (request_.leader_fd < 0 || members_.self() || !PidfdsWork()) return false;
  if (request_.scope != StopRequest::kGroup) return false;
  // Another rule says who may send this one (kill(2)).
  if (request_.signal == SIGCONT) return false;
  int probe = PidfdSend(request_.leader_fd, 0, kToGroup);
  if (probe != 0) return false;
  List<size_t> allowed;
  for (size_t i = 0; i < rows_->size(); i++) {
    StopRow& row = (*rows_)[i];
    if (!IsDue(row)) continue;
    // Success tells only that one member could be signalled: who could not?
    row.result = SendTo(row, 0);
    if (row.result == -ESRCH) continue;
    row.phase = request_.phase;
    size_t* place = row.result == 0 ? allowed.Add() : nullptr;
    if (place != nullptr) *place = i;
  }
  if (allowed.size() == 0) return true;
  if (PidfdSend(request_.leader_fd, request_.signal, kToGroup) != 0) {
    return true;  // they have all ended since
  }
  if ((request_.flags & StopRequest::kContinue) != 0) {
    PidfdSend(request_.leader_fd, SIGCONT, kToGroup);
  }
  for (size_t i = 0; i < allowed.size(); i++) {
    StopRow& row = (*rows_)[allowed[i]];
    if ((row.flags & StopRow::kSent) == 0) report_->sent++;
    row.flags |= StopRow::kSent;
  }
  return true;
}

void Look::Send() {
  if (request_.signal < 0 || report_->number != kSame) return;
  if (SendToGroup()) return;
  // The leader first: the others are often its children.
  for (int leader = 1; leader >= 0; leader--) {
    for (size_t i = 0; i < rows_->size(); i++) {
      StopRow& row = (*rows_)[i];
      if ((row.pid == request_.id) != (leader == 1) || !IsDue(row)) continue;
      bool again = row.phase == request_.phase;
      int result = SendTo(row, request_.signal);
      if (result == -ESRCH) continue;
      row.result = result;
      row.phase = request_.phase;
      if (result != 0) continue;
      row.flags |= StopRow::kSent;
      if (!again) report_->sent++;
      if ((request_.flags & StopRequest::kContinue) != 0) SendTo(row, SIGCONT);
    }
  }
}

void Look::Count() {
  report_->live = report_->reachable = report_->zombies = 0;
  report_->watch = 0;
  for (size_t i = 0; i < rows_->size(); i++) {
    const StopRow& row = (*rows_)[i];
    if ((row.flags & StopRow::kLive) == 0) continue;
    report_->live++;
    if (row.phase == request_.phase && row.result != 0) continue;
    report_->reachable++;
    if (row.start == 0) continue;
    report_->watch = row.pid;
    report_->watch_start = row.start;
  }
  for (size_t i = 0; i < members_.size(); i++) {
    if (!members_[i].live) report_->zombies++;
  }
}

int Look::Round() {
  PidCursor started = ReadPidCursor();
  report_->began = BootTicks();
  int result = members_.Scan(started, ask_all_);
  if (result != 0) return result;
  report_->number = Meaning(ReadPidCursor());
  if (report_->number == kTaken) {
    members_.Clear();
  }
  result = Merge();
  if (result != 0) return result;
  // An empty look says nothing of the number, which is free now.
  if (report_->number == kSame && (members_.size() > 0 || members_.self())) {
    report_->since = report_->began;
    report_->forks = started.forks;
    report_->cursor = started.last;
  }
  report_->sent = 0;
  Send();
  first_ = false;
  return 0;
}

int Look::Run() {
  report_->partial = ProcIsPartial() ? 1 : 0;
  ask_all_ =
      report_->partial != 0 && (request_.flags & StopRequest::kWhole) != 0;
  int32_t sent = 0;
  // Again at once while there were new ones: they start others meanwhile.
  for (int round = 0; round < kMaxRounds; round++) {
    int result = Round();
    if (result != 0) return result;
    sent += report_->sent;
    if (report_->sent == 0) break;
    ask_all_ = false;
  }
  report_->sent = sent;
  Count();
  report_->group = 0;
  if (request_.scope == StopRequest::kGroup && kill(-request_.id, 0) != 0) {
    report_->group = -errno;
  }
  return 0;
}

}  // namespace

int StopLook(const StopRequest& request, bool first, StopReport* report,
             List<StopRow>* rows) {
  return Look(request, first, report, rows).Run();
}

void MarkNow(StopReport* report) {
  PidCursor now = ReadPidCursor();
  report->began = report->since = BootTicks();
  report->leader = -1;
  report->forks = now.forks;
  report->cursor = now.last;
}

}  // namespace sess
