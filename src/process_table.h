// The process table: which processes there are, and what the kernel says of
// each. Each platform implements it in its own folder (linux, darwin).
#ifndef SETSID_PROCESS_TABLE_H_
#define SETSID_PROCESS_TABLE_H_

#include <sys/types.h>

#include <cstdint>

#include "list.h"

namespace sess {

// A row as JavaScript decodes it, offset by offset: lib/inspect/row.ts.
struct ProcessRow {
  int32_t pid;
  int32_t ppid;
  int32_t pgid;
  int32_t sid;
  int32_t tpgid;  // 0 or -1: the terminal has no foreground group
  uint32_t tty;   // its st_rdev; 0: no controlling terminal
  uint32_t uid;   // effective
  int32_t threads;
  double start;     // in ticks that no change of the clock moves
  double started;   // milliseconds since the epoch
  double cpu_time;  // milliseconds, user and system; < 0: not ours to read
  double memory;    // bytes resident; < 0: not ours to read
  uint8_t state;    // the letter of ps -o state; 0: hidden but for its pid
  uint8_t kernel;   // 1: a thread of the kernel's
  uint8_t length;   // bytes of command
  char command[64];
  uint8_t thread;  // 1: the number of a thread, not of a process. C++ alone
                   // reads it.
};
static_assert(sizeof(ProcessRow) == 136,
              "lib/inspect/row.ts reads this layout");

// lib/base/scope.ts has the same.
enum class Scope : int32_t { kAll = 0, kSession = 1, kGroup = 2, kProcess = 3 };

// The ids of all processes, or of those in session or group `id`. 0 or -errno:
// a table that can't be read is an error, never an empty list.
int ScanProcesses(Scope scope, pid_t id, List<int32_t>* pids);

// The rows of these processes. A process that vanishes meanwhile has no row. A
// process that shows only its number has a row with that number and state 0.
int ReadProcesses(Scope scope, pid_t id, List<ProcessRow>* rows);

// 0; -ESRCH: there is no such process; -EPERM: it is hidden; another -errno.
int ReadProcess(pid_t pid, ProcessRow* row);

// What decides how a process takes a signal, and what it reads and writes, as
// lib/inspect/row.ts decodes it.
struct ProcessDetails {
  // Bit n - 1 stands for signal n.
  uint32_t ignored;
  uint32_t caught;
  uint32_t blocked;
  int32_t stdio_error;  // 0, or -errno: another user's descriptors are hidden
  uint32_t stdio[3];    // st_rdev of 0, 1 and 2; 0: closed, or no device
};
static_assert(sizeof(ProcessDetails) == 28,
              "lib/inspect/row.ts reads this layout");

// As ReadProcess.
int ReadDetails(pid_t pid, ProcessDetails* details);

// The arguments that process `pid` shows, with a NUL behind each. A kernel
// thread and a zombie have none. -ESRCH: no process has that number and that
// start.
int ReadArgs(pid_t pid, double start, List<char>* args);

// Writes a text that is different after each boot. 0 or -errno.
constexpr size_t kBootIdSize = 37;
int ReadBootId(char (*id)[kBootIdSize]);

}  // namespace sess

#endif  // SETSID_PROCESS_TABLE_H_
