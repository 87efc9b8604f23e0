#include "process_stat.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cmath>

namespace sess {
namespace {

double Milliseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 +
         static_cast<double>(now.tv_nsec) / 1e6;
}

// The numbers of a line, blank by blank. The text may be cut short anywhere.
class Fields {
 public:
  explicit Fields(const char* text) : at_(text) {}

  // The next number. At the end of the text it gives 0, and whole() turns
  // false. A number that is too large for the type wraps around.
  int64_t Next() {
    bool negative = *at_ == '-';
    if (negative) at_++;
    if (*at_ < '0' || *at_ > '9') whole_ = false;
    uint64_t value = 0;
    while (*at_ >= '0' && *at_ <= '9') {
      value = value * 10 + static_cast<uint64_t>(*at_++ - '0');
    }
    if (*at_ == ' ') at_++;
    return static_cast<int64_t>(negative ? 0 - value : value);
  }
  void Skip(int count) {
    while (count-- > 0) {
      while (*at_ != ' ' && *at_ != '\0') at_++;
      if (*at_ == ' ') at_++;
    }
  }
  bool whole() const { return whole_; }

 private:
  const char* at_;
  bool whole_ = true;
};

// PF_KTHREAD of the kernel's sched.h, in the field "flags".
constexpr int64_t kKernelThread = 0x00200000;

}  // namespace

// The time of boot, which turns start ticks into a time of day. The btime of
// /proc/stat is the same value, cut to whole seconds.
double BootTime() {
  double before, now, after;
  int tries = 8;
  do {  // again if this thread lost its core between the readings
    before = Milliseconds(CLOCK_BOOTTIME);
    now = Milliseconds(CLOCK_REALTIME);
    after = Milliseconds(CLOCK_BOOTTIME);
  } while (after - before > 0.01 && --tries > 0);
  // Each reading is off by the time between two clock calls. A reading within a
  // millisecond of the one in use is dropped. So the start of a process stays
  // the same to the millisecond, until the clock is set.
  static std::atomic<double> in_use;
  double last = in_use.load(std::memory_order_relaxed);
  if (std::abs(now - after - last) < 1) return last;
  in_use.store(now - after, std::memory_order_relaxed);
  return now - after;
}

// The command stands in parentheses. It may hold any byte, even parentheses,
// blanks and newlines, so it ends at the last ')' of the text.
bool ParseStat(const char* text, double boot_time, ProcessRow* row) {
  memset(row, 0, sizeof *row);
  const char* open = strchr(text, '(');
  const char* close = strrchr(text, ')');
  if (open == nullptr || close == nullptr || close < open) return false;
  // A letter between blanks follows: the state.
  if (close[1] != ' ' || close[2] == '\0' || close[3] != ' ') return false;
  size_t length = static_cast<size_t>(close - open - 1);
  if (length > sizeof row->command) length = sizeof row->command;
  memcpy(row->command, open + 1, length);
  row->length = static_cast<uint8_t>(length);
  row->pid = static_cast<int32_t>(Fields(text).Next());
  row->state = static_cast<uint8_t>(close[2]);

  Fields fields(close + 4);
  row->ppid = static_cast<int32_t>(fields.Next());
  row->pgid = static_cast<int32_t>(fields.Next());
  row->sid = static_cast<int32_t>(fields.Next());
  row->tty = static_cast<uint32_t>(fields.Next());
  row->tpgid = static_cast<int32_t>(fields.Next());
  row->kernel = (fields.Next() & kKernelThread) != 0 ? 1 : 0;
  fields.Skip(4);  // 10 to 13: page faults
  double tick = 1000.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  auto user = static_cast<double>(fields.Next());
  row->cpu_time = (user + static_cast<double>(fields.Next())) * tick;
  fields.Skip(4);  // 16 to 19: children's times, priority, nice
  row->threads = static_cast<int32_t>(fields.Next());
  fields.Skip(1);
  row->start = static_cast<double>(fields.Next());
  row->started = boot_time + row->start * tick;
  fields.Skip(1);
  auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  row->memory = static_cast<double>(fields.Next()) * page;
  bool whole = fields.whole();
  // 38: the signal that a process sends at its end. A thread has none: -1.
  fields.Skip(13);
  row->thread = fields.Next() == -1 ? 1 : 0;
  return whole;
}

int ReadStat(int fd, double boot_time, ProcessRow* row) {
  char text[1024];
  ssize_t length = read(fd, text, sizeof text - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  return ParseStat(text, boot_time, row) ? 0 : -EIO;
}

bool IsLive(const ProcessRow& row) {
  return (row.state != 'Z' && row.state != 'X') || row.threads > 1;
}

}  // namespace sess
