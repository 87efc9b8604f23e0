// What Linux tells of the numbers that it gives to processes.
#ifndef SETSID_LINUX_PID_NUMBERS_H_
#define SETSID_LINUX_PID_NUMBERS_H_

#include <sys/types.h>

namespace sess {

struct PidCursor {
  double forks = -1;  // processes and threads started since boot
  double last = -1;   // the number given out last in this pid namespace
  double tasks = 0;   // processes and threads that exist
};

// Reads the three values. A value that can't be read keeps its default.
PidCursor ReadPidCursor();

// Whether the kernel may have given out again, between the two readings, a
// number that was in use at the first one. It gives them out in a circle.
bool MayHaveWrapped(const PidCursor& before, const PidCursor& after);

// Whether no process can have been given the number `id` between the two
// readings. The circle is alloc_pid in the kernel's kernel/pid.c; only
// checkpoint tools choose a number (clone3(2), set_tid).
bool NumberWasSkipped(const PidCursor& before, const PidCursor& after,
                      pid_t id);

// pid_max, one more than the largest number; PID_MAX_LIMIT where it can't be
// read.
pid_t PidLimit();

// One more than the largest number that a process can have by now.
pid_t NumbersInUse();

// True when /proc may hide processes (hidepid of proc(5)), or when that is
// unknown.
bool ProcIsPartial();

}  // namespace sess

#endif  // SETSID_LINUX_PID_NUMBERS_H_
