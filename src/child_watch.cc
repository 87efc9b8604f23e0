// Stops and continuations of a child of spawn(). The kernel has no descriptor
// for them, and waitid() waits for one child or for all. For all it would come
// back at once, again and again, while any child has a stop that its owner has
// not taken. So each watch has a thread.
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "call.h"
#include "heap.h"
#include "pidfd_calls.h"
#include "register.h"
#include "thread.h"

namespace sess {
namespace {

// Waits for a stop or continuation of the child that no code has taken yet.
// Without WEXITED it leaves the exit to libuv. A child that has ended gives
// ECHILD (waitid(2)). `pidfd` is negative where there is none.
int WaitChange(pid_t pid, int pidfd, int options, siginfo_t* info) {
  options |= WSTOPPED | WCONTINUED;
  info->si_pid = 0;
#ifdef __linux__
  constexpr auto kPidfd = static_cast<idtype_t>(3);  // P_PIDFD, Linux 5.4
  if (pidfd >= 0) {
    return waitid(kPidfd, static_cast<id_t>(pidfd), info, options);
  }
#endif
  return waitid(P_PID, static_cast<id_t>(pid), info, options);
}

// A watch. It belongs to its thread and to JavaScript, and goes with the last
// of them: the thread may sleep on when the environment has ended.
class ChildWatch {
 public:
  ChildWatch(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  ChildWatch(const ChildWatch&) = delete;
  ChildWatch& operator=(const ChildWatch&) = delete;
  ~ChildWatch() {
    if (pidfd_ >= 0) close(pidfd_);
  }

  // 0 or -errno. `on_change` is called for each change, and takes it.
  int Start(napi_env env, napi_value on_change);

 private:
  static void* Run(void* self);
  static void Deliver(napi_env env, napi_value on_change, void* self, void*);
  static void CleanUp(void* self) { static_cast<ChildWatch*>(self)->Close(); }

  bool Tell();
  void End();
  void Close();
  void Leave();

  const pid_t pid_;
  const int pidfd_;
  napi_threadsafe_function deliver_ = nullptr;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
  // The mutex guards these, and the use of deliver_ by the thread.
  int owners_ = 1;
  bool told_ = false;    // of a change that is not taken yet
  bool ended_ = false;   // the child has
  bool closed_ = false;  // JavaScript has left; deliver_ may be gone
};

int ChildWatch::Start(napi_env env, napi_value on_change) {
  napi_value name = ToJs(env, "watchChild");
  if (name == nullptr || napi_create_threadsafe_function(
                             env, on_change, nullptr, name, 0, 1, nullptr,
                             nullptr, this, Deliver, &deliver_) != napi_ok) {
    return -ENOMEM;
  }
  // The watch alone keeps no process alive.
  (void)napi_unref_threadsafe_function(env, deliver_);
  // After the function, which has a hook too: hooks run last first.
  int result = -ENOMEM;
  if (napi_add_env_cleanup_hook(env, CleanUp, this) == napi_ok) {
    owners_ = 2;
    result = StartDetachedThread(Run, this);
    if (result == 0) return 0;
    owners_ = 1;
    (void)napi_remove_env_cleanup_hook(env, CleanUp, this);
  }
  (void)napi_release_threadsafe_function(deliver_, napi_tsfn_abort);
  return result;
}

// Waits in the kernel until the child changes. It only tells that there is a
// change: JavaScript takes the change itself, so it gets the latest one.
void* ChildWatch::Run(void* self) {
  auto* watch = static_cast<ChildWatch*>(self);
  siginfo_t info;
  for (;;) {
    int result = WaitChange(watch->pid_, watch->pidfd_, WNOWAIT, &info);
    if (result != 0 && errno == EINTR) continue;
    if (result != 0 || !watch->Tell()) break;
  }
  watch->End();
  return nullptr;
}

// Calls JavaScript, and waits until it has taken the change. False: the
// environment has ended.
bool ChildWatch::Tell() {
  pthread_mutex_lock(&mutex_);
  told_ = true;
  if (!closed_) {
    napi_call_threadsafe_function(deliver_, nullptr, napi_tsfn_nonblocking);
  }
  while (told_ && !closed_) pthread_cond_wait(&changed_, &mutex_);
  bool open = !closed_;
  pthread_mutex_unlock(&mutex_);
  return open;
}

void ChildWatch::End() {
  pthread_mutex_lock(&mutex_);
  ended_ = true;
  if (!closed_) {
    napi_call_threadsafe_function(deliver_, nullptr, napi_tsfn_nonblocking);
  }
  pthread_mutex_unlock(&mutex_);
  Leave();
}

void ChildWatch::Deliver(napi_env env, napi_value on_change, void* self,
                         void*) {
  if (env == nullptr) return;  // the environment ends; so may the watch have
  auto* watch = static_cast<ChildWatch*>(self);
  pthread_mutex_lock(&watch->mutex_);
  bool ended = watch->ended_;
  pthread_mutex_unlock(&watch->mutex_);
  if (ended) {
    napi_threadsafe_function deliver = watch->deliver_;
    (void)napi_remove_env_cleanup_hook(env, CleanUp, watch);
    watch->Close();
    (void)napi_release_threadsafe_function(deliver, napi_tsfn_release);
    return;
  }
  napi_value receiver;
  // It throws nothing. In a worker that is being terminated the call fails.
  if (napi_get_undefined(env, &receiver) == napi_ok) {
    (void)napi_call_function(env, receiver, on_change, 0, nullptr, nullptr);
  }
  pthread_mutex_lock(&watch->mutex_);
  watch->told_ = false;
  pthread_cond_signal(&watch->changed_);
  pthread_mutex_unlock(&watch->mutex_);
}

// JavaScript leaves: from here on the thread calls nobody.
void ChildWatch::Close() {
  pthread_mutex_lock(&mutex_);
  closed_ = true;
  pthread_cond_signal(&changed_);
  pthread_mutex_unlock(&mutex_);
  Leave();
}

void ChildWatch::Leave() {
  pthread_mutex_lock(&mutex_);
  bool last = --owners_ == 0;
  pthread_mutex_unlock(&mutex_);
  if (last) Destroy(this);
}

// Watches a child until it ends, and calls the function at each stop and
// continuation. 0 or -errno.
napi_value WatchChild(napi_env env, napi_callback_info info) {
  Args args(env, info);
  pid_t pid = args.Int(0);
  int pidfd = OpenPidfd(pid);
  if (pidfd == -EMFILE || pidfd == -ENFILE) return ToJs(env, pidfd);
  auto* watch = Make<ChildWatch>(pid, pidfd);
  if (watch == nullptr) {
    if (pidfd >= 0) close(pidfd);
    return ToJs(env, -ENOMEM);
  }
  int result = watch->Start(env, args[1]);
  if (result != 0) Destroy(watch);
  return ToJs(env, result);
}

// Takes a change of a child that is not reaped yet: the signal that stopped it,
// 0 when it was continued, -EAGAIN when there is no change, or -errno.
napi_value TakeChange(napi_env env, napi_callback_info info) {
  Args args(env, info);
  siginfo_t change;
  int result = OrErrno(WaitChange(args.Int(0), -1, WNOHANG, &change));
  if (result < 0) return ToJs(env, result);
  if (change.si_pid == 0) return ToJs(env, -EAGAIN);
  bool stopped = change.si_code == CLD_STOPPED;
  return ToJs(env, stopped ? change.si_status : 0);
}

constexpr Export kCalls[] = {
    {"watchChild", WatchChild},
    {"takeChange", TakeChange},
};

}  // namespace

const Subject kChildWatch(kCalls);

}  // namespace sess
