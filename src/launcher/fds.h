#ifndef SETSID_FDS_H_
#define SETSID_FDS_H_

#include <stdbool.h>
#include <stddef.h>

// Closes every descriptor but `keep`, in which negative ones are none.
void CloseAllBut(const int* keep, size_t count);

// The same open file, by a descriptor above stdio, which a caller may have left
// closed. -1 with errno, also for a negative `fd`.
int AboveStdio(int fd);
// The same for both ends of a pipe or a pair; false with errno.
bool BothAboveStdio(int fds[2]);

#endif  // SETSID_FDS_H_
