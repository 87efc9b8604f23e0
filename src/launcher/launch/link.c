// The connection between daemonize() and its launcher. Nothing of it is in the
// program's environment or descriptors. daemonize() connects to its parent by
// an abstract name with the parent's pid, and the pid namespace: containers
// that share a network share these names. Both ask the kernel which process is
// at the other end (SO_PEERCRED of unix(7)).
#ifdef __linux__
// struct ucred
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../fds.h"
#include "../socket.h"
#include "../stat.h"
#include "../text.h"
#include "launch.h"

typedef enum { PROGRAM_WORDS(PROTOCOL_NAME) } ProgramWord;
static const Word kProgram[] = {PROGRAM_WORDS(PROTOCOL_ROW)};
enum { kProgramWords = sizeof kProgram / sizeof *kProgram };
typedef enum { ANSWER_WORDS(PROTOCOL_NAME) } AnswerWord;
static const Word kAnswers[] = {ANSWER_WORDS(PROTOCOL_ROW)};

static bool greeted;

int OpenLink(void) {
  int fd = AboveStdio(
      socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd < 0) return -1;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int size = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                      "setsid-launcher-%s-%d", PidNamespace(), (int)getpid());
  socklen_t length =
      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
  int on = 1;
  // listen() makes the kernel remember which process listens.
  if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      bind(fd, (struct sockaddr*)&address, length) != 0 || listen(fd, 4) != 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

// The latest connection counts: setsid/launch connects first, and daemonize()
// connects again.
void AcceptLink(void) {
  int fd = accept4(self.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      peer.pid != self.child) {
    close(fd);
    return;
  }
  if (self.link >= 0) close(self.link);
  self.link = fd;
  greeted = false;
}

static void Answer(AnswerWord word, const long long* values) {
  char text[64];
  int length = Encode(&kAnswers[word], values, text, sizeof text);
  // A program that is gone needs no answer.
  (void)!send(self.link, text, (size_t)length, MSG_NOSIGNAL);
}

static void Detached(int64_t limit) {
  // The launcher believes what the program says of itself. With --report the
  // caller has set a limit of its own, which the program can only shorten.
  bool ours = self.report >= 0;
  int64_t end = After(limit);
  self.phase = kApart;
  self.up = kNoTime;
  if (ours &&
      (end == kNoTime || (self.deadline != kNoTime && self.deadline < end)))
    return;
  self.limit = limit;
  self.deadline = end;
}

static void Hear(char* text, uid_t writer) {
  Message message;
  if (!Decode(kProgram, kProgramWords, ' ', text, &message) ||
      (!greeted && message.word != kHello)) {
    Answer(kBad, NULL);
    return;
  }
  int value = (int)message.values[0];
  switch ((ProgramWord)message.word) {
    case kHello:
      greeted = value == PROTOCOL_VERSION;
      if (greeted) {
        Answer(kWelcome, (long long[]){PROTOCOL_VERSION, self.expected});
      } else {
        Answer(kRefused, (long long[]){PROTOCOL_VERSION});
      }
      break;
    case kPidFile:
      RememberPidFile(message.text, writer);
      break;
    case kDetached:
      Detached(value);
      break;
    case kProgramReady:
      self.phase = kApart;
      Ready(value);
  }
}

// A message: false when there is none.
static bool ReadOne(void) {
  char text[PROTOCOL_MESSAGE + 1];
  struct sender sender;
  bool whole;
  ssize_t size = TakeText(self.link, text, sizeof text, &sender, &whole);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {
    // The end of a connection says nothing: the launcher never takes it for
    // ready.
    close(self.link);
    self.link = -1;
    return false;
  }
  if (whole) {
    Hear(text, sender.uid);
  } else {
    Answer(kBad, NULL);
  }
  return true;
}

void ReadLink(void) {
  while (self.link >= 0 && ReadOne()) {
  }
}
#endif
