#ifdef __linux__
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "launch.h"

typedef enum { LAUNCH_OPTIONS(PROTOCOL_NAME) } Option;
static const Word kOptions[] = {LAUNCH_OPTIONS(PROTOCOL_ROW)};
typedef enum { WAY_WORDS(PROTOCOL_NAME) } Way;
static const Word kWays[] = {WAY_WORDS(PROTOCOL_ROW)};

static bool IsOurVersion(int version) {
  if (version == PROTOCOL_VERSION) return true;
  dprintf(2,
          "sess: this launcher speaks version %d of the protocol, and its "
          "caller version %d: they are of different releases of setsid\n",
          PROTOCOL_VERSION, version);
  return false;
}

static bool SetWay(char* text, struct options* options) {
  Message way;
  if (!Decode(kWays, sizeof kWays / sizeof *kWays, ':', text, &way))
    return false;
  int number = (int)way.values[0];
  switch ((Way)way.word) {
    case kWayUp:
      options->up_for = number;
      break;
    case kWayFd:
      options->ready_fd = number;
      break;
    case kWayNotify:
      options->notify = true;
      break;
  }
  return true;
}

static bool Set(const Message* option, struct options* options) {
  int number = (int)option->values[0];
  switch ((Option)option->word) {
    case kOptionProtocol:
      return IsOurVersion(number);
    case kOptionMark:
      options->restarted = true;
      return strcmp(option->text, "restart") == 0;
    case kOptionName:
      self.name = option->text;
      break;
    case kOptionReport:
      self.report = number;
      break;
    case kOptionReady:
      return SetWay(option->text, options);
    case kOptionTimeout:
      self.limit = number;
      break;
    case kOptionGrace:
      self.grace = number;
      break;
    case kOptionCred:
      options->cred = option->text;
      break;
    case kOptionUmask:
      options->umask = number;
      break;
    case kOptionKeep:
      options->keep = number;
      break;
  }
  return true;
}

// `options` and `self` may keep parts of the copy, so it is never freed.
static bool ParseOption(const char* text, struct options* options) {
  char* copy = strncmp(text, "--", 2) == 0 ? strdup(text + 2) : NULL;
  Message option;
  return copy != NULL &&
         Decode(kOptions, sizeof kOptions / sizeof *kOptions, '=', copy,
                &option) &&
         Set(&option, options);
}

bool ParseOptions(int argc, char** argv, struct options* options) {
  *options =
      (struct options){.up_for = -1, .ready_fd = -1, .umask = -1, .keep = -1};
  for (int i = 0; i < argc; i++) {
    if (strcmp(argv[i], "--") == 0 && i + 1 < argc) {
      options->program = argv + i + 1;
      return true;
    }
    if (ParseOption(argv[i], options)) continue;
    dprintf(2, "sess: launch: no such option or value: %s\n", argv[i]);
    break;
  }
  dprintf(2, "sess: launch [--OPTION=VALUE]... -- FILE [ARG]...\n");
  return false;
}
#endif
