// The launcher: a small program between Node and the program that the user
// wants to run. The package ships it beside the addon. It makes the calls that
// a process can only make for itself, before exec.
#ifndef SETSID_LAUNCHER_H_
#define SETSID_LAUNCHER_H_

// `launcher exec …`: sets up a child of spawn(), then becomes its program.
int ExecMain(int argc, char** argv);

// The step `contain` of exec, where `node` is the parent and `place` a number
// of contain/contain.h. Comes back as the program's process, two generations
// below the caller: 0; or -1 with errno, when nothing was contained.
int Contain(int channel, int node, int place);

// `launcher watch …`: ends children when their parent ends.
int WatchMain(int argc, char** argv);

// `launcher launch …`: waits for a daemon in the shell's place.
int LaunchMain(int argc, char** argv);

// `launcher as IGNORED,SOFT WORD …` runs WORD … with these ignored signals and
// this soft limit of descriptors. TakeState sets both: 0, or the exit code.
int TakeState(const char* state);

// `launcher state PID` and `launcher front …`: the command `sess`.
int StateMain(int argc, char** argv);
int FrontMain(int argc, char** argv);

#endif  // SETSID_LAUNCHER_H_
