#define _GNU_SOURCE
#include "buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kFirstRoom = 16384 };

// Makes room for `size` bytes more, and the NUL.
static bool Reserve(struct buffer* buffer, size_t size) {
  size_t room = buffer->room == 0 ? kFirstRoom : buffer->room;
  while (room - buffer->size <= size) room *= 2;
  if (room == buffer->room) return true;
  char* bytes = realloc(buffer->bytes, room);
  if (bytes == NULL) return false;
  buffer->bytes = bytes;
  buffer->room = room;
  return true;
}

static void Add(struct buffer* buffer, size_t size) {
  buffer->size += size;
  buffer->bytes[buffer->size] = '\0';
}

bool Append(struct buffer* buffer, const char* bytes, size_t size) {
  if (!Reserve(buffer, size)) return false;
  memcpy(buffer->bytes + buffer->size, bytes, size);
  Add(buffer, size);
  return true;
}

char* ReadWhole(int folder, const char* path) {
  int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  struct buffer text = {0};
  ssize_t size = -1;
  while (Reserve(&text, 1)) {
    size = read(fd, text.bytes + text.size, text.room - text.size - 1);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    Add(&text, (size_t)size);
  }
  close(fd);
  if (size == 0 && Append(&text, "", 1)) return text.bytes;
  free(text.bytes);
  return NULL;
}

char* RestOfLine(char* text, const char* start) {
  for (char* line = text; line != NULL;) {
    char* end = strchr(line, '\n');
    if (strncmp(line, start, strlen(start)) == 0) {
      if (end != NULL) *end = '\0';
      return line + strlen(start);
    }
    line = end == NULL ? NULL : end + 1;
  }
  return NULL;
}
