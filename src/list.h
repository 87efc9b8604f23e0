#ifndef SETSID_LIST_H_
#define SETSID_LIST_H_

#include <cstddef>
#include <cstdlib>
#include <type_traits>

namespace sess {

// A growing array of plain values. std::vector would bring in libstdc++.
template <typename T>
class List {
  static_assert(std::is_trivially_copyable<T>::value, "moved by realloc");

 public:
  List() = default;
  ~List() { std::free(items_); }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  // A place for one more item, or nullptr when there is no memory for it.
  T* Add() {
    if (size_ == capacity_) {
      size_t capacity = capacity_ == 0 ? 256 : capacity_ * 2;
      void* items = std::realloc(items_, capacity * sizeof(T));
      if (items == nullptr) return nullptr;
      items_ = static_cast<T*>(items);
      capacity_ = capacity;
    }
    return &items_[size_++];
  }
  // False when there is no memory for it.
  bool Push(const T& item) {
    T* place = Add();
    if (place != nullptr) *place = item;
    return place != nullptr;
  }
  // Makes room for `count` items, whose values are not set yet. False when
  // there is no memory for them.
  bool Resize(size_t count) {
    if (count > capacity_) {
      void* items = std::realloc(items_, count * sizeof(T));
      if (items == nullptr) return false;
      items_ = static_cast<T*>(items);
      capacity_ = count;
    }
    size_ = count;
    return true;
  }
  void DropLast() { size_--; }
  // Hands the items over, to be freed with free().
  T* Release() {
    T* items = items_;
    items_ = nullptr;
    size_ = capacity_ = 0;
    return items;
  }
  size_t size() const { return size_; }
  const T* data() const { return items_; }
  T& operator[](size_t index) { return items_[index]; }
  const T& operator[](size_t index) const { return items_[index]; }

 private:
  T* items_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace sess

#endif  // SETSID_LIST_H_
