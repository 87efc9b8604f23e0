// What node-addon-api would need of libstdc++, in code that this addon never
// runs. With these, libstdc++ is not linked at all, and one binary serves every
// glibc since 2.17 and musl.
#include <cstdlib>
#include <new>

void* operator new(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) std::abort();
  return block;
}

void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }

extern "C" void __cxa_pure_virtual() { std::abort(); }
