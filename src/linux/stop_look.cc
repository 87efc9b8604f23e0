// A look at what is to be stopped, by /proc and pidfds: proc(5), pidfd_open(2).
// Whatever the number of members, it has two descriptors open at a time.
#include "../stop_look.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pid_numbers.h"
#include "stop_members.h"
#include "stop_rows.h"

namespace sess {
namespace {

constexpr int kMaxRounds = 16;

int Compare(const void* a, const void* b) {
  const auto* one = static_cast<const StopRow*>(a);
  const auto* other = static_cast<const StopRow*>(b);
  if (one->pid != other->pid) return one->pid < other->pid ? -1 : 1;
  return (one->start > other->start) - (one->start < other->start);
}

StopRow RowOf(const Member& member) {
  return {member.start, member.pid, 0, 0, 0, 0, {0, 0}};
}

// The time now, in the ticks of a process's start.
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
  int Scan(const PidCursor& started);
  int Round();
  int Merge();
  StopRow* RowOfSame(const Member& member, size_t known);
  int MergeOne(const Member& member, size_t known);
  void Count();

  const StopRequest& request_;
  bool first_;
  StopReport* report_;
  List<StopRow>* rows_;
  Members members_;
  bool ask_all_ = false;
  PidCursor now_;         // just after the scan
  bool wrapped_ = false;  // a number may have been given out again since
  int sent_ = 0;
};

// The row of a member, of the first `known`; nullptr for none.
StopRow* Look::RowOfSame(const Member& member, size_t known) {
  StopRow* row = FindStopRow(rows_, known, member);
  if (row != nullptr || wrapped_) return row;
  row = LastStopRow(rows_, known, member.pid);
  if (row == nullptr) return nullptr;
  bool read = row->start != StopRow::kNotRead;
  return read && member.start != StopRow::kNotRead ? nullptr : row;
}

// Updates the row of one member from this scan. `known`: how many rows are from
// earlier scans.
int Look::MergeOne(const Member& member, size_t known) {
  StopRow* row = RowOfSame(member, known);
  bool is_new = row == nullptr;
  if (is_new) row = rows_->Add();
  if (row == nullptr) return -ENOMEM;
  if (is_new) *row = RowOf(member);
  if (member.start != StopRow::kNotRead) row->start = member.start;
  if (report_->number == kSame) row->flags |= StopRow::kKnown;
  row->state = member.state;
  row->flags |= member.live ? StopRow::kLive : StopRow::kEnded;
  if (member.state == '?') row->flags |= StopRow::kHidden;
  return 0;
}

// Updates the rows of all processes that were ever seen from this scan.
int Look::Merge() {
  size_t known = rows_->size();
  for (size_t i = 0; i < known; i++) {
    (*rows_)[i].flags &= StopRow::kSent | StopRow::kKnown;
  }
  for (size_t i = 0; i < members_.size(); i++) {
    int result = MergeOne(members_[i], known);
    if (result != 0) return result;
  }
  SortStopRows(rows_);
  return 0;
}

void Look::Count() {
  report_->live = report_->reachable = report_->zombies = 0;
  report_->wait_pid = report_->hidden = 0;
  for (size_t i = 0; i < rows_->size(); i++) {
    const StopRow& row = (*rows_)[i];
    if ((row.flags & StopRow::kLive) == 0) continue;
    report_->live++;
    if ((row.flags & StopRow::kHidden) != 0) report_->hidden++;
    if (row.phase == request_.phase && row.result != 0) continue;
    report_->reachable++;
    if (row.start <= 0) continue;
    report_->wait_pid = row.pid;
    report_->wait_start = row.start;
  }
  for (size_t i = 0; i < members_.size(); i++) {
    if (!members_[i].live) report_->zombies++;
  }
}

int Look::Scan(const PidCursor& started) {
  PidCursor before;
  before.forks = report_->forks;
  wrapped_ = first_ || MayHaveWrapped(before, started);
  // Without its start, a member can't be told from one that had its number.
  bool can_pin = report_->partial == 0 && IsPinned(request_);
  bool pinned = can_pin && (!wrapped_ || rows_->size() == 0);
  int result =
      members_.Scan(started, ask_all_, wrapped_ ? nullptr : rows_, pinned);
  if (result != 0) return result;
  now_ = ReadPidCursor();
  if (wrapped_ || !MayHaveWrapped(before, now_)) return 0;
  wrapped_ = true;
  pinned = can_pin && rows_->size() == 0;
  return members_.Scan(started, ask_all_, nullptr, pinned);
}

int Look::Round() {
  PidCursor started = ReadPidCursor();
  report_->began = BootTicks();
  int result = Scan(started);
  if (result != 0) return result;
  report_->number = MeaningOf(request_, members_, rows_, first_, now_, report_);
  if (report_->number == kTaken) members_.Clear();
  result = Merge();
  if (result != 0) return result;
  // An empty look does not confirm the number, which is free now.
  if (report_->number == kSame && (members_.size() > 0 || members_.self())) {
    report_->since = report_->began;
    report_->forks = started.forks;
    report_->cursor = started.last;
  }
  // The kernel counts a process when it puts it into its table. So if the count
  // is the same, the table got no new process while the scan read it.
  report_->alone = started.forks >= 0 && started.forks == now_.forks ? 1 : 0;
  bool sends = request_.signal >= 0 && report_->number == kSame;
  sent_ = sends ? SendToMembers(request_, members_, rows_) : 0;
  first_ = false;
  return 0;
}

int Look::Run() {
  report_->partial = ProcIsPartial() ? 1 : 0;
  ask_all_ =
      report_->partial != 0 && (request_.flags & StopRequest::kWhole) != 0;
  // Another round follows at once when a round has signalled new members: they
  // may have started others meanwhile.
  for (int round = 0; round < kMaxRounds; round++) {
    int result = Round();
    if (result != 0 && round == 0) return result;
    // What was signalled must be told: the next look finds the new ones.
    if (result != 0) break;
    if (sent_ == 0) break;
    ask_all_ = false;
  }
  Count();
  report_->group = 0;
  if (request_.scope == Scope::kGroup && kill(-request_.id, 0) != 0) {
    report_->group = -errno;
  }
  return 0;
}

}  // namespace

void SortStopRows(List<StopRow>* rows) {
  if (rows->size() == 0) return;
  qsort(&(*rows)[0], rows->size(), sizeof(StopRow), Compare);
}

StopRow* FindStopRow(List<StopRow>* rows, size_t known, const Member& member) {
  if (known == 0) return nullptr;
  StopRow key = RowOf(member);
  void* found = bsearch(&key, &(*rows)[0], known, sizeof key, Compare);
  return static_cast<StopRow*>(found);
}

StopRow* LastStopRow(List<StopRow>* rows, size_t known, pid_t pid) {
  size_t low = 0, high = known;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if ((*rows)[middle].pid <= pid) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return nullptr;
  StopRow* row = &(*rows)[low - 1];
  return row->pid == pid ? row : nullptr;
}

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
