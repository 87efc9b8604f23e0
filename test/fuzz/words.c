// Every message of the protocol, as another process may send it.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/launcher/text.h"

static const Word kProgram[] = {PROGRAM_WORDS(PROTOCOL_ROW)};
static const Word kSteps[] = {STEP_WORDS(PROTOCOL_ROW)};
static const Word kOrders[] = {CONTAIN_WORDS(PROTOCOL_ROW)};
static const Word kOptions[] = {LAUNCH_OPTIONS(PROTOCOL_ROW)};
static const Word kReports[] = {REPORT_WORDS(PROTOCOL_ROW)};
static const Word kSupervisor[] = {SUPERVISOR_WORDS(PROTOCOL_ROW)};
static const Word kWays[] = {WAY_WORDS(PROTOCOL_ROW)};

static const struct {
  const Word* words;
  size_t count;
  char separator;
} kTables[] = {
    {kProgram, sizeof kProgram / sizeof *kProgram, ' '},
    {kSteps, sizeof kSteps / sizeof *kSteps, '='},
    {kOrders, sizeof kOrders / sizeof *kOrders, ' '},
    {kOptions, sizeof kOptions / sizeof *kOptions, '='},
    {kReports, sizeof kReports / sizeof *kReports, ' '},
    {kSupervisor, sizeof kSupervisor / sizeof *kSupervisor, ' '},
    {kWays, sizeof kWays / sizeof *kWays, ':'},
};
enum { kTableCount = sizeof kTables / sizeof *kTables };

static void CheckDecoded(const Word* row, const Message* message) {
  for (int i = 0; i < message->count; i++) {
    if (message->values[i] < row->least || message->values[i] > row->most)
      abort();
  }
  if (message->count > kMostValues) abort();
  if (row->values > 0 && message->count > row->values) abort();
  // What is encoded again is decoded as the same.
  if (row->values < 0 || message->count != row->values) return;
  char text[256];
  Message again;
  int length = Encode(row, message->values, text, sizeof text);
  if (length >= (int)sizeof text || !Decode(row, 1, ' ', text, &again) ||
      memcmp(again.values, message->values, sizeof again.values) != 0)
    abort();
}

// The first byte chooses the table.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  char* text = malloc(size);
  memcpy(text, data + 1, size - 1);
  text[size - 1] = '\0';
  int table = *data % kTableCount;
  Message message;
  if (Decode(kTables[table].words, kTables[table].count,
             kTables[table].separator, text, &message))
    CheckDecoded(&kTables[table].words[message.word], &message);
  free(text);
  return 0;
}
