// One look at a process, a process group or a session that is to be stopped. It
// finds the members, checks whether the number still means the same, and sends
// a signal to the members. The next look gets what this look has found.
#ifndef SETSID_STOP_LOOK_H_
#define SETSID_STOP_LOOK_H_

#include <atomic>
#include <cstdint>

#include "list.h"
#include "process_table.h"

namespace sess {

// One process that was ever seen as a member. lib/stop/report.ts decodes this.
struct StopRow {
  double start;    // in ticks since boot; 0: /proc doesn't show the process;
                   // kNotRead: the look had no need of it
  int32_t pid;     //
  int32_t result;  // of the last signal: 0 or -errno
  int32_t phase;   // in which that was sent; 0: it never was
  uint8_t state;   // the letter of ps -o state; '?': not shown
  uint8_t flags;
  uint8_t unused[2];

  static constexpr double kNotRead = -1;
  static constexpr uint8_t kLive = 1;    // in the last look
  static constexpr uint8_t kHidden = 2;  // /proc doesn't show it
  static constexpr uint8_t kSent = 4;    // a signal has reached it
  static constexpr uint8_t kKnown = 8;   // seen while the number meant the same
  static constexpr uint8_t kEnded = 16;  // it had ended then, or after the look
};
static_assert(sizeof(StopRow) == 24, "lib/stop/report.ts reads this layout");

struct StopReport {
  double began;       // when the look began, in ticks since boot
  double since;       // the last time that the number was known to be the same
  double leader;      // start of process `id`: 0 unknown, -1 it is gone
  double forks;       // of the machine, at the last look that was verified
  double cursor;      // the pid given out last then; -1: not known
  double wait_start;  //
  int32_t wait_pid;   // a live member to wait for, or 0
  int32_t number;     // Number, below
  int32_t live;       // members, this process not counted
  int32_t reachable;  // live, without those that a signal failed for
  int32_t zombies;    //
  int32_t alone;      // 1: the kernel started no process during the look
  int32_t group;      // the kernel's own answer, kill(-id, 0): 0 or -errno
  int32_t partial;    // 1: /proc is mounted so that it may hide members
  int32_t hidden;     // live, and /proc doesn't show them
  int32_t unused;
};
static_assert(sizeof(StopReport) == 88, "lib/stop/report.ts reads this layout");

// What the number `id` means in this look.
enum Number : int32_t { kSame = 0, kTaken = 1, kUnknown = 2 };

struct StopRequest {
  Scope scope;
  int32_t id;
  int32_t leader_fd;  // pidfd of process `id`, or -1
  int32_t signal;     // -1: none
  int32_t phase;      // each member gets one signal a phase
  int32_t flags;
  double start;  // of process `id`, as in StopReport.leader

  static constexpr int32_t kAgain = 1;     // more than one signal a phase
  static constexpr int32_t kContinue = 2;  // SIGCONT after the signal
  static constexpr int32_t kWhole = 4;     // ask for every number there can be
};

// `report` and `rows` are those of the look before, if this is not the first.
// 0, or -errno when the table can't be read.
int StopLook(const StopRequest& request, bool first, StopReport* report,
             List<StopRow>* rows);

// Waits until each process that was live in the look before has ended, at most
// `ms`, or until `cancelled` turns true; the whole time if none was live. It
// marks those that have ended. One descriptor is open at a time. stop_wait.cc
void WaitForEnds(List<StopRow>* rows, int ms,
                 const std::atomic<bool>& cancelled);

// Fills the report for a number that still means the same now, although its
// leader has just ended. The first look starts from this report.
void MarkNow(StopReport* report);

}  // namespace sess

#endif  // SETSID_STOP_LOOK_H_
