#ifndef SETSID_LINUX_PROCESS_STAT_H_
#define SETSID_LINUX_PROCESS_STAT_H_

#include "../process_table.h"

namespace sess {

// Milliseconds since the epoch.
double BootTime();

// Fills a row, but for its uid, from the text of /proc/PID/stat. False for a
// text that is none.
bool ParseStat(const char* text, double boot_time, ProcessRow* row);

// The number at the start of a text.
int32_t ReadNumber(const char* text);

}  // namespace sess

#endif  // SETSID_LINUX_PROCESS_STAT_H_
