#ifdef __linux__
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "../protocol.h"
#include "../text.h"
#include "launch.h"

static bool ParseWay(const char* text, struct options* options) {
  const char* value = strchr(text, ':');
  long long number = 0;
  if (strcmp(text, "notify") == 0) {
    options->way = kByNotify;
  } else if (strncmp(text, "up:", 3) == 0) {
    options->way = kByTime;
    if (!ParseNumber(value + 1, 0, INT_MAX, &number)) return false;
  } else if (strncmp(text, "fd:", 3) == 0) {
    options->way = kByDescriptor;
    if (!ParseNumber(value + 1, 0, INT_MAX, &number)) return false;
  } else {
    return false;
  }
  options->value = number;
  return true;
}

static const struct {
  const char* name;
  long long least, most;  // none for text
} kOptions[] = {{"--mark", 0, 0},           {"--name", 0, 0},
                {"--ready", 0, 0},          {"--cred", 0, 0},
                {"--protocol", 0, INT_MAX}, {"--report", 3, INT_MAX},
                {"--timeout", 0, INT_MAX},  {"--grace", 0, INT_MAX},
                {"--keep", 3, INT_MAX},     {"--umask", 0, 0777}};
enum {
  kMark,
  kName,
  kWay,
  kCred,
  kProtocol,
  kReport,
  kLimit,
  kGrace,
  kKeep,
  kUmask
};

static bool SetText(int option, const char* text, struct options* options) {
  switch (option) {
    case kMark:
      options->restarted = true;
      return strcmp(text, "restart") == 0;
    case kName:
      self.name = text;
      return true;
    case kWay:
      return ParseWay(text, options);
    default:
      options->cred = text;
      return true;
  }
}

static bool SetNumber(int option, int64_t value, struct options* options) {
  switch (option) {
    case kReport:
      self.report = (int)value;
      break;
    case kLimit:
      self.limit = value;
      break;
    case kGrace:
      self.grace = value;
      break;
    case kKeep:
      options->keep = (int)value;
      break;
    case kUmask:
      options->umask = (int)value;
      break;
    default:
      if (value == PROTOCOL_VERSION) return true;
      dprintf(2,
              "sess: this launcher speaks version %d of the protocol, and its "
              "caller version %lld: they are of different releases of setsid\n",
              PROTOCOL_VERSION, (long long)value);
      return false;
  }
  return true;
}

static bool ParseOption(const char* text, struct options* options) {
  size_t length = strcspn(text, "=");
  if (text[length] == '\0') return false;
  const char* given = text + length + 1;
  int count = sizeof kOptions / sizeof *kOptions;
  for (int i = 0; i < count; i++) {
    if (strlen(kOptions[i].name) != length ||
        strncmp(text, kOptions[i].name, length) != 0)
      continue;
    if (kOptions[i].most == 0) return SetText(i, given, options);
    long long value;
    return ParseNumber(given, kOptions[i].least, kOptions[i].most, &value) &&
           SetNumber(i, value, options);
  }
  return false;
}

bool ParseOptions(int argc, char** argv, struct options* options) {
  *options = (struct options){.umask = -1, .keep = -1};
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
