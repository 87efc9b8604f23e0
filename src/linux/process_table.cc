// The process table by /proc: proc(5).
#include "../process_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cmath>

#include "../fd.h"

namespace sess {
namespace {

bool InScope(pid_t pid, Scope scope, pid_t id) {
  switch (scope) {
    case Scope::kSession:
      return getsid(pid) == id;
    case Scope::kGroup:
      return getpgid(pid) == id;
    default:
      return true;
  }
}

// Reads the number at *text and the blank behind it.
int64_t NextNumber(const char** text) {
  const char* at = *text;
  bool negative = *at == '-';
  if (negative) at++;
  int64_t value = 0;
  while (*at >= '0' && *at <= '9') value = value * 10 + (*at++ - '0');
  if (*at == ' ') at++;
  *text = at;
  return negative ? -value : value;
}

void SkipFields(const char** text, int count) {
  const char* at = *text;
  while (count-- > 0) {
    while (*at != ' ' && *at != '\0') at++;
    if (*at == ' ') at++;
  }
  *text = at;
}

double Milliseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 +
         static_cast<double>(now.tv_nsec) / 1e6;
}

// The time of boot, which turns start ticks into a time of day. The btime of
// /proc/stat is the same value, cut to whole seconds.
double BootTime() {
  double before, now, after;
  int tries = 8;
  do {  // again if this thread lost its core between the readings
    before = Milliseconds(CLOCK_BOOTTIME);
    now = Milliseconds(CLOCK_REALTIME);
    after = Milliseconds(CLOCK_BOOTTIME);
  } while (after - before > 0.01 && --tries > 0);
  // A reading is off by the time between two clocks. The one in use stays, so
  // that a process keeps its start to the millisecond, until the clock is set.
  static std::atomic<double> in_use;
  double last = in_use.load(std::memory_order_relaxed);
  if (std::abs(now - after - last) < 1) return last;
  in_use.store(now - after, std::memory_order_relaxed);
  return now - after;
}

// The command stands in parentheses and may hold any byte, parentheses, blanks
// and newlines too: it ends at the last ')' of the text (proc_pid_stat(5)).
bool ParseStat(const char* text, double boot_time, ProcessRow* row) {
  const char* open = strchr(text, '(');
  const char* close = strrchr(text, ')');
  if (open == nullptr || close == nullptr || close < open) return false;
  size_t length = static_cast<size_t>(close - open - 1);
  if (length > sizeof row->command) length = sizeof row->command;
  memcpy(row->command, open + 1, length);
  row->length = static_cast<uint8_t>(length);
  row->pid = static_cast<int32_t>(NextNumber(&text));

  const char* at = close + 2;
  row->state = static_cast<uint8_t>(*at);
  at += 2;
  row->ppid = static_cast<int32_t>(NextNumber(&at));
  row->pgid = static_cast<int32_t>(NextNumber(&at));
  row->sid = static_cast<int32_t>(NextNumber(&at));
  row->tty = static_cast<uint32_t>(NextNumber(&at));
  row->tpgid = static_cast<int32_t>(NextNumber(&at));
  SkipFields(&at, 13);  // fields 9 to 21, flags to itrealvalue
  row->start = static_cast<double>(NextNumber(&at));
  double tick = 1000.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  row->started = boot_time + row->start * tick;
  return true;
}

// Whether /proc is there, and shows the pids that this process knows: after
// unshare(CLONE_NEWPID) it may be that of another pid namespace.
int CheckProc() {
  char target[16];
  ssize_t length = readlink("/proc/self", target, sizeof target - 1);
  if (length < 0) return -errno;
  target[length] = '\0';
  const char* at = target;
  return NextNumber(&at) == getpid() ? 0 : -ENOENT;
}

// /proc opens under the number of any thread, unlisted. Signal 0 for thread
// `pid` of process `pid` is refused with ESRCH where that is no process.
bool IsProcess(pid_t pid) {
  return syscall(SYS_tgkill, pid, pid, 0) == 0 || errno == EPERM;
}

int ReadRow(pid_t pid, double boot_time, ProcessRow* row) {
  char text[1024];
  int end = snprintf(text, sizeof text, "/proc/%d/stat", pid);
  Fd file(open(text, O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return errno == ENOENT ? -ESRCH : -errno;
  // The folder belongs to the effective user, as ps shows it. The file doesn't:
  // root owns it where the process may not be dumped (task_dump_owner in the
  // kernel's fs/proc/base.c). statx by number, as musl has no function for it.
  text[end - 5] = '\0';
  struct statx folder;
  if (syscall(SYS_statx, AT_FDCWD, text, 0, STATX_UID, &folder) != 0) {
    return errno == ENOENT ? -ESRCH : -errno;
  }
  // Last, since it fails for a process that is gone: both were of one process.
  ssize_t length = read(file.get(), text, sizeof text - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  memset(row, 0, sizeof *row);
  if (!ParseStat(text, boot_time, row)) return -EIO;
  row->uid = folder.stx_uid;
  return 0;
}

// Finds a line "name:\t" of hexadecimal digits, as proc_pid_status(5) has them.
uint32_t SignalSet(const char* status, const char* name) {
  const char* line = strstr(status, name);
  if (line == nullptr) return 0;
  uint32_t set = 0;  // the last 8 of 16 digits: the signals that have names
  for (line += strlen(name); *line > ' '; line++) {
    int digit = *line <= '9' ? *line - '0' : *line - 'a' + 10;
    set = set << 4 | static_cast<uint32_t>(digit);
  }
  return set;
}

}  // namespace

int ScanProcesses(Scope scope, pid_t id, List<int32_t>* pids) {
  int result = CheckProc();
  if (result != 0) return result;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return -errno;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(proc);
    if (entry == nullptr) {
      result = -errno;
      break;
    }
    const char* name = entry->d_name;
    if (*name < '1' || *name > '9') continue;
    pid_t pid = static_cast<pid_t>(NextNumber(&name));
    if (!InScope(pid, scope, id)) continue;
    int32_t* place = pids->Add();
    if (place == nullptr) {
      result = -ENOMEM;
      break;
    }
    *place = pid;
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
    if (result == 0) continue;
    rows->DropLast();
    // With hidepid=1 the pids of other users show, and nothing else of them.
    if (result != -ESRCH && result != -EPERM && result != -EACCES) {
      return result;
    }
  }
  return 0;
}

int ReadProcess(pid_t pid, ProcessRow* row) {
  if (!IsProcess(pid)) return -ESRCH;
  int result = CheckProc();
  if (result != 0) return result;
  result = ReadRow(pid, BootTime(), row);
  // With hidepid=2 a process of another user's looks as if it were gone.
  return result == -ESRCH && IsProcess(pid) ? -EPERM : result;
}

int ReadDetails(pid_t pid, ProcessDetails* details) {
  memset(details, 0, sizeof *details);
  char text[64 * 1024];  // its list of groups may be long
  snprintf(text, sizeof text, "/proc/%d/status", pid);
  Fd file(open(text, O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return errno == ENOENT ? -ESRCH : -errno;
  ssize_t length = read(file.get(), text, sizeof text - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  details->blocked = SignalSet(text, "\nSigBlk:\t");
  details->ignored = SignalSet(text, "\nSigIgn:\t");
  details->caught = SignalSet(text, "\nSigCgt:\t");

  for (int fd = 0; fd <= 2; fd++) {
    snprintf(text, sizeof text, "/proc/%d/fd/%d", pid, fd);
    struct statx target;
    // Not synced: a descriptor of a dead network disk would hold us up.
    if (syscall(SYS_statx, AT_FDCWD, text, AT_STATX_DONT_SYNC, STATX_TYPE,
                &target) == 0) {
      details->stdio[fd] = static_cast<uint32_t>(
          makedev(target.stx_rdev_major, target.stx_rdev_minor));
    } else if (errno != ENOENT) {
      details->stdio_error = -errno;
    }
  }
  return 0;
}

int ReadBootId(char (*id)[kBootIdSize]) {
  Fd file(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return -errno;
  ssize_t length = read(file.get(), *id, kBootIdSize - 1);
  if (length < 0) return -errno;
  (*id)[length] = '\0';
  return 0;
}

}  // namespace sess
