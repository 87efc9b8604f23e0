// The signals of a look: each goes to a process that is held by its pidfd and
// was compared with the one that was seen.
#include <errno.h>
#include <signal.h>

#include <initializer_list>

#include "../fd.h"
#include "../pidfd_calls.h"
#include "stop_rows.h"

namespace sess {
namespace {

class Sender {
 public:
  Sender(const StopRequest& request, const Members& members,
         List<StopRow>* rows)
      : request_(request), members_(members), rows_(*rows) {}
  int Run();

 private:
  bool Has(int32_t flag) const { return (request_.flags & flag) != 0; }
  bool IsDue(const StopRow& row) const;
  int Check(const StopRow& row) const;
  int SendTo(const StopRow& row, int signal) const;
  bool SendToGroup();
  void SendToOne(StopRow* row);

  const StopRequest& request_;
  const Members& members_;
  List<StopRow>& rows_;
  int sent_ = 0;
};

bool Sender::IsDue(const StopRow& row) const {
  if ((row.flags & StopRow::kLive) == 0) return false;
  if (row.phase != request_.phase) return true;
  return Has(StopRequest::kAgain) && row.result == 0;
}

// 0 where a number is that of the process of a row, and that a member still;
// -ESRCH where it isn't; or another -errno. Of a process that /proc doesn't
// show its being a member is all that can be asked.
int Sender::Check(const StopRow& row) const {
  if (!members_.Includes(row.pid)) return -ESRCH;
  if (row.start == 0) return 0;
  Member now;
  int result = ReadMember(row.pid, &now);
  if (result != 0) return result;
  return now.start == row.start ? 0 : -ESRCH;
}

// The pidfd holds the process that has the pid now, and that must be the one
// that was seen. One that is held already is signalled through its own pidfd:
// another that got its number within the same tick has the same start.
int Sender::SendTo(const StopRow& row, int signal) const {
  bool held = request_.scope == Scope::kProcess && request_.leader_fd >= 0;
  if (held && PidfdsWork()) return SendByPidfd(request_.leader_fd, signal, 0);
  if (PidfdsWork()) {
    Fd pidfd(OpenPidfd(row.pid));
    if (pidfd.get() == -ESRCH) return -ESRCH;
    int result = Check(row);
    bool none_free = result == -EMFILE || result == -ENFILE;
    if (pidfd.get() >= 0 && !none_free) {
      return result == 0 ? SendByPidfd(pidfd.get(), signal, 0) : -ESRCH;
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
bool Sender::SendToGroup() {
  if (request_.leader_fd < 0 || members_.self() || !PidfdsWork()) return false;
  if (request_.scope != Scope::kGroup) return false;
  // Another rule says which process may send this one (kill(2)).
  if (request_.signal == SIGCONT) return false;
  if (SendByPidfd(request_.leader_fd, 0, kToGroup) != 0) return false;
  List<size_t> allowed;
  int fresh = 0;
  for (size_t i = 0; i < rows_.size(); i++) {
    StopRow& row = rows_[i];
    if (!IsDue(row)) continue;
    // Success tells only that one member could be signalled: which could not?
    row.result = SendTo(row, 0);
    if (row.result == -ESRCH) continue;
    if (row.result == 0 && row.phase != request_.phase) fresh++;
    row.phase = request_.phase;
    if (row.result == 0) allowed.Push(i);
  }
  if (allowed.size() == 0) return true;
  if (SendByPidfd(request_.leader_fd, request_.signal, kToGroup) != 0) {
    return true;  // they have all ended since
  }
  if (Has(StopRequest::kContinue)) {
    SendByPidfd(request_.leader_fd, SIGCONT, kToGroup);
  }
  for (size_t i = 0; i < allowed.size(); i++) {
    rows_[allowed[i]].flags |= StopRow::kSent;
  }
  sent_ += fresh;
  return true;
}

void Sender::SendToOne(StopRow* row) {
  int result = SendTo(*row, request_.signal);
  if (result == -ESRCH) return;
  bool again = row->phase == request_.phase;
  row->result = result;
  row->phase = request_.phase;
  if (result != 0) return;
  if (!again) sent_++;
  row->flags |= StopRow::kSent;
  if (Has(StopRequest::kContinue)) SendTo(*row, SIGCONT);
}

int Sender::Run() {
  if (SendToGroup()) return sent_;
  // The leader first: the others are often its children.
  for (bool leader : {true, false}) {
    for (size_t i = 0; i < rows_.size(); i++) {
      StopRow& row = rows_[i];
      if ((row.pid == request_.id) == leader && IsDue(row)) SendToOne(&row);
    }
  }
  return sent_;
}

}  // namespace

int SendToMembers(const StopRequest& request, const Members& members,
                  List<StopRow>* rows) {
  return Sender(request, members, rows).Run();
}

}  // namespace sess
