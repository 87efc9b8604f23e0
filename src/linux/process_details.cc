// One process in more detail: proc_pid_status(5), proc_pid_fd(5),
// proc_pid_cmdline(5).
#include <errno.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fd.h"
#include "../process_table.h"
#include "proc.h"

namespace sess {
namespace {

// Finds a line "name:\t" of hexadecimal digits. False: there is none.
bool SignalSet(const char* status, const char* name, uint32_t* set) {
  const char* line = strstr(status, name);
  if (line == nullptr) return false;
  *set = 0;  // the last 8 of 16 digits: the signals that have names
  for (line += strlen(name); *line > ' '; line++) {
    int digit = *line <= '9' ? *line - '0' : *line - 'a' + 10;
    *set = *set << 4 | static_cast<uint32_t>(digit);
  }
  return true;
}

// /proc gives ENOENT both for a process that is gone and for a hidden one.
int WhyNot(pid_t pid, int error) {
  if (error == EACCES) return -EPERM;
  if (error != ENOENT && error != ESRCH) return -error;
  return IsProcess(pid) ? -EPERM : -ESRCH;
}

// makedev(3), which is a function that musl lacks in some glibc's headers. The
// layout is that of both (sys/sysmacros.h).
constexpr uint64_t Device(uint64_t major, uint64_t minor) {
  return (major & 0xfffff000) << 32 | (major & 0xfff) << 8 |
         (minor & 0xffffff00) << 12 | (minor & 0xff);
}

// The st_rdev of the file that a process has open as `fd`; 0 when it has none,
// or when `fd` is closed; or -errno.
int64_t DeviceOf(pid_t pid, int fd) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
  // DONT_SYNC: a file on a dead network disk would block this thread.
  struct statx target;
  if (syscall(SYS_statx, AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE,
              &target) == 0) {
    return static_cast<int64_t>(
        Device(target.stx_rdev_major, target.stx_rdev_minor));
  }
  struct stat plain;
  // The kernel is older than 4.11, or an old container profile refuses statx.
  if ((errno == ENOSYS || errno == EPERM) && Stat(path, &plain) == 0) {
    return static_cast<int64_t>(plain.st_rdev);
  }
  return errno == ENOENT ? 0 : -errno;
}

}  // namespace

int ReadDetails(pid_t pid, ProcessDetails* details) {
  memset(details, 0, sizeof *details);
  char text[64 * 1024];  // its list of groups may be long
  snprintf(text, sizeof text, "/proc/%d/status", pid);
  Fd file(open(text, O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return WhyNot(pid, errno);
  ssize_t length = read(file.get(), text, sizeof text - 1);
  if (length < 0) return WhyNot(pid, errno);
  text[length] = '\0';
  if (!SignalSet(text, "\nSigBlk:\t", &details->blocked) ||
      !SignalSet(text, "\nSigIgn:\t", &details->ignored) ||
      !SignalSet(text, "\nSigCgt:\t", &details->caught)) {
    return -EIO;
  }
  for (int fd = 0; fd <= 2; fd++) {
    int64_t device = DeviceOf(pid, fd);
    if (device < 0) details->stdio_error = static_cast<int32_t>(device);
    if (device >= 0) details->stdio[fd] = static_cast<uint32_t>(device);
  }
  return 0;
}

int ReadArgs(pid_t pid, double start, List<char>* args) {
  char text[4096];
  snprintf(text, sizeof text, "/proc/%d/cmdline", pid);
  Fd file(open(text, O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return WhyNot(pid, errno);
  ssize_t length;
  while ((length = read(file.get(), text, sizeof text)) > 0) {
    for (ssize_t i = 0; i < length; i++) {
      if (!args->Push(text[i])) return -ENOMEM;
    }
  }
  if (length < 0) return WhyNot(pid, errno);
  // If the process has the same start after the read, the text was its own.
  ProcessRow row;
  int result = ReadProcess(pid, &row);
  return result == 0 && row.start != start ? -ESRCH : result;
}

int ReadBootId(char (*id)[kBootIdSize]) {
  Fd file(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return -errno;
  ssize_t length = read(file.get(), *id, kBootIdSize - 1);
  if (length <= 0) return length == 0 ? -EIO : -errno;
  (*id)[length] = '\0';
  return 0;
}

}  // namespace sess
