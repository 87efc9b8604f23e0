// The looks of stop_look.h for JavaScript, at once or in a thread of its own,
// and the waits between them. With a thread, neither a table of 20,000
// processes nor a busy thread pool delays the caller. This code checks the
// status of each Node-API call: in a worker that is being terminated any call
// may fail, and then JavaScript gets nothing.
#include <cstring>

#include "call.h"
#include "heap.h"
#include "register.h"
#include "stop_look.h"
#include "thread.h"

namespace sess {
namespace {

struct Job {
  StopRequest request = {};
  int32_t wait = 0;  // ms; more than 0: this job waits and doesn't look
  bool first = true;
  StopReport report = {};
  List<StopRow> rows;
  int result = 0;
  napi_deferred deferred = nullptr;
  napi_threadsafe_function deliver = nullptr;
  pthread_t thread = {};
  bool running = false;
  std::atomic<bool> cancelled{false};
};

void Work(Job* job) {
  if (job->wait > 0) {
    WaitForEnds(&job->rows, job->wait, job->cancelled);
    return;
  }
  job->result = StopLook(job->request, job->first, &job->report, &job->rows);
}

// The bytes of the look before. True without them: then there was none.
bool ReadBefore(napi_env env, napi_value value, Job* job) {
  bool is_buffer = false;
  if (napi_is_arraybuffer(env, value, &is_buffer) != napi_ok) return false;
  if (!is_buffer) return true;
  void* bytes;
  size_t size;
  if (napi_get_arraybuffer_info(env, value, &bytes, &size) != napi_ok ||
      size < sizeof job->report) {
    return false;
  }
  job->first = false;
  memcpy(&job->report, bytes, sizeof job->report);
  const char* rows = static_cast<const char*>(bytes) + sizeof job->report;
  size_t left = (size - sizeof job->report) / sizeof(StopRow);
  for (size_t i = 0; i < left; i++) {
    StopRow* row = job->rows.Add();
    if (row == nullptr) return false;
    memcpy(row, rows + i * sizeof(StopRow), sizeof(StopRow));
  }
  return true;
}

// scope, id, leader's pidfd, signal, phase, flags, start, and the bytes of the
// look before, if there was one.
bool ReadArguments(napi_env env, const Args& args, Job* job) {
  StopRequest& to = job->request;
  int32_t* numbers[] = {&to.id, &to.leader_fd, &to.signal, &to.phase,
                        &to.flags};
  size_t at = 0;
  to.scope = static_cast<Scope>(args.Int(at++));
  if (to.scope != Scope::kSession && to.scope != Scope::kGroup &&
      to.scope != Scope::kProcess) {
    return false;
  }
  for (int32_t* number : numbers) {
    *number = args.Int(at++);
    if (*number == INT32_MIN) return false;  // it is no number
  }
  if (!args.Double(at++, &to.start)) return false;
  // No number below 2 is that of a process to be stopped.
  if (to.id <= 1) return false;
  return ReadBefore(env, args[at], job);
}

// The report and its rows as one buffer, or -errno. nullptr: neither could be
// made.
napi_value ToBuffer(napi_env env, const Job& job) {
  if (job.result != 0) return ToJs(env, job.result);
  napi_value value;
  size_t size = job.rows.size() * sizeof(StopRow);
  void* bytes;
  if (napi_create_arraybuffer(env, sizeof job.report + size, &bytes, &value) !=
      napi_ok) {
    return nullptr;
  }
  memcpy(bytes, &job.report, sizeof job.report);
  if (size > 0) {
    memcpy(static_cast<char*>(bytes) + sizeof job.report, job.rows.data(),
           size);
  }
  return value;
}

napi_value Look(napi_env env, napi_callback_info info) {
  Job job;
  if (!ReadArguments(env, Args(env, info), &job)) return ToJs(env, -EINVAL);
  Work(&job);
  return ToBuffer(env, job);
}

void Join(Job* job) {
  if (!job->running) return;
  JoinThread(job->thread);
  job->running = false;
}

// The environment ends. The thread must end before its threadsafe function.
void CleanUp(void* data) {
  auto* job = static_cast<Job*>(data);
  job->cancelled = true;
  Join(job);
}

void Free(napi_env, void* job, void*) { Destroy(static_cast<Job*>(job)); }

void Resolve(napi_env env, Job* job) {
  napi_value value = ToBuffer(env, *job);
  if (value != nullptr) napi_resolve_deferred(env, job->deferred, value);
  napi_remove_env_cleanup_hook(env, CleanUp, job);
  // The job goes with its function.
  napi_release_threadsafe_function(job->deliver, napi_tsfn_release);
}

void Deliver(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;  // the environment ends
  auto* job = static_cast<Job*>(context);
  Join(job);
  Resolve(env, job);
}

void* Run(void* data) {
  auto* job = static_cast<Job*>(data);
  Work(job);
  napi_call_threadsafe_function(job->deliver, nullptr, napi_tsfn_nonblocking);
  return nullptr;
}

// Runs a job in a thread of its own: a promise of its report or -errno.
napi_value Start(napi_env env, Job* job) {
  napi_value promise, name = ToJs(env, "stop");
  if (name == nullptr ||
      napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
      napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, job,
                                      Free, job, Deliver,
                                      &job->deliver) != napi_ok) {
    Destroy(job);
    return nullptr;
  }
  // After the function, which has a hook too: hooks run last first.
  napi_add_env_cleanup_hook(env, CleanUp, job);
  job->running = StartThread(Run, job, &job->thread) == 0;
  if (job->running) return promise;
  // The kernel may refuse a thread (RLIMIT_NPROC). Then this thread looks; it
  // must not wait.
  if (job->wait > 0) {
    job->result = -EAGAIN;
  } else {
    Work(job);
  }
  Resolve(env, job);
  return promise;
}

napi_value LookAsync(napi_env env, napi_callback_info info) {
  Job* job = Make<Job>();
  if (job == nullptr) return ToJs(env, -ENOMEM);
  if (ReadArguments(env, Args(env, info), job)) return Start(env, job);
  Destroy(job);
  return ToJs(env, -EINVAL);
}

// The bytes of a look, which the next look gets from here, and milliseconds.
napi_value WaitAsync(napi_env env, napi_callback_info info) {
  Job* job = Make<Job>();
  if (job == nullptr) return ToJs(env, -ENOMEM);
  Args args(env, info);
  job->wait = args.Int(1);
  if (job->wait > 0 && ReadBefore(env, args[0], job)) return Start(env, job);
  Destroy(job);
  return ToJs(env, -EINVAL);
}

// A report without members, for a number whose leader has just ended.
napi_value Mark(napi_env env, napi_callback_info) {
  Job job;
  MarkNow(&job.report);
  return ToBuffer(env, job);
}

constexpr Export kCalls[] = {
    {"stopLook", Look},
    {"stopLookAsync", LookAsync},
    {"stopWaitAsync", WaitAsync},
    {"stopMark", Mark},
};

}  // namespace

const Subject kStop(kCalls);

}  // namespace sess
