// The words of PROTOCOL.md as data. lib/launcher/protocol.ts has the same rows
// in the same order, and test/protocol/ compares both.
#ifndef SETSID_PROTOCOL_H_
#define SETSID_PROTOCOL_H_

#include <limits.h>

// It goes up whenever a word, a value or an answer changes.
#define PROTOCOL_VERSION 5

// The longest message: a word and a path.
#define PROTOCOL_MESSAGE 4200

// ROW(name, word, values, least, most): a message with `values` numbers, each
// from `least` to `most`. If `values` is -1, the rest of the message is a text
// of `least` to `most` bytes.

// The program to the launcher, one message each.
#define PROGRAM_WORDS(ROW)                 \
  ROW(Hello, "hello", 1, 1, INT_MAX)       \
  ROW(PidFile, "pidfile", -1, 2, 4096)     \
  ROW(Detached, "detached", 1, 0, INT_MAX) \
  ROW(ProgramReady, "ready", 1, 0, 255)

// The launcher's answers to the program.
#define ANSWER_WORDS(ROW)                \
  ROW(Welcome, "welcome", 2, 0, INT_MAX) \
  ROW(Refused, "refused", 1, 1, INT_MAX) \
  ROW(Bad, "bad", 0, 0, 0)

// The launcher to Node, one line each.
#define REPORT_WORDS(ROW)                  \
  ROW(Started, "started", 2, 0, LLONG_MAX) \
  ROW(Left, "left", 1, 1, INT_MAX)         \
  ROW(Ready, "ready", 0, 0, 0)             \
  ROW(Exit, "exit", 1, 0, 255)             \
  ROW(Signal, "signal", 1, 1, 64)          \
  ROW(Timeout, "timeout", 0, 0, 0)         \
  ROW(Cancelled, "cancelled", 1, 1, 64)    \
  ROW(NoExec, "exec", 1, 1, 4095)          \
  ROW(Failed, "failed", 1, 1, 4095)

// Node to the launcher's exec part, as WORD=VALUE[,VALUE…].
#define STEP_WORDS(ROW)                             \
  ROW(StepStatus, "status", 1, 0, INT_MAX)          \
  ROW(StepContain, "contain", 3, 0, INT_MAX)        \
  ROW(StepSession, "session", 0, 0, 0)              \
  ROW(StepDeath, "death", 3, 0, INT_MAX)            \
  ROW(StepGroup, "group", 1, INT_MIN, INT_MAX)      \
  ROW(StepSteal, "steal", 1, 0, INT_MAX)            \
  ROW(StepTerminal, "terminal", 1, 0, INT_MAX)      \
  ROW(StepForeground, "foreground", 2, -1, INT_MAX) \
  ROW(StepUmask, "umask", 1, 0, 511)                \
  ROW(StepIgnore, "ignore", 1, 1, 64)

// The supervisor of a contained child to Node, one line each.
#define SUPERVISOR_WORDS(ROW)          \
  ROW(Began, "began", 5, 0, LLONG_MAX) \
  ROW(Stopped, "stopped", 1, 1, 64)    \
  ROW(Continued, "continued", 0, 0, 0) \
  ROW(Sent, "sent", 1, 1, INT_MAX)     \
  ROW(Denied, "denied", 1, 1, INT_MAX) \
  ROW(Looked, "looked", 0, 0, 0)       \
  ROW(Empty, "empty", 0, 0, 0)

// Node to the supervisor, one line each.
#define CONTAIN_WORDS(ROW)           \
  ROW(Held, "held", 0, 0, 0)         \
  ROW(SignalAll, "signal", 1, 1, 64) \
  ROW(KillAll, "kill", 0, 0, 0)      \
  ROW(Look, "look", 0, 0, 0)         \
  ROW(Rest, "rest", 0, 0, 0)

// Node to the launcher's launch part, as --WORD=VALUE.
#define LAUNCH_OPTIONS(ROW)                      \
  ROW(OptionProtocol, "protocol", 1, 0, INT_MAX) \
  ROW(OptionMark, "mark", -1, 1, INT_MAX)        \
  ROW(OptionName, "name", -1, 0, INT_MAX)        \
  ROW(OptionReport, "report", 1, 3, INT_MAX)     \
  ROW(OptionReady, "ready", -1, 1, INT_MAX)      \
  ROW(OptionTimeout, "timeout", 1, 0, INT_MAX)   \
  ROW(OptionGrace, "grace", 1, 0, INT_MAX)       \
  ROW(OptionCred, "cred", -1, 3, INT_MAX)        \
  ROW(OptionUmask, "umask", 1, 0, 511)           \
  ROW(OptionKeep, "keep", 1, 3, INT_MAX)

// The value of --ready, as WORD or WORD:VALUE.
#define WAY_WORDS(ROW)            \
  ROW(WayUp, "up", 1, 0, INT_MAX) \
  ROW(WayFd, "fd", 1, 0, INT_MAX) \
  ROW(WayNotify, "notify", 0, 0, 0)

#define PROTOCOL_NAME(name, word, values, least, most) k##name,
#define PROTOCOL_ROW(name, word, values, least, most) \
  {word, values, least, most},

typedef struct {
  const char* word;
  int values;
  long long least, most;
} Word;

#endif  // SETSID_PROTOCOL_H_
