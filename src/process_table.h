// The one platform seam: who is there, and what the kernel says of one. An
// implementation for each platform stands in a folder of its own.
#ifndef SETSID_PROCESS_TABLE_H_
#define SETSID_PROCESS_TABLE_H_

#include <sys/types.h>

#include <cstdint>

#include "list.h"

namespace sess {

// A row as JavaScript decodes it, offset by offset: lib/inspect/process.ts.
struct ProcessRow {
  int32_t pid;
  int32_t ppid;
  int32_t pgid;
  int32_t sid;
  int32_t tpgid;   // 0 or -1: the terminal has no foreground group
  uint32_t tty;    // its st_rdev; 0: no controlling terminal
  uint32_t uid;    // effective
  uint8_t state;   // the letter of ps -o state
  uint8_t length;  // bytes of command
  uint8_t unused[2];
  double start;    // in ticks that no change of the clock moves
  double started;  // milliseconds since the epoch
  char command[64];
};
static_assert(sizeof(ProcessRow) == 112,
              "lib/inspect/process.ts reads this layout");

enum class Scope : int32_t { kAll = 0, kSession = 1, kGroup = 2 };

// The ids of all processes, or of those in session or group `id`. 0 or -errno:
// a table that can't be read is an error, never an empty list.
int ScanProcesses(Scope scope, pid_t id, List<int32_t>* pids);

// The rows of the same. A process that vanishes meanwhile is left out.
int ReadProcesses(Scope scope, pid_t id, List<ProcessRow>* rows);

// 0, or -ESRCH when there is no such process, or another -errno.
int ReadProcess(pid_t pid, ProcessRow* row);

// What decides how a process takes a signal, and what it reads and writes, as
// lib/inspect/explain.ts decodes it.
struct ProcessDetails {
  // Bit n - 1 stands for signal n.
  uint32_t ignored;
  uint32_t caught;
  uint32_t blocked;
  int32_t stdio_error;  // 0, or -errno: another user's descriptors are hidden
  uint32_t stdio[3];    // st_rdev of 0, 1 and 2; 0: closed, or no device
};
static_assert(sizeof(ProcessDetails) == 28,
              "lib/inspect/explain.ts reads this layout");

int ReadDetails(pid_t pid, ProcessDetails* details);

// Writes a text that is another one after each boot. 0 or -errno.
constexpr size_t kBootIdSize = 37;
int ReadBootId(char (*id)[kBootIdSize]);

}  // namespace sess

#endif  // SETSID_PROCESS_TABLE_H_
