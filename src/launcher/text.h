// The one decoder and encoder of protocol.h on this side.
#ifndef SETSID_TEXT_H_
#define SETSID_TEXT_H_

#include <stdbool.h>
#include <stddef.h>

#include "protocol.h"

enum { kMostValues = 3 };

typedef struct {
  unsigned word;  // the index of its row
  int count;
  long long values[kMostValues];
  char* text;  // for rows of text
} Message;

// Digits alone, with a minus where `least` is negative: a number from `least`
// to `most`.
bool ParseNumber(const char* text, long long least, long long most,
                 long long* value);

// "WORD VALUE,VALUE…" with this byte between word and values. Changes `text`.
// False for an unknown word, a missing or a superfluous value, and one that is
// out of range. A row of three values may come with two.
bool Decode(const Word* words, size_t count, char separator, char* text,
            Message* message);

// "WORD VALUE VALUE…" of a row of numbers: the length, as snprintf(3).
int Encode(const Word* row, const long long* values, char* text, size_t room);

#endif  // SETSID_TEXT_H_
