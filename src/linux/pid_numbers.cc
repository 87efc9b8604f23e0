#include "pid_numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../fd.h"
#include "proc.h"

namespace sess {
namespace {

constexpr pid_t kMostPids = 4194304;  // PID_MAX_LIMIT
constexpr double kReserved = 300;     // never given out again (RESERVED_PIDS)

// A whole file of /proc as a text, to be freed; nullptr when it can't be read.
char* ReadText(const char* path) {
  Fd file(open(path, O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return nullptr;
  constexpr size_t kSize = 1 << 18;
  char* text = static_cast<char*>(malloc(kSize));
  if (text == nullptr) return nullptr;
  size_t length = 0;
  for (;;) {
    ssize_t got = read(file.get(), text + length, kSize - 1 - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<size_t>(got);
  }
  text[length] = '\0';
  return text;
}

double NumberAfter(const char* text, const char* word) {
  const char* at = text == nullptr ? nullptr : strstr(text, word);
  if (at == nullptr) return -1;
  return static_cast<double>(NumberAt(at + strlen(word)));
}

}  // namespace

PidCursor ReadPidCursor() {
  PidCursor cursor;
  char* text = ReadText("/proc/loadavg");  // 0.10 0.05 0.01 2/180 12345
  if (text == nullptr) return cursor;
  cursor.tasks = NumberAfter(text, "/");
  const char* slash = strchr(text, '/');
  cursor.last = slash == nullptr ? -1 : NumberAfter(slash, " ");
  free(text);
  text = ReadText("/proc/stat");
  // A sandbox with a kernel of its own may show 0 here, always. This process
  // was started too, so 0 is no count.
  double forks = NumberAfter(text, "\nprocesses ");
  if (forks > 0) cursor.forks = forks;
  free(text);
  return cursor;
}

bool MayHaveWrapped(const PidCursor& before, const PidCursor& after) {
  if (before.forks < 0 || after.forks < 0) return true;
  // A round takes as many new processes as there are free numbers.
  double free_numbers = PidLimit() - kReserved - after.tasks;
  return after.forks - before.forks >= free_numbers;
}

bool NumberWasSkipped(const PidCursor& before, const PidCursor& after,
                      pid_t id) {
  if (before.last < 0 || after.last < 0) return false;
  // After a whole round of the circle the cursor tells nothing.
  if (MayHaveWrapped(before, after)) return false;
  bool between = before.last <= after.last
                     ? before.last < id && id <= after.last
                     : before.last < id || id <= after.last;
  return !between;
}

pid_t PidLimit() {
  char* text = ReadText("/proc/sys/kernel/pid_max");
  if (text == nullptr) return kMostPids;
  int64_t limit = NumberAt(text);
  free(text);
  return limit > 0 && limit < kMostPids ? static_cast<pid_t>(limit) : kMostPids;
}

pid_t NumbersInUse() {
  pid_t limit = PidLimit();
  PidCursor now = ReadPidCursor();
  if (now.forks < 0 || now.last < 0) return limit;
  // After more forks the kernel may have gone round its circle of numbers.
  // Before that it has given out no number above the last one.
  if (now.forks * 2 > limit) return limit;
  pid_t last = static_cast<pid_t>(now.last) + 1;
  return last < limit ? last : limit;
}

bool ProcIsPartial() {
  char* text = ReadText("/proc/self/mountinfo");
  if (text == nullptr) return true;
  bool partial = false;
  // 36 35 98:0 / /proc rw,noatime - proc proc rw,hidepid=invisible. Only the
  // last mount on /proc is visible.
  char* rest = text;
  while (rest != nullptr && *rest != '\0') {
    char* line = rest;
    char* end = strchr(line, '\n');
    if (end != nullptr) *end = '\0';
    rest = end == nullptr ? nullptr : end + 1;
    if (strstr(line, " /proc ") == nullptr) continue;
    const char* type = strstr(line, " - proc ");
    if (type == nullptr) continue;
    const char* hidden = strstr(type, "hidepid=");
    partial = hidden != nullptr && strncmp(hidden + 8, "0", 1) != 0 &&
              strncmp(hidden + 8, "off", 3) != 0;
  }
  free(text);
  return partial;
}

}  // namespace sess
