// One process in more detail, by sysctl(3) and libproc.
#include <errno.h>
#include <libproc.h>
#include <string.h>
#include <sys/proc_info.h>
#include <sys/sysctl.h>

#include <cstdlib>

#include "../process_table.h"

namespace sess {

int ReadDetails(pid_t pid, ProcessDetails* details) {
  int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
  kinfo_proc info;
  size_t size = sizeof info;
  if (sysctl(name, 4, &info, &size, nullptr, 0) != 0) return -errno;
  if (size == 0) return -ESRCH;
  memset(details, 0, sizeof *details);
  details->ignored = info.kp_proc.p_sigignore;
  details->caught = info.kp_proc.p_sigcatch;
  details->blocked = info.kp_proc.p_sigmask;
  for (int fd = 0; fd <= 2; fd++) {
    vnode_fdinfo target;
    int got = proc_pidfdinfo(pid, fd, PROC_PIDFDVNODEINFO, &target,
                             static_cast<int>(sizeof target));
    if (got == static_cast<int>(sizeof target)) {
      details->stdio[fd] = target.pvi.vi_stat.vst_rdev;
    } else if (errno == EPERM) {
      details->stdio_error = -EPERM;
    }  // otherwise it is closed, or a pipe or a socket
  }
  return 0;
}

// KERN_PROCARGS2: the number of arguments, the path of the program, zeros, the
// arguments, the environment.
int ReadArgs(pid_t pid, double start, List<char>* args) {
  int limit[] = {CTL_KERN, KERN_ARGMAX};
  int most = 0;
  size_t size = sizeof most;
  if (sysctl(limit, 2, &most, &size, nullptr, 0) != 0) return -errno;
  size = static_cast<size_t>(most);
  char* text = static_cast<char*>(std::malloc(size));
  if (text == nullptr) return -ENOMEM;
  int name[] = {CTL_KERN, KERN_PROCARGS2, pid};
  // EINVAL stands for another user's process, and for a zombie.
  int result = sysctl(name, 3, text, &size, nullptr, 0) == 0 ? 0 : -errno;
  if (result == -EINVAL) result = -EPERM;
  int count = 0;
  size_t at = sizeof count;
  if (result == 0 && size > at) memcpy(&count, text, sizeof count);
  while (at < size && text[at] != '\0') at++;
  while (at < size && text[at] == '\0') at++;
  for (; result == 0 && at < size && count > 0; at++) {
    if (!args->Push(text[at])) result = -ENOMEM;
    if (text[at] == '\0') count--;
  }
  std::free(text);
  if (result != 0) return result;
  ProcessRow row;
  result = ReadProcess(pid, &row);
  return result == 0 && row.start != start ? -ESRCH : result;
}

int ReadBootId(char (*id)[kBootIdSize]) {
  size_t size = sizeof *id;
  if (sysctlbyname("kern.bootsessionuuid", *id, &size, nullptr, 0) != 0) {
    return -errno;
  }
  return 0;
}

}  // namespace sess
