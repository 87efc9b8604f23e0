// proc_pid_stat(5): one line about a process.
#ifndef SETSID_LINUX_PROCESS_STAT_H_
#define SETSID_LINUX_PROCESS_STAT_H_

#include "../process_table.h"

namespace sess {

// Milliseconds since the epoch.
double BootTime();

// Fills a row, but for its uid, from the text of /proc/PID/stat. False when the
// text has another form.
bool ParseStat(const char* text, double boot_time, ProcessRow* row);

// The same from an open /proc/PID/stat. 0 or -errno.
int ReadStat(int fd, double boot_time, ProcessRow* row);

// Whether a process lives: it is no zombie, or its other threads still run.
bool IsLive(const ProcessRow& row);

}  // namespace sess

#endif  // SETSID_LINUX_PROCESS_STAT_H_
