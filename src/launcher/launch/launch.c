// The launch part: the caller waits for this process, and the program runs
// below it in the same process group, until it has become a daemon.
//
// The two behave as one. What ends or stops the program ends or stops us in
// the same way; what is sent to our pid is passed on. From the moment that the
// program says it has detached, we only wait for it to be ready, to fail, or to
// run out of time.
//
//   launch [--mark=TEXT] [--report=FD --ready=WAY --timeout=MS --grace=MS
//           --cred=UID:GID:GROUPS --umask=MASK --keep=FD] -- FILE [ARG]...
//
// The program finds its end of a socket in SETSID_LAUNCHER ("FD" or "FD,TEXT")
// and writes to it, each ended by a NUL since a path may have any other byte:
// "P<path>", its pidfile; "D<ms>", detached, ready within so long; "R<code>",
// ready, exit with code. The end of that stream says nothing: it is never taken
// for ready. With a mark it has to become a daemon, and within --timeout; else
// it may.
//
// With --report the program starts in a session of its own, without a
// terminal, and what happens is told in lines on FD: "started PID", then one of
// "ready", "exit CODE", "signal NUMBER", "timeout", "cancelled NUMBER", "exec
// ERRNO", "failed ERRNO". WAY is up:MS, fd:NUMBER or notify.

#ifdef __linux__

// struct ucred, pipe2, NSIG
#define _GNU_SOURCE

#include "launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../launcher.h"

enum { kNoTime = -1 };

static struct {
  const char* file;
  pid_t child;
  sigset_t inherited;  // the mask that the program starts with
  int signals;         // a signalfd, for poll alone
  int status;          // lines from the program
  int report;          // lines to who called with --report; -1: words to stderr
  int ready;           // a pipe that the program writes to when ready
  int notify;          // the socket of NOTIFY_SOCKET
  bool detached;       // the program has a session of its own
  bool expected;       // it was started to become a daemon
  int64_t deadline;    // ready by then, or kNoTime
  int64_t up;          // alive then is ready, or kNoTime
  int64_t grace;       // from SIGTERM to SIGKILL
  char line[4200];     // the part of a line that has come on `status`
  size_t length;
  char pidfile[4200];
} self = {.signals = -1,
          .status = -1,
          .report = -1,
          .ready = -1,
          .notify = -1,
          .deadline = kNoTime,
          .up = kNoTime,
          .grace = 5000};

static int64_t Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t After(int64_t ms) { return ms > 0 ? Now() + ms : kNoTime; }

// Dead by `number` as the program was; 128 + number for pid 1, which the kernel
// spares (pid_namespaces(7)).
static _Noreturn void DieBy(int number) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  signal(number, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  kill(getpid(), number);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  _exit(128 + number);
}

static bool ChildIs(int states, siginfo_t* info) {
  info->si_pid = 0;
  return waitid(P_PID, (id_t)self.child, info, states | WNOHANG | WNOWAIT) ==
             0 &&
         info->si_pid == self.child;
}

// Live members of the program's group. kill(-group, 0) would count zombies.
static bool GroupLives(void) {
  DIR* table = opendir("/proc");
  if (table == NULL) return false;
  bool lives = false;
  for (struct dirent* entry; !lives && (entry = readdir(table)) != NULL;) {
    pid_t pid = atoi(entry->d_name);
    if (pid <= 0 || getpgid(pid) != self.child) continue;
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (size <= 0) continue;
    text[size] = '\0';
    const char* name_end = strrchr(text, ')');
    if (name_end == NULL || name_end[1] == '\0' || name_end[2] == 'X') continue;
    // A zombie's other threads may live: a folder for each, and its own two
    // links.
    struct stat task;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    lives =
        name_end[2] != 'Z' || (lstat(path, &task) == 0 && task.st_nlink > 3);
  }
  closedir(table);
  return lives;
}

static bool IsThere(bool group) {
  siginfo_t info;
  return group ? GroupLives() : !ChildIs(WEXITED, &info);
}

