// The arguments of the launcher's launch part, a line each.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/launcher/launch/launch.h"

struct launch self;

// ParseOptions keeps parts of its arguments for the process's life. Here each
// call is one life, and its copies, which are made here, are freed.
enum { kMost = 64 };
static char text[4096];
static char* copies[kMost];
static int copied;

// strdup(3) for the sources, by -D.
char* CopyForOneLife(const char* from) {
  size_t size = strlen(from) + 1;
  char* copy = malloc(size);
  if (copy == NULL) abort();
  copies[copied++] = copy;
  return memcpy(copy, from, size);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  while (copied > 0) free(copies[--copied]);
  if (size >= sizeof text) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  char* arguments[kMost + 1];
  int count = 0;
  for (char* rest = text; rest != NULL && count < kMost;)
    arguments[count++] = strsep(&rest, "\n");
  arguments[count] = NULL;
  struct options options;
  if (!ParseOptions(count, arguments, &options)) return 0;
  if (options.program == NULL || *options.program == NULL) abort();
  if (options.umask > 0777 || options.umask < -1) abort();
  if (options.ready_fd < -1 || options.keep < -1) abort();
  return 0;
}
