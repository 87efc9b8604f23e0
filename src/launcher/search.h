#ifndef SETSID_SEARCH_H_
#define SETSID_SEARCH_H_

#include <stddef.h>

// As execvp(3) of glibc, and so as a plain spawn: it runs a file without "#!"
// as a shell script. musl's execvp does not. `argv` ends with a null pointer.
// It only returns when it has failed, with errno.
void Search(const char* file, char** argv);

// Why that has failed, in the user's words; lib/cli/words.ts says the same.
void WhyNotRun(const char* file, int error, char* text, size_t room);

#endif  // SETSID_SEARCH_H_
