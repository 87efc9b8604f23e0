// A line of /proc/PID/stat, as a process with a hostile name makes it.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "../../src/linux/proc.h"
#include "../../src/linux/process_stat.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Memory of just this length: a read behind it is found.
  char* text = static_cast<char*>(malloc(size + 1));
  memcpy(text, data, size);
  text[size] = '\0';
  sess::ProcessRow row;
  if (sess::ParseStat(text, 0, &row)) {
    if (row.length > sizeof row.command) abort();
    // The state is a letter between blanks.
    const char* close = strrchr(text, ')');
    if (close == nullptr || row.state != static_cast<uint8_t>(close[2])) abort();
  }
  sess::NumberAt(text);
  free(text);
  return 0;
}
