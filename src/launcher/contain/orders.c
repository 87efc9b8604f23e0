// What goes to every process below the supervisor: a signal, once to each; or
// the end.
#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "contain.h"

static struct {
  enum order order;
  int signal;
  struct members signalled, refused;
} self;

enum order GivenOrder(void) { return self.order; }

void OrderNothing(void) { self.order = kOrderNothing; }
void OrderKill(void) {
  // Those that have had SIGKILL need no other one.
  if (self.signal != SIGKILL) self.signalled.count = 0;
  self.order = kOrderKill;
  self.signal = SIGKILL;
}

static void TellSent(pid_t pid) { TellNode(kSent, (long long[]){pid}); }

bool KillAtOnce(pid_t program) { return KillAndTell(program, TellSent); }

void OrderSignal(int number) {
  self.order = kOrderSignal;
  self.signal = number;
  self.signalled.count = self.refused.count = 0;
}

// Sends the signal of Node's order to each member that has not had it.
static void SignalMembers(void) {
  struct members now = {0};
  FindMembers(&now);
  for (size_t i = 0; i < now.count; i++) {
    const struct member* member = &now.list[i];
    if (IsKnown(&self.signalled, member) || IsKnown(&self.refused, member))
      continue;
    if (SignalMember(member, self.signal) == 0) {
      Remember(&self.signalled, member);
      TellNode(kSent, (long long[]){member->pid});
      // So that what is stopped can act on it.
      if (self.signal != SIGKILL) SignalMember(member, SIGCONT);
    } else if (errno == EPERM) {
      Remember(&self.refused, member);
      TellNode(kDenied, (long long[]){member->pid});
    }
  }
  free(now.list);
}

void FollowOrder(void) {
  if (self.order == kOrderSignal) SignalMembers();
  if (self.order != kOrderKill) return;
  KillCgroup();
  KillMembers(&self.signalled, TellSent);
}
#endif
