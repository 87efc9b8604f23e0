// The exit of any process, child or not, without polling: a thread for each
// environment waits for all that it watches, and lives while there are some.
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <new>

#include "exit_queue.h"
#include "list.h"
#include "register.h"
#include "result.h"
#include "signal_block.h"

#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__aarch64__))
// glibc 2.34 moved these two to another library, under a new version. A binary
// that asks for the first version loads on older ones too, and on musl, which
// goes by the name alone.
#if defined(__x86_64__)
#define GLIBC_FIRST "GLIBC_2.2.5"
#else
#define GLIBC_FIRST "GLIBC_2.17"
#endif
__asm__(".symver pthread_create,pthread_create@" GLIBC_FIRST);
__asm__(".symver pthread_join,pthread_join@" GLIBC_FIRST);
#endif

namespace sess {
namespace {

class Watcher {
 public:
  explicit Watcher(napi_env env) : env_(env) {}
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // 0 or -errno. `on_exit` is called with the token of each process that ends.
  int Start(napi_value on_exit);
  // The descriptor that stands for the watch, or -errno.
  int Watch(pid_t pid, intptr_t token);
  void Unwatch(int fd);

 private:
  static void* Run(void* self);
  static void Deliver(napi_env env, napi_value on_exit, void*, void* token);
  static void CleanUp(void* self) { delete static_cast<Watcher*>(self); }

  napi_env env_;
  ExitQueue queue_;
  List<int> fds_;
  pthread_t thread_;
  bool running_ = false;
  napi_threadsafe_function deliver_ = nullptr;
};

int Watcher::Start(napi_value on_exit) {
  int result = queue_.Open();
  if (result != 0) return result;
  Napi::String name = Napi::String::New(env_, "waitForExit");
  if (napi_create_threadsafe_function(env_, on_exit, nullptr, name, 0, 1,
                                      nullptr, nullptr, nullptr, Deliver,
                                      &deliver_) != napi_ok) {
    return -ENOMEM;
  }
  // After the function, which has a hook too: hooks run last first, and the
  // thread must be gone before the function is.
  napi_add_env_cleanup_hook(env_, CleanUp, this);
  SignalBlock block;  // which the thread inherits: signals are Node's to take
  result = pthread_create(&thread_, nullptr, Run, this);
  running_ = result == 0;
  return -result;
}

Watcher::~Watcher() {
  if (running_) {
    queue_.Interrupt();
    pthread_join(thread_, nullptr);
  }
  for (size_t i = 0; i < fds_.size(); i++) close(fds_[i]);
  if (deliver_ == nullptr) return;
  napi_remove_env_cleanup_hook(env_, CleanUp, this);
  napi_release_threadsafe_function(deliver_, napi_tsfn_abort);
}

int Watcher::Watch(pid_t pid, intptr_t token) {
  int fd = OpenExit(pid);
  if (fd < 0) return fd;
  int* place = fds_.Add();
  int result = place == nullptr ? -ENOMEM : queue_.Add(fd, token);
  if (result == 0) {
    *place = fd;
    return fd;
  }
  if (place != nullptr) fds_.DropLast();
  close(fd);
  return result;
}

void Watcher::Unwatch(int fd) {
  for (size_t i = 0; i < fds_.size(); i++) {
    if (fds_[i] != fd) continue;
    fds_[i] = fds_[fds_.size() - 1];
    fds_.DropLast();
    // Not left to close(): a child between fork and exec has a copy, and the
    // queue would go on watching that one.
    queue_.Remove(fd);
    close(fd);
    return;
  }
}

void* Watcher::Run(void* self) {
  auto* watcher = static_cast<Watcher*>(self);
  intptr_t token;
  while (watcher->queue_.Next(&token) == 0 && token != ExitQueue::kInterrupt) {
    // A number in a pointer's place, which nobody follows.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    void* data = reinterpret_cast<void*>(token);
    napi_call_threadsafe_function(watcher->deliver_, data,
                                  napi_tsfn_nonblocking);
  }
  return nullptr;
}

void Watcher::Deliver(napi_env env, napi_value on_exit, void*, void* token) {
  if (env == nullptr) return;  // the environment ends
  Napi::Number value = Napi::Number::New(
      env, static_cast<double>(reinterpret_cast<intptr_t>(token)));
  napi_value argument = value;
  napi_call_function(env, Napi::Env(env).Undefined(), on_exit, 1, &argument,
                     nullptr);
}

Watcher* WatcherArg(const Napi::CallbackInfo& info) {
  return info[0].As<Napi::External<Watcher>>().Data();
}

Napi::Value StartWatcher(const Napi::CallbackInfo& info) {
  auto* watcher = new Watcher(info.Env());
  int result = watcher->Start(info[0]);
  if (result == 0) return Napi::External<Watcher>::New(info.Env(), watcher);
  delete watcher;
  return ToJs(info.Env(), result);
}

// The watcher and all its watches are gone after this.
Napi::Value StopWatcher(const Napi::CallbackInfo& info) {
  delete WatcherArg(info);
  return info.Env().Undefined();
}

Napi::Value WatchExit(const Napi::CallbackInfo& info) {
  intptr_t token = info[2].As<Napi::Number>().Int64Value();
  return ToJs(info.Env(), WatcherArg(info)->Watch(IntArg(info, 1), token));
}

Napi::Value UnwatchExit(const Napi::CallbackInfo& info) {
  WatcherArg(info)->Unwatch(IntArg(info, 1));
  return info.Env().Undefined();
}

Napi::Value HasExited(const Napi::CallbackInfo& info) {
  pollfd exit = {IntArg(info, 0), POLLIN, 0};
  return Napi::Boolean::New(info.Env(), poll(&exit, 1, 0) == 1);
}

}  // namespace

void RegisterWatch(Napi::Object exports) {
  Export<StartWatcher>(exports, "startWatcher");
  Export<StopWatcher>(exports, "stopWatcher");
  Export<WatchExit>(exports, "watchExit");
  Export<UnwatchExit>(exports, "unwatchExit");
  Export<HasExited>(exports, "hasExited");
}

}  // namespace sess
