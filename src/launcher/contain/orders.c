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
static void TellSent(pid_t pid) { TellNode(kSent, (long long[]){pid}); }

// Those that can't be signalled are told of once in an order.
static void TellResult(const struct member* member, int error) {
  if (error == 0) TellSent(member->pid);
  if (error != EPERM || IsKnown(&self.refused, member)) return;
  Remember(&self.refused, member);
  TellNode(kDenied, (long long[]){member->pid});
}

bool KillAtOnce(pid_t program) { return KillAndTell(program, TellSent); }

static void Begin(enum order order, int number) {
  self.order = order;
  self.signal = number;
  self.signalled.count = self.refused.count = 0;
}

void OrderSignal(int number) { Begin(kOrderSignal, number); }
void OrderKill(void) { Begin(kOrderKill, SIGKILL); }

// Sends the signal of Node's order to each member that has not had it.
static void SignalMembers(void) {
  struct members now = {0};
  FindMembers(&now);
  for (size_t i = 0; i < now.count; i++) {
    const struct member* member = &now.list[i];
    if (IsKnown(&self.signalled, member) || IsKnown(&self.refused, member))
      continue;
    int error = SignalMember(member, self.signal) == 0 ? 0 : errno;
    TellResult(member, error);
    if (error != 0) continue;
    Remember(&self.signalled, member);
    // So that what is stopped can act on it.
    if (self.signal != SIGKILL) SignalMember(member, SIGCONT);
  }
  free(now.list);
}

void FollowOrder(void) {
  if (self.order == kOrderSignal) SignalMembers();
  if (self.order != kOrderKill) return;
  KillCgroup();
  KillMembers(&self.signalled, TellResult);
}
#endif
