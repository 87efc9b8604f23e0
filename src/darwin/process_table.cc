// The process table by sysctl(3) and libproc: <sys/sysctl.h>,
// <sys/proc_info.h>.
#include "../process_table.h"

#include <errno.h>
#include <libproc.h>
#include <mach/mach_time.h>
#include <string.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <cstdlib>

namespace sess {
namespace {

// The kernel's rows of all processes, zombies too.
class Table {
 public:
  Table() = default;
  ~Table() { std::free(rows_); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  int Read() {
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_ALL};
    for (;;) {
      size_t size = 0;
      if (sysctl(name, 3, nullptr, &size, nullptr, 0) != 0) return -errno;
      // Room for those that start before the next call.
      size += size / 8 + sizeof *rows_ * 16;
      void* rows = std::realloc(rows_, size);
      if (rows == nullptr) return -ENOMEM;
      rows_ = static_cast<kinfo_proc*>(rows);
      if (sysctl(name, 3, rows_, &size, nullptr, 0) == 0) {
        count_ = size / sizeof *rows_;
        return 0;
      }
      if (errno != ENOMEM) return -errno;  // ENOMEM: it grew by more than that
    }
  }

  const kinfo_proc* begin() const { return rows_; }
  const kinfo_proc* end() const { return rows_ + count_; }

 private:
  kinfo_proc* rows_ = nullptr;
  size_t count_ = 0;
};

// The table also lists the kernel's own process, pid 0. It is left out, because
// getsid(0) means the caller.
bool InScope(const kinfo_proc& info, Scope scope, pid_t id) {
  pid_t pid = info.kp_proc.p_pid;
  if (pid <= 0) return false;
  switch (scope) {
    case Scope::kSession:
      return getsid(pid) == id;
    case Scope::kGroup:
      return info.kp_eproc.e_pgid == id;
    default:
      return true;
  }
}

int Lookup(pid_t pid, kinfo_proc* info) {
  int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
  size_t size = sizeof *info;
  if (sysctl(name, 4, info, &size, nullptr, 0) != 0) return -errno;
  return size == 0 ? -ESRCH : 0;  // no such process: it wrote nothing
}

uint8_t StateLetter(char state) {
  switch (state) {
    case SIDL:
      return 'I';
    case SSLEEP:
      return 'S';
    case SSTOP:
      return 'T';
    case SZOMB:
      return 'Z';
    default:
      return 'R';
  }
}

// What the process uses. The kernel tells root about every process, and any
// other user about its own.
void ReadUsage(ProcessRow* row) {
  proc_taskinfo task;
  mach_timebase_info_data_t base;
  int size = static_cast<int>(sizeof task);
  row->cpu_time = row->memory = -1;
  row->threads = -1;
  if (proc_pidinfo(row->pid, PROC_PIDTASKINFO, 0, &task, size) != size ||
      mach_timebase_info(&base) != KERN_SUCCESS) {
    return;
  }
  double tick = static_cast<double>(base.numer) / base.denom / 1e6;
  row->cpu_time =
      static_cast<double>(task.pti_total_user + task.pti_total_system) * tick;
  row->memory = static_cast<double>(task.pti_resident_size);
  row->threads = task.pti_threadnum;
}

// False for a process that is gone: the kernel no longer tells its session.
bool Convert(const kinfo_proc& info, ProcessRow* row) {
  const extern_proc& proc = info.kp_proc;
  memset(row, 0, sizeof *row);
  row->pid = proc.p_pid;
  row->ppid = info.kp_eproc.e_ppid;
  row->pgid = info.kp_eproc.e_pgid;
  row->sid = getsid(row->pid);
  if (row->sid < 0) return false;
  bool has_tty = info.kp_eproc.e_tdev != NODEV;
  row->tty = has_tty ? static_cast<uint32_t>(info.kp_eproc.e_tdev) : 0;
  row->tpgid = has_tty ? info.kp_eproc.e_tpgid : -1;
  row->uid = info.kp_eproc.e_ucred.cr_uid;
  row->state = StateLetter(proc.p_stat);
  row->length = static_cast<uint8_t>(strnlen(proc.p_comm, MAXCOMLEN));
  memcpy(row->command, proc.p_comm, row->length);
  row->start = static_cast<double>(proc.p_starttime.tv_sec) * 1e6 +
               static_cast<double>(proc.p_starttime.tv_usec);
  row->started = row->start / 1e3;
  ReadUsage(row);
  return true;
}

}  // namespace

int ScanProcesses(Scope scope, pid_t id, List<int32_t>* pids) {
  Table table;
  int result = table.Read();
  if (result != 0) return result;
  for (const kinfo_proc& info : table) {
    if (!InScope(info, scope, id)) continue;
    if (!pids->Push(info.kp_proc.p_pid)) return -ENOMEM;
  }
  return 0;
}

int ReadProcesses(Scope scope, pid_t id, List<ProcessRow>* rows) {
  Table table;
  int result = table.Read();
  if (result != 0) return result;
  for (const kinfo_proc& info : table) {
    if (!InScope(info, scope, id)) continue;
    ProcessRow* row = rows->Add();
    if (row == nullptr) return -ENOMEM;
    if (!Convert(info, row)) rows->DropLast();
  }
  return 0;
}

int ReadProcess(pid_t pid, ProcessRow* row) {
  if (pid <= 0) return -ESRCH;
  kinfo_proc info;
  int result = Lookup(pid, &info);
  if (result != 0) return result;
  return Convert(info, row) ? 0 : -ESRCH;
}

}  // namespace sess
