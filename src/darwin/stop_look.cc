// A look at what is to be stopped, on a platform without pidfds: it compares
// the identity on the line before the signal.
#include "../stop_look.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "../process_table.h"

namespace sess {
namespace {

// In microseconds, as macOS tells the start of a process.
double BootTicks() {
  timeval now;
  gettimeofday(&now, nullptr);
  return static_cast<double>(now.tv_sec) * 1e6 +
         static_cast<double>(now.tv_usec);
}

StopRow* FindRow(List<StopRow>* rows, const ProcessRow& process) {
  for (size_t i = 0; i < rows->size(); i++) {
    StopRow* row = &(*rows)[i];
    if (row->pid == process.pid && row->start == process.start) return row;
  }
  return nullptr;
}

int SendTo(const ProcessRow& seen, int signal) {
  ProcessRow now;
  int result = ReadProcess(seen.pid, &now);
  if (result != 0 || now.start != seen.start) return -ESRCH;
  if (now.sid != seen.sid || now.pgid != seen.pgid) return -ESRCH;
  return kill(seen.pid, signal) == 0 ? 0 : -errno;
}

// If a process other than the first leader has the number, the number was free
// in between.
Number Meaning(const StopRequest& request, bool first, StopReport* report) {
  ProcessRow row;
  double leader = ReadProcess(request.id, &row) == 0 ? row.start : -1;
  double known = first ? request.start : report->leader;
  if (known == -1 && leader != -1) return kTaken;
  if (known > 0 && leader > 0 && known != leader) return kTaken;
  report->leader = leader;
  return kSame;
}

int FindProcesses(const StopRequest& request, List<ProcessRow>* found) {
  if (request.scope != Scope::kProcess) {
    return ReadProcesses(request.scope, request.id, found);
  }
  ProcessRow* row = found->Add();
  if (row == nullptr) return -ENOMEM;
  int result = ReadProcess(request.id, row);
  if (result != 0) found->DropLast();
  return result == -ESRCH ? 0 : result;
}

}  // namespace

int StopLook(const StopRequest& request, bool first, StopReport* report,
             List<StopRow>* rows) {
  report->began = BootTicks();
  List<ProcessRow> found;
  int result = FindProcesses(request, &found);
  if (result != 0) return result;
  report->number = Meaning(request, first, report);
  report->live = report->reachable = report->zombies = report->alone = 0;
  report->wait_pid = 0;
  for (size_t i = 0; i < rows->size(); i++) {
    (*rows)[i].flags &= StopRow::kSent;
  }
  for (size_t i = 0; i < found.size() && report->number == kSame; i++) {
    const ProcessRow& process = found[i];
    if (process.pid == getpid()) continue;
    if (process.state == 'Z') {
      report->zombies++;
      continue;
    }
    StopRow* row = FindRow(rows, process);
    if (row == nullptr) {
      row = rows->Add();
      if (row == nullptr) return -ENOMEM;
      *row = {process.start, process.pid, 0, 0, 0, 0, {0, 0}};
    }
    row->state = process.state;
    row->flags |= StopRow::kLive;
    bool again = row->phase == request.phase;
    bool due = !again ||
               ((request.flags & StopRequest::kAgain) != 0 && row->result == 0);
    if (request.signal >= 0 && due) {
      row->result = SendTo(process, request.signal);
      row->phase = request.phase;
      if (row->result == 0) {
        row->flags |= StopRow::kSent;
        if ((request.flags & StopRequest::kContinue) != 0) {
          SendTo(process, SIGCONT);
        }
      }
    }
    report->live++;
    if (row->phase == request.phase && row->result != 0) continue;
    report->reachable++;
    report->wait_pid = row->pid;
    report->wait_start = row->start;
  }
  report->group = 0;
  if (request.scope == Scope::kGroup && kill(-request.id, 0) != 0) {
    report->group = -errno;
  }
  return 0;
}

void MarkNow(StopReport* report) {
  report->began = report->since = BootTicks();
  report->leader = -1;
}

}  // namespace sess
