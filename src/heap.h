// Objects that outlive a call. `new` would bring in libstdc++.
#ifndef SETSID_HEAP_H_
#define SETSID_HEAP_H_

#include <cstdlib>
#include <new>

namespace sess {

// nullptr: there is no memory.
template <typename T, typename... Arguments>
T* Make(Arguments... arguments) {
  void* place = std::malloc(sizeof(T));
  return place == nullptr ? nullptr : ::new (place) T(arguments...);
}

template <typename T>
void Destroy(T* object) {
  object->~T();
  std::free(object);
}

}  // namespace sess

#endif  // SETSID_HEAP_H_
