#ifndef SETSID_STAT_H_
#define SETSID_STAT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Whether /proc is mounted, and shows our pid namespace. In that of another one
// the numbers are those of other processes, so nothing here reads it.
bool HasProc(void);

// Calls `see` for every process until it gives true. False when the table can't
// be read.
bool EachProcess(bool (*see)(pid_t pid, void* data), void* data);

// Reads a file of /proc into `text`, with a NUL behind it. Returns the length,
// or -1 with errno.
ssize_t ReadFile(const char* path, char* text, size_t room);

// The fields of proc_pid_stat(5), from the state on. The name before them may
// hold any byte. NULL when they can't be read.
const char* ReadStat(pid_t pid, char* text, size_t room);

// What the launcher needs of it. False when it can't be read.
struct stat_line {
  char state;
  pid_t parent;
  long threads;
  uint64_t start;  // in clock ticks since the boot
};
bool ReadStatLine(pid_t pid, struct stat_line* line);

// Whether a process with this state has not ended. A zombie lives as long as
// other threads of it do.
bool IsLiveState(pid_t pid, char state);

// The letter of ps -o state, or '\0' when it can't be read.
char StateOf(pid_t pid);

// The number of our pid namespace, in digits; "0" where that can't be told.
// Namespaces that share a network or a cgroup have the same pids.
const char* PidNamespace(void);

// When it started, in clock ticks since the boot; 0 where that can't be told.
uint64_t StartTicks(pid_t pid);

#endif  // SETSID_STAT_H_
