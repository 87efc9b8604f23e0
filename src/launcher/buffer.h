// Bytes of any number, and files that are read whole.
#ifndef SETSID_BUFFER_H_
#define SETSID_BUFFER_H_

#include <stdbool.h>
#include <stddef.h>

// Starts as {0}; its owner frees `bytes`. A NUL follows the last byte. `bytes`
// is NULL until something was added.
struct buffer {
  char* bytes;
  size_t size, room;
};

// False without memory: then nothing is added.
bool Append(struct buffer* buffer, const char* bytes, size_t size);

// The text of a file, `path` seen from the descriptor of a folder, to be freed;
// or NULL. Two NULs follow it: who reads a list of texts, each with a NUL
// behind it, finds an empty text at its end.
char* ReadWhole(int folder, const char* path);

// The rest of the line that begins with `start`, with a NUL behind it; or NULL.
char* RestOfLine(char* text, const char* start);

#endif  // SETSID_BUFFER_H_
