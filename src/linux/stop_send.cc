// Sends the signals of a look. Where the kernel has pidfds, each signal goes
// through a pidfd, to a process that was compared with the one in the row.
#include <errno.h>
#include <signal.h>
#include <unistd.h>

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

// 0 when the pid of a row still names the same process, and this is still a
// member; -ESRCH when not; or another -errno. If /proc does not show the
// process, this can only check that it is a member.
int Sender::Check(const StopRow& row) const {
  if (!members_.Includes(row.pid)) return -ESRCH;
  if (row.start == 0) return 0;
  Member now;
  int result = ReadMember(row.pid, &now);
  if (result != 0) return result;
  return now.start == row.start ? 0 : -ESRCH;
}

// A pidfd refers to the process that has the pid now, so Check compares that
// with the row. If the caller holds a pidfd of the process already, the signal
// goes through that one: Check can't tell apart two processes with the same pid
// that started within one tick.
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
  // Without a pidfd, Check runs on the line before kill(). It can't compare a
  // process that /proc does not show, so that one gets no signal.
  if (row.start == 0) return -EPERM;
  if (Check(row) != 0) return -ESRCH;
  return kill(row.pid, signal) == 0 ? 0 : -errno;
}

// Signals the whole group at once. No member can react to another's end, and a
// child that is started in this moment gets the signal too, or its parent does
// before it is started (copy_process in the kernel's kernel/fork.c). So this
// needs no look for new members. False: Run has to signal one by one.
bool Sender::SendToGroup() {
  if (!IsPinned(request_)) return false;
  List<size_t> allowed;
  for (size_t i = 0; i < rows_.size(); i++) {
    StopRow& row = rows_[i];
    if (!IsDue(row)) continue;
    // The signal to the group succeeds when one member may be signalled. So
    // signal 0, which does nothing, first finds the members that may not.
    row.result = kill(row.pid, 0) == 0 ? 0 : -errno;
    if (row.result == -ESRCH) continue;
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

bool IsPinned(const StopRequest& request) {
  if (request.leader_fd < 0 || request.signal < 0 || !PidfdsWork()) {
    return false;
  }
  if (request.scope != Scope::kGroup || request.id == getpgrp()) return false;
  // The kernel has another rule for the sender of SIGCONT (kill(2)).
  if (request.signal == SIGCONT) return false;
  return SendByPidfd(request.leader_fd, 0, kToGroup) == 0;
}

int SendToMembers(const StopRequest& request, const Members& members,
                  List<StopRow>* rows) {
  return Sender(request, members, rows).Run();
}

}  // namespace sess
