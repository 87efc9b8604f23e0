#ifndef SETSID_STAT_H_
#define SETSID_STAT_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The length of the text, which ends with a NUL; -1 with errno.
ssize_t ReadFile(const char* path, char* text, size_t room);

// The fields of proc_pid_stat(5) after the name, which may hold anything: from
// the state on. NULL for none.
const char* ReadStat(pid_t pid, char* text, size_t room);

// The letter of ps, or '\0'.
char StateOf(pid_t pid);

// When it started, in clock ticks since the boot; 0 where that can't be told.
uint64_t StartTicks(pid_t pid);

#endif  // SETSID_STAT_H_
