// The addon's own threads. They block all signals, so that Node's threads take
// them.
#ifndef SETSID_THREAD_H_
#define SETSID_THREAD_H_

#include <pthread.h>

namespace sess {

// Starts a thread that JoinThread waits for. 0 or -errno.
int StartThread(void* (*run)(void*), void* data, pthread_t* thread);
void JoinThread(pthread_t thread);

// Starts a thread that is never waited for, with a small stack: there may be
// hundreds of them. 0 or -errno.
int StartDetachedThread(void* (*run)(void*), void* data);

}  // namespace sess

#endif  // SETSID_THREAD_H_
