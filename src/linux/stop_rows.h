// The processes that looks have seen as members, in order.
#ifndef SETSID_LINUX_STOP_ROWS_H_
#define SETSID_LINUX_STOP_ROWS_H_

#include <cstddef>

#include "../list.h"
#include "../stop_look.h"
#include "stop_members.h"

namespace sess {

// Puts them in order: by pid, then by start.
void SortStopRows(List<StopRow>* rows);

// The row of a member, and the last one with a number, among the first `known`,
// which are in order; nullptr: none.
StopRow* FindStopRow(List<StopRow>* rows, size_t known, const Member& member);
StopRow* LastStopRow(List<StopRow>* rows, size_t known, pid_t pid);

// Whether the number still means what it meant in the look before. `first`,
// `report` and `rows` describe that look. `now`: the pid cursor as read just
// after the scan of `members`. stop_meaning.cc
Number MeaningOf(const StopRequest& request, const Members& members,
                 List<StopRow>* rows, bool first, const PidCursor& now,
                 StopReport* report);

// Whether the signal of the request goes to the whole group at once, by the
// pidfd of its leader, which names this group and no later one (Linux 6.9).
bool IsPinned(const StopRequest& request);

// Sends the signal of the request to each member that is due. Returns how many
// members got one for the first time in this phase, and singly: the next one
// may have started others meanwhile. stop_send.cc
int SendToMembers(const StopRequest& request, const Members& members,
                  List<StopRow>* rows);

}  // namespace sess

#endif  // SETSID_LINUX_STOP_ROWS_H_
