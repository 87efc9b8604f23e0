// What the launch part is made of beside launch.c.
#ifndef SETSID_LAUNCH_H_
#define SETSID_LAUNCH_H_

#include <stdbool.h>
#include <stddef.h>

// The canary is a process, which lives until EndCanary. The descriptor that
// leads to it, or -1.
int StartCanary(void);
void EndCanary(void);
// Takes the pending signal `number`. True when it was meant for us alone.
bool TakeSignal(int number);
// Whether `number` went to the whole group, if that can be `known`.
bool TakeFromCanary(int number, bool* known);
// Returns when whoever was signalling a group has signalled all of it.
void WaitForSenders(void);
bool IsPending(int number);

void CloseAllBut(const int* keep, size_t count);
// The same open file, by a descriptor above stdio, which a caller may have left
// closed.
int AboveStdio(int fd);
// Becomes the user "UID:GID:GROUPS". False with errno; ENOTRECOVERABLE: for a
// while only.
bool TakeIdentity(const char* cred);
// execvp(3) as POSIX has it. Returns with errno.
void Execute(char** program);

#endif  // SETSID_LAUNCH_H_
