// The parts of the command `sess` that need no Node.
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

// False for words that Node has to answer: --help, and wrong words.
bool ParseRun(char** words, struct run* run);
int Run(const struct run* run);

// Restores the variables that the shell of bin/sess has changed. False for a
// state that StateMain has not written.
bool RestoreState(const char* state);

// Waits until the descriptor tells of the child's start. Ctrl-Z stops the child
// also before its exec, and the shell has to see that.
void AwaitStart(pid_t child, enum place place, int fd);
// Waits for that child and ends as it ends, by the same signal.
_Noreturn void WaitAsOne(void);

// The controlling terminal of a job whose program has a group of its own.
void OpenTerminal(void);
// Whether stdin is the terminal and this process's group has it now.
bool HasStdinTerminal(void);
// In the child: takes the terminal, if group `holder` still has it.
void TakeTerminal(pid_t holder);
// Gives the terminal to a group, if this process's group has it now.
bool LendTerminal(pid_t group);
// Takes the terminal back, if that group still has it. kRestoreModes also
// restores the modes.
enum modes { kKeepModes, kRestoreModes };
void TakeTerminalBack(pid_t group, enum modes modes);
// -1 where there is none.
int TerminalDescriptor(void);

#endif  // SETSID_RUN_H_
