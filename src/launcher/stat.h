#ifndef SETSID_STAT_H_
#define SETSID_STAT_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Reads a file into `text`, with a NUL behind it. Returns the length, or -1
// with errno.
ssize_t ReadFile(const char* path, char* text, size_t room);

// The fields of proc_pid_stat(5), from the state on. The name before them may
// hold any byte. NULL when they can't be read.
const char* ReadStat(pid_t pid, char* text, size_t room);

// The letter of ps -o state, or '\0' when it can't be read.
char StateOf(pid_t pid);

// When it started, in clock ticks since the boot; 0 where that can't be told.
uint64_t StartTicks(pid_t pid);

#endif  // SETSID_STAT_H_
