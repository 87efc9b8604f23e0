// Tells what the shell was started with, and so what its programs should get:
//
//   launcher state PID
//
// PID is the shell that runs bin/sess. dash drops variables whose names are not
// valid in a shell, such as the functions that bash exports, and every shell
// may set some. The kernel keeps the environment that a process was started
// with (proc_pid_environ(5)). So `state` can tell the difference, as one word:
// "IGNORED,SOFT[,ENTRY]…". IGNORED is a mask of signals, and SOFT the soft
// limit of descriptors. Each ENTRY is in hexadecimal: NAME=VALUE to set, or
// NAME to remove.
#ifdef __linux__

#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../buffer.h"
#include "../launcher.h"
#include "../signal.h"
#include "run.h"

extern char** environ;

static uint64_t IgnoredSignals(void) {
  uint64_t mask = 0;
  for (int number = 1; number <= kLastSignal; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
      mask |= OneSignal(number);
  }
  return mask;
}

static bool AppendHex(struct buffer* to, const char* text, size_t length) {
  bool whole = Append(to, ",", 1);
  for (size_t i = 0; i < length && whole; i++) {
    char digits[3];
    snprintf(digits, sizeof digits, "%02x", (unsigned char)text[i]);
    whole = Append(to, digits, 2);
  }
  return whole;
}

static bool IsSet(const char* entry) {
  for (char** at = environ; *at != NULL; at++) {
    if (strcmp(*at, entry) == 0) return true;
  }
  return false;
}

static bool HadName(const char* before, const char* entry, size_t length) {
  for (const char* at = before; *at != '\0'; at += strlen(at) + 1) {
    if (strncmp(at, entry, length) == 0 && at[length] == '=') return true;
  }
  return false;
}

// Adds how the environment differs from the one that process `pid` was started
// with.
static bool AppendChanges(struct buffer* to, const char* pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/environ", pid);
  char* before = ReadWhole(AT_FDCWD, path);
  if (before == NULL) return true;
  bool whole = true;
  for (const char* at = before; *at != '\0'; at += strlen(at) + 1) {
    if (strchr(at, '=') != NULL && !IsSet(at))
      whole = whole && AppendHex(to, at, strlen(at));
  }
  for (char** at = environ; *at != NULL; at++) {
    size_t length = strcspn(*at, "=");
    if (!HadName(before, *at, length))
      whole = whole && AppendHex(to, *at, length);
  }
  free(before);
  return whole;
}

int StateMain(int argc, char** argv) {
  if (argc != 1) return 2;
  struct rlimit limit = {0, 0};
  getrlimit(RLIMIT_NOFILE, &limit);
  char start[64];
  int size = snprintf(start, sizeof start, "%" PRIx64 ",%ju", IgnoredSignals(),
                      (uintmax_t)limit.rlim_cur);
  struct buffer state = {0};
  if (!Append(&state, start, (size_t)size) || !AppendChanges(&state, argv[0]))
    return 1;
  return dprintf(STDOUT_FILENO, "%s", state.bytes) < 0 ? 1 : 0;
}

// The value of a digit as AppendHex writes it; -1 for another byte.
static int DigitAt(const char* hex) {
  const char* digits = "0123456789abcdef";
  const char* found = *hex == '\0' ? NULL : strchr(digits, *hex);
  return found == NULL ? -1 : (int)(found - digits);
}

static void RestoreEntry(const char* hex, size_t length) {
  char* entry = malloc(length / 2 + 1);
  if (entry == NULL) return;
  size_t size = 0;
  for (; size < length / 2; size++, hex += 2) {
    int high = DigitAt(hex), low = DigitAt(hex + 1);
    if (high < 0 || low < 0) break;
    entry[size] = (char)(high * 16 + low);
  }
  entry[size] = '\0';
  // putenv() keeps the entry itself, so this code does not free it.
  // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
  if (strchr(entry, '=') != NULL && putenv(entry) == 0) return;
  unsetenv(entry);
  free(entry);
}

int TakeState(const char* state) {
  char* rest;
  uint64_t ignored = strtoull(state, &rest, 16);
  if (rest == state || *rest != ',') return 2;
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = (rlim_t)strtoull(rest + 1, NULL, 10);
  if (limit.rlim_cur <= limit.rlim_max) setrlimit(RLIMIT_NOFILE, &limit);
  // SIGCHLD stays as it is, because the launcher waits for children.
  ignored &= ~OneSignal(SIGCHLD);
  for (int number = 1; number <= kLastSignal; number++) {
    if ((ignored & OneSignal(number)) != 0) signal(number, SIG_IGN);
  }
  return 0;
}

bool RestoreState(const char* state) {
  const char* at = strchr(state, ',');
  if (at == NULL) return false;
  // The entries are behind the limit.
  at = strchr(at + 1, ',');
  while (at != NULL) {
    size_t length = strcspn(++at, ",");
    RestoreEntry(at, length);
    at = at[length] == ',' ? at + length : NULL;
  }
  return true;
}

#endif
