// The process table by /proc: proc(5).
#include "../process_table.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <atomic>

#include "../fd.h"
#include "../thread.h"
#include "proc.h"
#include "process_stat.h"

namespace sess {
namespace {

// The process exists, but /proc shows only its number: hidepid=1, or a security
// module. This is no -errno: an -errno means that the look failed.
constexpr int kHidden = 1;

// 0, kHidden or -errno. On 0, `folder` is that of the process in /proc.
int ReadRow(pid_t pid, double boot_time, ProcessRow* row, struct stat* folder) {
  StatPath path(pid);
  Fd file(OpenStat(path));
  int opened = file.get();
  if (opened < 0) {
    return opened == -EPERM || opened == -EACCES ? kHidden : opened;
  }
  // The uid is that of the folder, which belongs to the effective user, as ps
  // shows it. The file may not: root owns it when the process may not be dumped
  // (task_dump_owner in the kernel's fs/proc/base.c).
  if (Stat(path.Folder(), folder) != 0)
    return errno == ENOENT ? -ESRCH : -errno;
  // This read comes last: it fails when the process is gone. So on success the
  // uid and the row are of the same process.
  int result = ReadStat(file.get(), boot_time, row);
  row->uid = folder->st_uid;
  return result;
}

// The kernel takes some 10 us for a row, and a second thread costs less than
// 100 us. So from this many rows on, two threads read them.
constexpr size_t kForTwo = 512;
constexpr size_t kSlice = 64;
constexpr size_t kNone = SIZE_MAX;

// The rows to be read, one for each pid. Threads take them slice by slice.
struct Work {
  Work(const List<int32_t>& list, ProcessRow* place)
      : pids(list), rows(place) {}
  const List<int32_t>& pids;
  ProcessRow* const rows;
  const double boot_time = BootTime();
  std::atomic<size_t> next{0};
  size_t failed_there = kNone;  // what ReadSlices gave to the second thread
};

// The first row of a slice that no thread has taken, or kNone.
size_t TakeSlice(Work* work) {
  size_t first = work->next.fetch_add(kSlice, std::memory_order_relaxed);
  return first < work->pids.size() ? first : kNone;
}

// 0 or -errno. The row of a process that has vanished gets the pid 0.
int ReadSlice(const Work& work, size_t first) {
  size_t end = first + kSlice;
  if (end > work.pids.size()) end = work.pids.size();
  struct stat folder;
  for (size_t i = first; i < end; i++) {
    ProcessRow* row = &work.rows[i];
    int result = ReadRow(work.pids[i], work.boot_time, row, &folder);
    if (result == 0) continue;
    if (result != kHidden && result != -ESRCH) return result;
    memset(row, 0, sizeof *row);
    if (result == kHidden) row->pid = work.pids[i];
  }
  return 0;
}

// Reads slices until none is left: kNone. Or until one can't be read: its first
// row.
size_t ReadSlices(Work* work) {
  for (;;) {
    size_t first = TakeSlice(work);
    if (first == kNone || ReadSlice(*work, first) != 0) return first;
  }
}

void* ReadBeside(void* data) {
  auto* work = static_cast<Work*>(data);
  work->failed_there = ReadSlices(work);
  return nullptr;
}

// 0 or -errno.
int ReadAll(Work* work) {
  pthread_t thread;
  // If the kernel gives no thread, this one reads all.
  bool beside = work->pids.size() >= kForTwo &&
                StartThread(ReadBeside, work, &thread) == 0;
  size_t failed = ReadSlices(work);
  if (beside) JoinThread(thread);
  // A slice may have failed because the other thread had the last descriptor
  // that was free. So this thread, alone now, reads that slice again, and what
  // nobody has taken. If it fails too, that is the answer.
  size_t again[] = {failed, work->failed_there};
  for (size_t first : again) {
    int result = first == kNone ? 0 : ReadSlice(*work, first);
    if (result != 0) return result;
  }
  for (size_t first; (first = TakeSlice(work)) != kNone;) {
    int result = ReadSlice(*work, first);
    if (result != 0) return result;
  }
  return 0;
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
  if (pids.size() == 0) return 0;
  if (!rows->Resize(pids.size())) return -ENOMEM;
  Work work(pids, &(*rows)[0]);
  result = ReadAll(&work);
  if (result != 0) return result;
  size_t kept = 0;
  for (size_t i = 0; i < pids.size(); i++) {
    if ((*rows)[i].pid == 0) continue;  // it has vanished
    if (kept != i) (*rows)[kept] = (*rows)[i];
    kept++;
  }
  rows->Resize(kept);
  return 0;
}

int ReadProcess(pid_t pid, ProcessRow* row) {
  // Two tries: a process may exist before and after a look that has found none.
  // Then the first process has ended, and another has got its number.
  for (int tries = 0; tries < 2; tries++) {
    struct stat folder;
    int result = ReadRow(pid, BootTime(), row, &folder);
    // IsProcess costs a system call, so it is left out where the row tells. It
    // decides where the row says thread: the kernel shows that for a moment,
    // too, of a process whose second thread calls exec (de_thread in
    // fs/exec.c).
    if ((result != 0 || row->thread == 1) && !IsProcess(pid)) return -ESRCH;
    int proc = result == 0 ? CheckProcOn(folder.st_dev) : CheckProc();
    if (proc != 0) return proc;
    if (result == kHidden) break;
    if (result != -ESRCH) return result;
  }
  // With hidepid=2 a process of another user's looks as if it were gone.
  return IsProcess(pid) ? -EPERM : -ESRCH;
}

}  // namespace sess
