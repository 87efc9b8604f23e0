// The process table by /proc: proc(5).
#include "../process_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../fd.h"
#include "proc.h"
#include "process_stat.h"

namespace sess {
namespace {

// The process exists, but /proc shows only its number: hidepid=1, or a security
// module. This is no -errno: an -errno means that the look failed.
constexpr int kHidden = 1;

// 0, kHidden or -errno.
int ReadRow(pid_t pid, double boot_time, ProcessRow* row) {
  Fd file(OpenStat(pid));
  int opened = file.get();
  if (opened < 0) {
    return opened == -EPERM || opened == -EACCES ? kHidden : opened;
  }
  // The uid is that of the folder, which belongs to the effective user, as ps
  // shows it. The file may not: root owns it when the process may not be dumped
  // (task_dump_owner in the kernel's fs/proc/base.c).
  char path[32];
  snprintf(path, sizeof path, "/proc/%d", pid);
  struct stat folder;
  if (Stat(path, &folder) != 0) return errno == ENOENT ? -ESRCH : -errno;
  // This read comes last: it fails when the process is gone. So on success the
  // uid and the row are of the same process.
  int result = ReadStat(file.get(), boot_time, row);
  row->uid = folder.st_uid;
  return result;
}

}  // namespace

int ScanProcesses(Scope scope, pid_t id, List<int32_t>* pids) {
  return EachProcess([=](pid_t pid) {
    int member = InScope(pid, scope, id);
    if (member < 0) return member;
    return member == 0 || pids->Push(pid) ? 0 : -ENOMEM;
  });
}

int ReadProcesses(Scope scope, pid_t id, List<ProcessRow>* rows) {
  List<int32_t> pids;
  int result = ScanProcesses(scope, id, &pids);
  if (result != 0) return result;
  double boot_time = BootTime();
  for (size_t i = 0; i < pids.size(); i++) {
    ProcessRow* row = rows->Add();
    if (row == nullptr) return -ENOMEM;
    result = ReadRow(pids[i], boot_time, row);
    if (result == kHidden) {
      memset(row, 0, sizeof *row);
      row->pid = pids[i];
    } else if (result == -ESRCH) {
      rows->DropLast();
    } else if (result != 0) {
      return result;
    }
  }
  return 0;
}

int ReadProcess(pid_t pid, ProcessRow* row) {
  // Two tries: a process may exist before and after a look that has found none.
  // Then the first process has ended, and another has got its number.
  for (int tries = 0; tries < 2; tries++) {
    if (!IsProcess(pid)) return -ESRCH;
    int result = CheckProc();
    if (result == 0) result = ReadRow(pid, BootTime(), row);
    if (result == kHidden) break;
    if (result != -ESRCH) return result;
  }
  // With hidepid=2 a process of another user's looks as if it were gone.
  return IsProcess(pid) ? -EPERM : -ESRCH;
}

}  // namespace sess
