// Whether a number still means the same process, group or session. While a
// group or session has the number, the kernel gives it to no process (alloc_pid
// in its kernel/pid.c). So if a process other than the first leader has the
// number, the number was free in between.
#include <errno.h>

#include "../pidfd_calls.h"
#include "proc.h"
#include "stop_rows.h"

namespace sess {
namespace {

// The process that has the number now.
struct Holder {
  double start = -1;  // 0: not known; -1: there is none
  bool live = false;
};

Holder HolderOf(pid_t id) {
  Holder holder;
  if (!IsProcess(id)) return holder;
  Member member;
  // If it can't be read, the kernel may have reaped it meanwhile.
  bool read = ReadMember(id, &member) == 0;
  holder.start = read ? member.start : IsProcess(id) ? 0 : -1;
  holder.live = member.live;
  return holder;
}

// `ended`: the leader had already ended when HolderOf read the holder.
bool IsTaken(bool ended, const Holder& holder, double known) {
  if (holder.start == -1) return false;
  if ((ended && holder.live) || known == -1) return true;
  return known > 0 && holder.start > 0 && known != holder.start;
}

bool SeenBefore(const StopRequest& request, const Members& members,
                List<StopRow>* rows, double since) {
  for (size_t i = 0; i < members.size(); i++) {
    const Member& member = members[i];
    if (member.start <= 0) continue;
    // A process enters a session only by fork. So a member that started while
    // the session was known to exist is in that session, and in no later one
    // with its number.
    bool known = request.scope == Scope::kSession && member.start + 1 <= since;
    const StopRow* row = FindStopRow(rows, rows->size(), member);
    if (row != nullptr && (row->flags & StopRow::kKnown) != 0) known = true;
    // This asks again after the scan. If the member is still the same, the
    // whole scan has seen the same group or session.
    Member now;
    if (known && members.Includes(member.pid) &&
        ReadMember(member.pid, &now) == 0 && now.start == member.start) {
      return true;
    }
  }
  return false;
}

}  // namespace

Number MeaningOf(const StopRequest& request, const Members& members,
                 List<StopRow>* rows, bool first, const PidCursor& now,
                 StopReport* report) {
  bool ended = request.leader_fd >= 0 && HasExited(request.leader_fd);
  Holder holder = HolderOf(request.id);
  double known = first ? request.start : report->leader;
  if (IsTaken(ended, holder, known)) return kTaken;
  // If the leader has ended after HasExited, it had the number till now.
  report->leader = holder.start == 0 && known > 0 ? known : holder.start;
  if (request.scope == Scope::kProcess || members.size() == 0) return kSame;
  if (holder.start > 0 && holder.start == known) return kSame;
  if (request.leader_fd >= 0) {
    // Signal 0 to the group of exactly this leader, even if another process has
    // its number now (Linux 6.9).
    int result = SendByPidfd(request.leader_fd, 0, kToGroup);
    if (result == 0 || result == -EPERM) return kSame;
    if (result == -ESRCH && request.scope == Scope::kGroup) return kTaken;
  }
  if (first || members.self()) return kSame;
  if (SeenBefore(request, members, rows, report->since)) return kSame;
  PidCursor before;
  before.forks = report->forks;
  before.last = report->cursor;
  return NumberWasSkipped(before, now, request.id) ? kSame : kUnknown;
}

}  // namespace sess
