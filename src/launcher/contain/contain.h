// What the files of the contain part share. A contained child is three
// processes:
//
//   Node ── stand-in ── supervisor ── program ── …
//
// Node knows the stand-in's pid: it ends as the program ends, and passes on
// the signals that it gets. The supervisor is the subreaper of all that the
// program starts, and ends all of it when Node ends. It lives until nothing of
// that is left. The stand-in ends before, with the program.
#ifndef SETSID_CONTAIN_H_
#define SETSID_CONTAIN_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../protocol.h"
#include "../signal.h"

// Where stand-in and supervisor go. They must not be in the program's process
// group: they have to get its terminal's signals never, not twice.
//
// kOwnSession: the program stays in Node's group. If they stayed in Node's
// session, that group would count as not orphaned because of them.
// kOwnGroup: the program makes or joins another group in Node's session. A
// member's parent in the same session keeps it from being orphaned, as Node
// would.
// kBoth: the program makes a session. They share a group, so that a signal to
// the stand-in's group is told from one to the stand-in (PassOn).
enum place { kOwnSession, kOwnGroup, kBoth };

// What the supervisor tells the stand-in, as one message.
struct ending {
  int code;    // the exit code, or -1
  int signal;  // the signal that has killed the program, or 0
  bool last;   // nothing else is left: the supervisor ends too
};

// supervisor.c
struct supervision {
  pid_t program;
  int link;     // to the stand-in
  int channel;  // to Node, or -1
  int leash;    // a pidfd of Node
  int above;    // a pidfd of the stand-in
};
_Noreturn void Supervise(const struct supervision* supervision);

// stand-in.c
_Noreturn void StandIn(pid_t supervisor, int link, int channel);

// cgroup.c: each does nothing where no cgroup could be made.
void OpenCgroup(void);
// The number that no other cgroup has got or gets; 0: there is none.
uint64_t CgroupId(void);
void CgroupDescriptors(int fds[2]);
// fork(2) of the program, which begins in the cgroup.
pid_t ForkIntoCgroup(void);
bool KillCgroup(void);
// Does the same, and calls `tell` for each process that was in it. True if the
// program was one of them: it may have left the cgroup.
bool KillAndTell(pid_t program, void (*tell)(pid_t pid));
// With those that were made below it, if nobody is in one of them.
void RemoveCgroup(void);

// program.c
void PassOn(pid_t program, int number);
void KillProgram(pid_t program);
// Tells Node that it has stopped, or goes on.
void TellStops(pid_t program);

// orders.c
enum order { kOrderNothing, kOrderSignal, kOrderKill };
enum order GivenOrder(void);
void OrderNothing(void);
// To each that is there, and to each that comes later.
void OrderSignal(int number);
void OrderKill(void);
// Has the kernel kill the cgroup, and tells Node who was in it. True if the
// program was one of them.
bool KillAtOnce(pid_t program);
// One look, and the signals for what it has found.
void FollowOrder(void);

// lines.c: lines to Node. They are kept until Node reads them, so the
// supervisor never waits for Node.
typedef enum { SUPERVISOR_WORDS(PROTOCOL_NAME) } SupervisorWord;
void OpenLines(int channel);
void TellNode(SupervisorWord word, const long long* values);
void TellBeginning(pid_t program);
// Writes what fits; false when lines are left.
bool FlushLines(void);
// Gives Node some time to read the rest.
void FinishLines(void);

// members.c
struct member {
  pid_t pid, parent;
  uint64_t start;  // clock ticks since the boot; 0: /proc does not show it
};
struct members {
  struct member* list;
  size_t count, room;
};
// Each is false when there is no memory.
bool AddMember(struct members* members, const struct member* member);
// Adds what `seen` does not have to it, in the order of their pids.
bool Remember(struct members* seen, const struct member* member);
bool IsKnown(const struct members* seen, const struct member* member);

// tree.c: the processes below this one, without this one.
//
// A look at /proc, in the order of their pids, zombies left out. What /proc
// does not show is found if it is a child of this one. False when there is no
// memory.
bool FindMembers(struct members* members);
// Signals a member through a pidfd, if it is still the process that was found:
// 0, or -1 with errno (ESRCH: it has ended).
int SignalMember(const struct member* member, int number);

// One pass of the end: stops all members until a look shows no new one, then
// kills them all, but for those that are `killed` already, and adds them.
// `tell` hears of each with 0 or the errno of its SIGKILL.
void KillMembers(struct members* killed,
                 void (*tell)(const struct member* member, int error));

// cgroups.c: a cgroup with all below it.
//
void ListCgroup(int fd, struct members* list);
// Leaves it where somebody is in it.
void RemoveEmpty(int parent, const char* name);

#endif  // SETSID_CONTAIN_H_
