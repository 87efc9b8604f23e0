// Bytes of any number, and files that are read whole.
#ifndef SETSID_BUFFER_H_
#define SETSID_BUFFER_H_

#include <stdbool.h>
#include <stddef.h>

// Begins as {0}. `bytes` is to be freed. A NUL follows the last byte; NULL is a
// buffer that nothing was added to.
struct buffer {
  char* bytes;
  size_t size, room;
};

// False without memory: then nothing is added.
bool Append(struct buffer* buffer, const char* bytes, size_t size);

// The text of a file, `path` seen from the descriptor of a folder, to be freed;
// or NULL. Two NULs follow it, so that a file of texts that end by NULs is read
// text by text until an empty one.
char* ReadWhole(int folder, const char* path);

// The rest of the line that begins with `start`, with a NUL behind it; or NULL.
char* RestOfLine(char* text, const char* start);

#endif  // SETSID_BUFFER_H_
