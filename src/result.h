#ifndef SETSID_RESULT_H_
#define SETSID_RESULT_H_

#include <cerrno>

namespace sess {

// What a system call gave: the value, or -errno. errno is read here, on the
// line after the call, before anything can touch it.
template <typename T>
inline T OrErrno(T result) {
  return result == -1 ? static_cast<T>(-errno) : result;
}

}  // namespace sess

#endif  // SETSID_RESULT_H_
