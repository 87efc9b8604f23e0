#ifndef SETSID_TEXT_H_
#define SETSID_TEXT_H_

#include <node_api.h>

#include <cstdlib>

namespace sess {

// A JavaScript string in UTF-8. Null when the value is no string.
class Text {
 public:
  Text(napi_env env, napi_value value) {
    size_t size = 0;
    if (napi_get_value_string_utf8(env, value, nullptr, 0, &size) != napi_ok) {
      return;
    }
    char* text = static_cast<char*>(std::malloc(size + 1));
    if (text == nullptr) return;
    if (napi_get_value_string_utf8(env, value, text, size + 1, &size_) !=
        napi_ok) {
      std::free(text);
      return;
    }
    text_ = text;
    // Freed by the destructor, or by the caller of release().
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
  }
  ~Text() { std::free(text_); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  const char* get() const { return text_; }
  size_t size() const { return size_; }
  // Hands the memory over.
  char* release() {
    char* text = text_;
    text_ = nullptr;
    return text;
  }

 private:
  char* text_ = nullptr;
  size_t size_ = 0;
};

}  // namespace sess

#endif  // SETSID_TEXT_H_
