// Lists of members.
#ifdef __linux__
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "contain.h"

bool AddMember(struct members* members, const struct member* member) {
  if (members->count == members->room) {
    size_t room = members->room == 0 ? 64 : members->room * 2;
    struct member* list = realloc(members->list, room * sizeof *list);
    if (list == NULL) return false;
    members->list = list;
    members->room = room;
  }
  members->list[members->count++] = *member;
  return true;
}

static bool Same(const struct member* a, const struct member* b) {
  return a->pid == b->pid && a->start == b->start;
}

static size_t PlaceOf(const struct members* seen, pid_t pid) {
  size_t low = 0, high = seen->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (seen->list[middle].pid < pid) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool IsKnown(const struct members* seen, const struct member* member) {
  size_t at = PlaceOf(seen, member->pid);
  return at < seen->count && Same(&seen->list[at], member);
}

bool Remember(struct members* seen, const struct member* member) {
  size_t at = PlaceOf(seen, member->pid);
  if (at < seen->count && seen->list[at].pid == member->pid) {
    seen->list[at] = *member;
    return true;
  }
  if (!AddMember(seen, member)) return false;
  memmove(seen->list + at + 1, seen->list + at,
          (seen->count - 1 - at) * sizeof *seen->list);
  seen->list[at] = *member;
  return true;
}
#endif
