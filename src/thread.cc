#include "thread.h"

#include "signal_block.h"

#if defined(__linux__) && defined(__GLIBC__)
// glibc 2.34 moved these functions to another library and gave them a new
// symbol version. A binary that asks for the first version also loads on an
// older glibc. It loads on musl too, which ignores the version.
#if defined(__x86_64__)
#define GLIBC_FIRST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define GLIBC_FIRST "GLIBC_2.17"
#endif
#ifdef GLIBC_FIRST
__asm__(".symver pthread_create,pthread_create@" GLIBC_FIRST);
__asm__(".symver pthread_join,pthread_join@" GLIBC_FIRST);
__asm__(
    ".symver pthread_attr_setstacksize,pthread_attr_setstacksize@" GLIBC_FIRST);
#endif
#endif

namespace sess {
namespace {

// Enough for a few system calls. glibc puts the thread-local data of the whole
// program there too, which a sanitizer makes larger.
constexpr size_t kSmallStack = size_t{256} * 1024;

int Start(const pthread_attr_t* attributes, void* (*run)(void*), void* data,
          pthread_t* thread) {
  SignalBlock block;  // which the thread inherits
  return -pthread_create(thread, attributes, run, data);
}

}  // namespace

int StartThread(void* (*run)(void*), void* data, pthread_t* thread) {
  return Start(nullptr, run, data, thread);
}

void JoinThread(pthread_t thread) { pthread_join(thread, nullptr); }

int StartDetachedThread(void* (*run)(void*), void* data) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // If this is refused the thread has the usual 8 MB.
  (void)pthread_attr_setstacksize(&attributes, kSmallStack);
  pthread_t thread;
  int result = Start(&attributes, run, data, &thread);
  pthread_attr_destroy(&attributes);
  return result;
}

}  // namespace sess
