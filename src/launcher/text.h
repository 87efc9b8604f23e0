// The one decoder and encoder of protocol.h on this side.
#ifndef SETSID_TEXT_H_
#define SETSID_TEXT_H_

#include <stdbool.h>
#include <stddef.h>

#include "protocol.h"

enum { kMostValues = 5 };

typedef struct {
  unsigned word;  // the index of its row
  int count;
  long long values[kMostValues];
  char* text;  // for rows of text
} Message;

// Takes digits, and a minus only if `least` is negative. False unless they are
// a number from `least` to `most`.
bool ParseNumber(const char* text, long long least, long long most,
                 long long* value);

// Decodes "WORD VALUE,VALUE…", with `separator` between word and values. It
// changes `text`. False for an unknown word, a missing or a superfluous value,
// and a value out of range. A row of three values may come with two.
bool Decode(const Word* words, size_t count, char separator, char* text,
            Message* message);

// Writes "WORD VALUE VALUE…" for a row of numbers. Returns the length, as
// snprintf(3).
int Encode(const Word* row, const long long* values, char* text, size_t room);

#endif  // SETSID_TEXT_H_
