// The process table by /proc: proc(5).
#include "../process_table.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fd.h"
#include "proc.h"
#include "process_stat.h"

namespace sess {
namespace {

// 1 or 0, or -errno where the kernel doesn't tell (a security module, a
// sandbox): a member that can't be asked for is not one that isn't there.
int InScope(pid_t pid, Scope scope, pid_t id) {
  if (scope == Scope::kAll) return 1;
  pid_t theirs = scope == Scope::kSession ? getsid(pid) : getpgid(pid);
  if (theirs < 0) return errno == ESRCH ? 0 : -errno;
  return theirs == id ? 1 : 0;
}

// Whether /proc is there, and shows the pids that this process knows: after
// unshare(CLONE_NEWPID) it may be that of another pid namespace.
int CheckProc() {
  char target[16];
  ssize_t length = readlink("/proc/self", target, sizeof target - 1);
  if (length < 0) return -errno;
  target[length] = '\0';
  return ReadNumber(target) == getpid() ? 0 : -ENOENT;
}

// It is there, and /proc shows no more of it than its number: hidepid=1, or a
// security module. No errno, since these mean that the look failed.
constexpr int kHidden = 1;

// 0, kHidden or -errno.
int ReadRow(pid_t pid, double boot_time, ProcessRow* row) {
  char text[1024];
  int end = snprintf(text, sizeof text, "/proc/%d/stat", pid);
  Fd file(open(text, O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == EPERM || errno == EACCES) return kHidden;
    return errno == ENOENT ? -ESRCH : -errno;
  }
  // The folder belongs to the effective user, as ps shows it. The file doesn't:
  // root owns it where the process may not be dumped (task_dump_owner in the
  // kernel's fs/proc/base.c).
  text[end - 5] = '\0';
  struct stat folder;
  if (Stat(text, &folder) != 0) return errno == ENOENT ? -ESRCH : -errno;
  // Last, since it fails for a process that is gone: both were of one process.
  ssize_t length = read(file.get(), text, sizeof text - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  if (!ParseStat(text, boot_time, row)) return -EIO;
  row->uid = folder.st_uid;
  return 0;
}

}  // namespace

bool IsProcess(pid_t pid) {
  if (syscall(SYS_tgkill, pid, pid, 0) == 0) return true;
  return errno != ESRCH && errno != EINVAL;
}

int Stat(const char* path, struct stat* result) {
#ifdef SYS_newfstatat
  return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, result, 0));
#else
  return fstatat(AT_FDCWD, path, result, 0);
#endif
}

int ScanProcesses(Scope scope, pid_t id, List<int32_t>* pids) {
  int result = CheckProc();
  if (result != 0) return result;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return -errno;
  while (result == 0) {
    errno = 0;
    const dirent* entry = readdir(proc);
    if (entry == nullptr) {
      result = -errno;
      break;
    }
    if (*entry->d_name < '1' || *entry->d_name > '9') continue;
    pid_t pid = ReadNumber(entry->d_name);
    int member = InScope(pid, scope, id);
    if (member < 0) result = member;
    if (member == 1 && !pids->Push(pid)) result = -ENOMEM;
  }
  closedir(proc);
  return result;
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
  // Twice: where it is there before and after a look that shows nothing, one
  // that ended may have left its number to another.
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