// The one that the program has told of, as long as it is the program's.
static void RemovePidFile(void) {
  if (self.pidfile[0] == '\0') return;
  int fd = open(self.pidfile, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  char text[16] = "";
  if (read(fd, text, sizeof text - 1) > 0 && atoi(text) == self.child)
    unlink(self.pidfile);
  close(fd);
}

// Ends the program and what it started in its group, and sees them gone. While
// the program is not reaped, its number can't become somebody else's.
static void StopDaemon(void) {
  bool own_group = getpgid(self.child) == self.child;
  pid_t target = own_group ? -self.child : self.child;
  kill(target, SIGTERM);
  kill(target, SIGCONT);
  int64_t end = Now() + self.grace;
  while (IsThere(own_group) && Now() < end) poll(NULL, 0, 10);
  // Whoever is forked while SIGKILL is handed out is there for the next one.
  while (IsThere(own_group)) {
    kill(target, SIGKILL);
    for (end = Now() + 100; IsThere(own_group) && Now() < end;)
      poll(NULL, 0, 10);
  }
  waitpid(self.child, NULL, 0);
  RemovePidFile();
}

static void Report(const char* word, int value) {
  char line[64];
  int length = value < 0 ? snprintf(line, sizeof line, "%s\n", word)
                         : snprintf(line, sizeof line, "%s %d\n", word, value);
  while (write(self.report, line, (size_t)length) < 0 && errno == EINTR) {
  }
}

static const char* SignalName(int number) {
  static const char* const names[] = {
      [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT",
      [SIGILL] = "SIGILL",   [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",
      [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",   [SIGKILL] = "SIGKILL",
      [SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
      [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
      [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ", [SIGSYS] = "SIGSYS"};
  bool known = number >= 0 && (size_t)number < sizeof names / sizeof *names &&
               names[number] != NULL;
  return known ? names[number] : strsignal(number);
}

static _Noreturn void EndedBeforeReady(const siginfo_t* info) {
  bool exited = info->si_code == CLD_EXITED;
  int value = info->si_status;
  StopDaemon();
  EndCanary();
  if (self.report >= 0) {
    Report(exited ? "exit" : "signal", value);
  } else if (exited) {
    dprintf(2, "sess: the daemon exited with code %d before it was ready\n",
            value);
  } else {
    dprintf(2, "sess: the daemon was killed by %s before it was ready\n",
            SignalName(value));
  }
  _exit(exited ? (value == 0 ? 1 : value) : 128 + value);
}

static _Noreturn void Ready(int code) {
  siginfo_t info;
  // One that has ended since is not up, whatever it said.
  if (ChildIs(WEXITED, &info)) EndedBeforeReady(&info);
  if (self.report >= 0) Report("ready", -1);
  EndCanary();
  _exit(code);
}

static _Noreturn void TimedOut(int64_t limit) {
  StopDaemon();
  EndCanary();
  if (self.report >= 0) {
    Report("timeout", -1);
  } else {
    dprintf(2,
            "sess: the daemon was not ready within %lld ms and was stopped\n",
            (long long)limit);
  }
  _exit(1);
}

static _Noreturn void Cancelled(int number) {
  StopDaemon();
  EndCanary();
  if (self.report >= 0) Report("cancelled", number);
  DieBy(number);
}

static void MirrorStop(int number) {
  // A stop signal discards a pending SIGCONT, and that one may be for us.
  if (IsPending(SIGCONT)) return;
  signal(number, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  if (number != SIGSTOP) {
    kill(getpid(), number);
    WaitForSenders();
    // Whoever continued the group in the meantime has continued the program.
    siginfo_t info;
    const struct timespec none = {0, 0};
    if (!ChildIs(WSTOPPED, &info)) {
      sigtimedwait(&one, NULL, &none);
      return;
    }
  }
  waitid(P_PID, (id_t)self.child, &(siginfo_t){0}, WSTOPPED | WNOHANG);
  if (number == SIGSTOP) {
    raise(SIGSTOP);
  } else {
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    sigprocmask(SIG_BLOCK, &one, NULL);
  }
}

static void LookAtChild(void) {
  siginfo_t info;
  if (!self.detached && ChildIs(WSTOPPED, &info)) MirrorStop(info.si_status);
  if (!ChildIs(WEXITED, &info)) return;
  if (self.detached || self.expected) EndedBeforeReady(&info);
  waitpid(self.child, NULL, 0);
  EndCanary();
  if (info.si_code == CLD_EXITED) _exit(info.si_status);
  DieBy(info.si_status);
}

static int64_t limit_told;

static void HandleLine(const char* line) {
  int64_t value = atoll(line + 1);
  if (line[0] == 'P' && self.pidfile[0] == '\0') {
    // The first time only: later it may be less than we are.
    strcpy(self.pidfile, line + 1);
  } else if (line[0] == 'D') {
    self.detached = true;
    self.up = kNoTime;
    limit_told = value;
    self.deadline = After(value);
  } else if (line[0] == 'R') {
    self.detached = true;
    Ready((int)value);
  }
}

static void ReadStatus(void) {
  char bytes[512];
  ssize_t size = recv(self.status, bytes, sizeof bytes, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    close(self.status);
    self.status = -1;
    return;
  }
  for (ssize_t i = 0; i < size; i++) {
    if (bytes[i] == '\0') {
      self.line[self.length] = '\0';
      self.length = 0;
      HandleLine(self.line);
    } else if (self.length < sizeof self.line - 1) {
      self.line[self.length++] = bytes[i];
    }
  }
}

static void ReadReady(void) {
  char bytes[64];
  ssize_t size = read(self.ready, bytes, sizeof bytes);
  if (size > 0) Ready(0);
  if (size < 0 && errno == EINTR) return;
  close(self.ready);
  self.ready = -1;
}

// sd_notify(3): READY=1 on a line of its own, from the daemon's session.
static void ReadNotify(void) {
  char text[4096];
  union {
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
    struct cmsghdr align;
  } control;
  struct iovec part = {text, sizeof text - 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  ssize_t size =
      recvmsg(self.notify, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size <= 0) return;
  text[size] = '\0';
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_CREDENTIALS) return;
  struct ucred sender;
  memcpy(&sender, CMSG_DATA(header), sizeof sender);
  if (sender.pid <= 0 || getsid(sender.pid) != self.child) return;
  char* rest = NULL;
  for (char* line = strtok_r(text, "\n", &rest); line != NULL;
       line = strtok_r(NULL, "\n", &rest)) {
    if (strcmp(line, "READY=1") == 0) Ready(0);
  }
}

static void HandleSignal(int number) {
  bool direct = TakeSignal(number);
  if (!self.detached) {
    // Not reaped yet, so this number is the program's.
    if (direct) kill(self.child, number);
    return;
  }
  switch (number) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGTERM:
      Cancelled(number);
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      raise(SIGSTOP);
      return;
    default:
      if (direct && number != SIGCONT) kill(self.child, number);
  }
}

static void HandleSignals(void) {
  sigset_t pending;
  sigpending(&pending);
  for (int number = 1; number < NSIG; number++) {
    if (sigismember(&pending, number) != 1) continue;
    if (number != SIGCHLD) {
      HandleSignal(number);
      continue;
    }
    // Ours tells of a child; one that somebody sent is the program's too.
    siginfo_t info;
    const struct timespec none = {0, 0};
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGCHLD);
    bool known;
    bool group = TakeFromCanary(SIGCHLD, &known);
    if (sigtimedwait(&one, &info, &none) == SIGCHLD && info.si_code <= 0 &&
        !group) {
      kill(self.child, SIGCHLD);
    }
  }
}

static _Noreturn void Wait(void) {
  for (;;) {
    enum { kSignals, kStatus, kReady, kNotify, kReport, kCount };
    // A negative fd is skipped. Of `report` we hear only when nobody reads it.
    struct pollfd events[kCount] = {[kSignals] = {self.signals, POLLIN, 0},
                                    [kStatus] = {self.status, POLLIN, 0},
                                    [kReady] = {self.ready, POLLIN, 0},
                                    [kNotify] = {self.notify, POLLIN, 0},
                                    [kReport] = {self.report, 0, 0}};
    int64_t next = self.deadline;
    if (self.up != kNoTime && (next == kNoTime || self.up < next))
      next = self.up;
    int64_t left = next == kNoTime ? -1 : next - Now();
    if (next != kNoTime && left < 0) left = 0;
    if (left > 3600 * 1000) left = 3600 * 1000;
    poll(events, kCount, (int)left);
    // What it said comes before how it ended, and both before the clock.
    if (events[kStatus].revents != 0) ReadStatus();
    if (events[kReady].revents != 0) ReadReady();
    if (events[kNotify].revents != 0) ReadNotify();
    if (events[kReport].revents != 0) Cancelled(SIGTERM);
    if (events[kSignals].revents != 0) HandleSignals();
    while (self.status >= 0 &&
           poll(&(struct pollfd){self.status, POLLIN, 0}, 1, 0) == 1) {
      ReadStatus();
    }
    LookAtChild();
    if (self.up != kNoTime && Now() >= self.up) Ready(0);
    if (self.deadline != kNoTime && Now() >= self.deadline)
      TimedOut(limit_told);
  }
}

struct options {
  const char* mark;
  const char* ready;
  const char* cred;
  const char* umask;
  int keep;
  char** program;
};

static bool Parse(int argc, char** argv, struct options* options) {
  for (int i = 0; i < argc; i++) {
    const char* text = argv[i];
    if (strcmp(text, "--") == 0) {
      options->program = argv + i + 1;
      return i + 1 < argc;
    }
    const char* value = strchr(text, '=');
    if (value == NULL) return false;
    size_t name = (size_t)(value++ - text);
#define IS(word) (name == strlen(word) && strncmp(text, word, name) == 0)
    if (IS("--mark")) {
      options->mark = value;
    } else if (IS("--report")) {
      self.report = atoi(value);
    } else if (IS("--ready")) {
      options->ready = value;
    } else if (IS("--timeout")) {
      limit_told = atoll(value);
    } else if (IS("--grace")) {
      self.grace = atoll(value);
    } else if (IS("--cred")) {
      options->cred = value;
    } else if (IS("--keep")) {
      options->keep = atoi(value);
    } else if (IS("--umask")) {
      options->umask = value;
    } else {
      return false;
    }
#undef IS
  }
  return false;
}

static int OpenNotify(void) {
  int fd =
      AboveStdio(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd < 0) return -1;
  // No name asked for: the kernel makes up an abstract one (unix(7)).
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  socklen_t length = offsetof(struct sockaddr_un, sun_path);
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      bind(fd, (struct sockaddr*)&address, length) != 0) {
    return -1;
  }
  length = sizeof address;
  if (getsockname(fd, (struct sockaddr*)&address, &length) != 0) return -1;
  char name[sizeof address.sun_path + 1] = "@";
  size_t size = length - offsetof(struct sockaddr_un, sun_path);
  memcpy(name + 1, address.sun_path + 1, size - 1);
  setenv("NOTIFY_SOCKET", name, 1);
  return fd;
}

static _Noreturn void RunProgram(const struct options* options, int status,
                                 int ready, int failure, pid_t parent) {
  bool session = self.report >= 0;
  if (session) {
    // What the caller had open is not the daemon's.
    int keep[] = {0, 1, 2, ready, failure, status, options->keep};
    CloseAllBut(keep, sizeof keep / sizeof *keep);
    if (setsid() < 0) goto failed;
  } else {
    // Nobody else would tell the program that the process its caller waits for
    // was killed.
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(0);
  }
  if (ready >= 0) {
    int number = atoi(options->ready + 3);
    if (number == failure) failure = fcntl(failure, F_DUPFD_CLOEXEC, 3);
    if (number == status) {
      status = fcntl(status, F_DUPFD, 3);
      char text[16];
      snprintf(text, sizeof text, "%d", status);
      setenv("SETSID_LAUNCHER", text, 1);
    }
    if (number == ready ? fcntl(ready, F_SETFD, 0) != 0
                        : dup2(ready, number) < 0)
      goto failed;
  }
  fcntl(status, F_SETFD, 0);
  if (options->umask != NULL) umask((mode_t)atoi(options->umask));
  if (options->cred != NULL && !TakeIdentity(options->cred)) goto failed;
  sigprocmask(SIG_SETMASK, &self.inherited, NULL);
  Execute(options->program);
  int error = errno;
  while (write(failure, &error, sizeof error) < 0 && errno == EINTR) {
  }
  _exit(127);
failed:
  error = -errno;
  while (write(failure, &error, sizeof error) < 0 && errno == EINTR) {
  }
  _exit(127);
}

static _Noreturn void StartFailed(int error) {
  bool exec = error > 0;
  if (self.child > 0) waitpid(self.child, NULL, 0);
  EndCanary();
  if (self.report >= 0) {
    Report(exec ? "exec" : "failed", exec ? error : -error);
  } else {
    dprintf(2, "sess: %s: %s\n", self.file, strerror(exec ? error : -error));
  }
  _exit(error == ENOENT ? 127 : 126);
}

int LaunchMain(int argc, char** argv) {
  struct options options = {.keep = -1};
  if (!Parse(argc, argv, &options)) {
    dprintf(2, "sess: launch [--OPTION=VALUE]... -- FILE [ARG]...\n");
    return 2;
  }
  self.file = options.program[0];
  sigset_t all;
  sigfillset(&all);
  // Blocked signals are queued for us even where the disposition is to ignore
  // them, so none is changed, and the program inherits them as they were.
  sigprocmask(SIG_SETMASK, &all, &self.inherited);
  self.signals = AboveStdio(signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (self.report >= 0) fcntl(self.report, F_SETFD, FD_CLOEXEC);
  int canary = StartCanary();

  int status[2], ready[2] = {-1, -1}, failure[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, status) != 0 ||
      pipe2(failure, O_CLOEXEC) != 0)
    StartFailed(-errno);
  self.status = AboveStdio(status[0]);
  status[1] = AboveStdio(status[1]);
  // The program waits for our answer to "R", but not for long.
  const struct timeval second = {1, 0};
  setsockopt(status[1], SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
  failure[0] = AboveStdio(failure[0]);
  failure[1] = AboveStdio(failure[1]);
  char text[64];
  snprintf(text, sizeof text, options.mark == NULL ? "%d" : "%d,%s", status[1],
           options.mark);
  setenv("SETSID_LAUNCHER", text, 1);
  int64_t up = kNoTime;
  if (options.ready != NULL) {
    if (strncmp(options.ready, "up:", 3) == 0) up = atoll(options.ready + 3);
    if (strncmp(options.ready, "fd:", 3) == 0 && pipe2(ready, O_CLOEXEC) != 0)
      StartFailed(-errno);
    if (strcmp(options.ready, "notify") == 0) {
      self.notify = OpenNotify();
      if (self.notify < 0) StartFailed(-errno);
    }
    self.ready = AboveStdio(ready[0]);
    ready[1] = AboveStdio(ready[1]);
  }

  pid_t parent = getpid();
  self.child = fork();
  if (self.child < 0) StartFailed(-errno);
  if (self.child == 0)
    RunProgram(&options, status[1], ready[1], failure[1], parent);
  // The ends of the caller's pipes are the program's to close.
  int keep[] = {2,          self.signals, self.status, self.report,
                self.ready, self.notify,  canary,      failure[0]};
  CloseAllBut(keep, sizeof keep / sizeof *keep);
  int error = 0;
  ssize_t size;
  while ((size = read(failure[0], &error, sizeof error)) < 0 &&
         errno == EINTR) {
  }
  close(failure[0]);
  if (size == sizeof error) StartFailed(error);

  self.expected = options.mark != NULL;
  self.deadline = After(limit_told);
  if (self.report >= 0) {
    self.detached = true;
    if (up != kNoTime) self.up = Now() + up;
    Report("started", self.child);
  }
  Wait();
}

#else

#include <stdio.h>

int LaunchMain(int argc, char** argv) {
  (void)argc;
  (void)argv;
  fputs("sess: launch needs Linux\n", stderr);
  return 1;
}

#endif
