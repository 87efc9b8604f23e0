#ifndef SETSID_FDS_H_
#define SETSID_FDS_H_

#include <stdbool.h>
#include <stddef.h>

// Closes every descriptor that is not in `keep`. Negative entries of `keep`
// stand for none.
void CloseAllBut(const int* keep, size_t count);

// Moves `fd` above stdio: if the caller has left 0, 1 or 2 closed, a new
// descriptor may have such a number. Returns the new number, or -1 with errno.
// For a negative `fd` it keeps errno.
int AboveStdio(int fd);
// The same for both ends of a pipe or a pair; false with errno.
bool BothAboveStdio(int fds[2]);

#endif  // SETSID_FDS_H_
