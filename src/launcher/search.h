#ifndef SETSID_SEARCH_H_
#define SETSID_SEARCH_H_

// execvp(3) as glibc has it, and so plain spawn: a file without "#!" is a
// script of the shell, which musl's leaves alone. `argv` ends with a null
// pointer. Returns with errno.
void Search(const char* file, char** argv);

#endif  // SETSID_SEARCH_H_
