#ifdef __linux__
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../stat.h"
#include "../text.h"
#include "contain.h"

enum { kPatience = 1000 };
static const Word kReports[] = {SUPERVISOR_WORDS(PROTOCOL_ROW)};

static struct {
  int channel;
  char* text;
  size_t length, room;
} self = {.channel = -1};

void OpenLines(int channel) {
  self.channel = channel;
  // Nobody reads what was kept for another channel.
  self.length = 0;
}

void TellNode(SupervisorWord word, const long long* values) {
  enum { kLine = 128 };
  if (self.channel < 0) return;
  if (self.room - self.length < kLine) {
    size_t room = self.room == 0 ? 4096 : self.room * 2;
    char* text = realloc(self.text, room);
    if (text == NULL) return;
    self.text = text;
    self.room = room;
  }
  char* line = self.text + self.length;
  int length = Encode(&kReports[word], values, line, kLine - 1);
  line[length] = '\n';
  self.length += (size_t)length + 1;
}

void TellBeginning(pid_t program) {
  pid_t own = getpid();
  TellNode(kBegan,
           (long long[]){program, (long long)StartTicks(program), own,
                         (long long)StartTicks(own), (long long)CgroupId()});
}

bool FlushLines(void) {
  while (self.length > 0) {
    ssize_t size =
        send(self.channel, self.text, self.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size <= 0) return false;
    self.length -= (size_t)size;
    memmove(self.text, self.text + size, self.length);
  }
  return true;
}

void FinishLines(void) {
  struct pollfd room = {self.channel, POLLOUT, 0};
  while (!FlushLines() && poll(&room, 1, kPatience) == 1 &&
         (room.revents & (POLLERR | POLLHUP)) == 0) {
  }
}
#endif
