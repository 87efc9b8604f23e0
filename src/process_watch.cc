// Waits for the exit of any process, child or not, without polling. Each Node
// environment has one thread for all the processes that it watches. The thread
// lives while there is at least one.
#include <unistd.h>

#include <cerrno>

#include "call.h"
#include "exit_queue.h"
#include "heap.h"
#include "list.h"
#include "pidfd_calls.h"
#include "register.h"
#include "thread.h"

namespace sess {
namespace {

class ExitThread {
 public:
  explicit ExitThread(napi_env env) : env_(env) {}
  ~ExitThread();
  ExitThread(const ExitThread&) = delete;
  ExitThread& operator=(const ExitThread&) = delete;

  // 0 or -errno. `on_exit` is called with the token of each process that ends.
  int Start(napi_value on_exit);
  // The descriptor that stands for the watch, or -errno.
  int Watch(pid_t pid, intptr_t token);
  void Unwatch(int fd);

 private:
  static void* Run(void* self);
  static void Deliver(napi_env env, napi_value on_exit, void*, void* token);
  static void CleanUp(void* self) { Destroy(static_cast<ExitThread*>(self)); }

  napi_env env_;
  ExitQueue queue_;
  List<int> fds_;
  pthread_t thread_ = {};
  bool running_ = false;
  napi_threadsafe_function deliver_ = nullptr;
};

int ExitThread::Start(napi_value on_exit) {
  int result = queue_.Open();
  if (result != 0) return result;
  napi_value name = ToJs(env_, "waitForExit");
  if (name == nullptr) return -ECANCELED;
  if (napi_create_threadsafe_function(env_, on_exit, nullptr, name, 0, 1,
                                      nullptr, nullptr, nullptr, Deliver,
                                      &deliver_) != napi_ok) {
    return -ENOMEM;
  }
  // The threadsafe function has a cleanup hook too. Node runs the last hook
  // first, so this one comes after the function's: the thread must end before
  // the function does.
  if (napi_add_env_cleanup_hook(env_, CleanUp, this) != napi_ok) {
    return -ENOMEM;
  }
  result = StartThread(Run, this, &thread_);
  running_ = result == 0;
  return result;
}

ExitThread::~ExitThread() {
  if (running_) {
    queue_.Interrupt();
    JoinThread(thread_);
  }
  for (size_t i = 0; i < fds_.size(); i++) close(fds_[i]);
  if (deliver_ == nullptr) return;
  napi_remove_env_cleanup_hook(env_, CleanUp, this);
  napi_release_threadsafe_function(deliver_, napi_tsfn_abort);
}

int ExitThread::Watch(pid_t pid, intptr_t token) {
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

void ExitThread::Unwatch(int fd) {
  for (size_t i = 0; i < fds_.size(); i++) {
    if (fds_[i] != fd) continue;
    fds_[i] = fds_[fds_.size() - 1];
    fds_.DropLast();
    // close() alone is not enough: a child between fork and exec has a copy of
    // the descriptor, and the queue would go on watching the copy.
    queue_.Remove(fd);
    close(fd);
    return;
  }
}

void* ExitThread::Run(void* self) {
  auto* watcher = static_cast<ExitThread*>(self);
  intptr_t token;
  while (watcher->queue_.Next(&token) == 0 && token != ExitQueue::kInterrupt) {
    // The token is a number in the place of a pointer. No code dereferences it.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    void* data = reinterpret_cast<void*>(token);
    napi_call_threadsafe_function(watcher->deliver_, data,
                                  napi_tsfn_nonblocking);
  }
  return nullptr;
}

void ExitThread::Deliver(napi_env env, napi_value on_exit, void*, void* token) {
  if (env == nullptr) return;  // the environment ends
  double number = static_cast<double>(reinterpret_cast<intptr_t>(token));
  napi_value value, receiver;
  if (napi_create_double(env, number, &value) != napi_ok ||
      napi_get_undefined(env, &receiver) != napi_ok) {
    return;
  }
  // Node reports what the function throws. In a worker that is being terminated
  // this call fails.
  (void)napi_call_function(env, receiver, on_exit, 1, &value, nullptr);
}

ExitThread* ThreadOf(napi_env env, napi_value external) {
  void* watcher;
  napi_status status = napi_get_value_external(env, external, &watcher);
  return status == napi_ok ? static_cast<ExitThread*>(watcher) : nullptr;
}

napi_value StartExitThread(napi_env env, napi_callback_info info) {
  Args args(env, info);
  ExitThread* watcher = Make<ExitThread>(env);
  if (watcher == nullptr) return ToJs(env, -ENOMEM);
  napi_value external;
  int result = watcher->Start(args[0]);
  if (result == 0 && napi_create_external(env, watcher, nullptr, nullptr,
                                          &external) == napi_ok) {
    return external;
  }
  Destroy(watcher);
  return ToJs(env, result == 0 ? -ECANCELED : result);
}

// This frees the watcher and all its watches.
napi_value StopExitThread(napi_env env, napi_callback_info info) {
  ExitThread* watcher = ThreadOf(env, Args(env, info)[0]);
  if (watcher != nullptr) Destroy(watcher);
  return nullptr;
}

napi_value WatchExit(napi_env env, napi_callback_info info) {
  Args args(env, info);
  ExitThread* watcher = ThreadOf(env, args[0]);
  int64_t token;
  if (watcher == nullptr ||
      napi_get_value_int64(env, args[2], &token) != napi_ok) {
    return ToJs(env, -EINVAL);
  }
  return ToJs(env, watcher->Watch(args.Int(1), static_cast<intptr_t>(token)));
}

napi_value UnwatchExit(napi_env env, napi_callback_info info) {
  Args args(env, info);
  ExitThread* watcher = ThreadOf(env, args[0]);
  if (watcher != nullptr) watcher->Unwatch(args.Int(1));
  return nullptr;
}

napi_value HasExited(napi_env env, napi_callback_info info) {
  napi_value value;
  bool has = sess::HasExited(Args(env, info).Int(0));
  return napi_get_boolean(env, has, &value) == napi_ok ? value : nullptr;
}

constexpr Export kCalls[] = {
    {"startExitThread", StartExitThread},
    {"stopExitThread", StopExitThread},
    {"watchExit", WatchExit},
    {"unwatchExit", UnwatchExit},
    {"hasExited", HasExited},
};

}  // namespace

const Subject kWatch(kCalls);

}  // namespace sess
