// What the run part is made of: the command `sess` where it starts no Node.
#ifndef SETSID_RUN_H_
#define SETSID_RUN_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum place { kSession, kGroup, kTerminal };

struct run {
  enum place place;
  bool wait;
  char** program;
};

// False for words that are for Node: --help, and what is wrong.
bool ParseRun(char** words, struct run* run);
int Run(const struct run* run);

// Puts back what the shell that runs bin/sess has changed; false for a state
// that no StateMain has written.
bool RestoreState(const char* state);

// Waits for the child and ends as it ends, by the same signal.
_Noreturn void WaitAsOne(pid_t child, enum place place);

// The controlling terminal of a job whose program has a group of its own.
void OpenTerminal(void);
// Whether the terminal is stdin and our group's now.
bool HasStdinTerminal(void);
// In the child: takes the terminal, if it is still the group's `holder`.
void TakeTerminal(pid_t holder);
// Gives the terminal to a group, if it is our group's now.
bool LendTerminal(pid_t group);
// Takes the terminal back, if it is still that group's, and its modes with it.
enum modes { kKeepModes, kRestoreModes };
void TakeTerminalBack(pid_t group, enum modes modes);
// -1 where there is none.
int TerminalDescriptor(void);

#endif  // SETSID_RUN_H_
