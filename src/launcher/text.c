#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ParseNumber(const char* text, long long least, long long most,
                 long long* value) {
  const char* digits = text + (least < 0 && *text == '-');
  size_t length = strspn(digits, "0123456789");
  if (length == 0 || digits[length] != '\0') return false;
  errno = 0;
  *value = strtoll(text, NULL, 10);
  return errno == 0 && *value >= least && *value <= most;
}

static bool DecodeNumbers(const Word* row, char* text, Message* message) {
  for (char* next = text; next != NULL; text = next) {
    next = strpbrk(text, ", ");
    if (next != NULL) *next++ = '\0';
    if (message->count == row->values ||
        !ParseNumber(text, row->least, row->most,
                     &message->values[message->count++]))
      return false;
  }
  return message->count == row->values ||
         (row->values == 3 && message->count == 2);
}

int Encode(const Word* row, const long long* values, char* text, size_t room) {
  int length = snprintf(text, room, "%s", row->word);
  for (int i = 0; i < row->values && (size_t)length < room; i++) {
    length +=
        snprintf(text + length, room - (size_t)length, " %lld", values[i]);
  }
  return length;
}

bool Decode(const Word* words, size_t count, char separator, char* text,
            Message* message) {
  char* value = strchr(text, separator);
  if (value != NULL) *value++ = '\0';
  for (unsigned i = 0; i < count; i++) {
    const Word* row = &words[i];
    if (strcmp(text, row->word) != 0) continue;
    *message = (Message){.word = i, .text = value};
    if (row->values == 0) return value == NULL;
    if (value == NULL) return false;
    if (row->values > 0) return DecodeNumbers(row, value, message);
    long long length = (long long)strlen(value);
    return length >= row->least && length <= row->most;
  }
  return false;
}
