// The process table as JavaScript gets it: ids as int32, rows as they are
// packed in memory. A number in place of a buffer is -errno.
#include <cstdlib>

#include "call.h"
#include "heap.h"
#include "process_table.h"
#include "register.h"

namespace sess {
namespace {

Scope ScopeArg(const Args& args) { return static_cast<Scope>(args.Int(0)); }

// From this size on, V8 gets the memory itself instead of a copy. A copy of the
// rows of 20,000 processes would block the main thread for a millisecond, and
// V8 aborts if it has no memory for the copy.
constexpr size_t kLarge = size_t{1} << 20;

void Free(napi_env, void* bytes, void*) { std::free(bytes); }

template <typename T>
napi_value HandOver(napi_env env, int result, List<T>* list) {
  if (result != 0) return ToJs(env, result);
  size_t size = list->size() * sizeof(T);
  if (size < kLarge) return ToJs(env, list->data(), size);
  void* bytes = list->Release();
  napi_value value;
  napi_status status =
      napi_create_external_arraybuffer(env, bytes, size, Free, nullptr, &value);
  if (status == napi_ok) return value;
  // After any other failure Node may own the bytes, and frees them with the
  // worker.
  if (status != napi_no_external_buffers_allowed) return nullptr;
  value = ToJs(env, bytes, size);
  std::free(bytes);
  return value;
}

napi_value ProcessIds(napi_env env, napi_callback_info info) {
  Args args(env, info);
  List<int32_t> pids;
  int result = ScanProcesses(ScopeArg(args), args.Int(1), &pids);
  return HandOver(env, result, &pids);
}

napi_value ProcessRows(napi_env env, napi_callback_info info) {
  Args args(env, info);
  List<ProcessRow> rows;
  int result = ReadProcesses(ScopeArg(args), args.Int(1), &rows);
  return HandOver(env, result, &rows);
}

napi_value ProcessRowOf(napi_env env, napi_callback_info info) {
  Args args(env, info);
  void* row;
  size_t size;
  if (napi_get_arraybuffer_info(env, args[1], &row, &size) != napi_ok ||
      size < sizeof(ProcessRow)) {
    return ToJs(env, -EINVAL);
  }
  // JavaScript brings the place along: to make a buffer takes longer than to
  // decode the row.
  return ToJs(env, ReadProcess(args.Int(0), static_cast<ProcessRow*>(row)));
}

napi_value ProcessDetailsOf(napi_env env, napi_callback_info info) {
  ProcessDetails details;
  int result = ReadDetails(Args(env, info).Int(0), &details);
  return result != 0 ? ToJs(env, result) : ToJs(env, &details, sizeof details);
}

napi_value ProcessArgsOf(napi_env env, napi_callback_info info) {
  Args args(env, info);
  double start;
  if (!args.Double(1, &start)) return ToJs(env, -EINVAL);
  List<char> text;
  int result = ReadArgs(args.Int(0), start, &text);
  return HandOver(env, result, &text);
}

napi_value BootId(napi_env env, napi_callback_info) {
  char id[kBootIdSize];
  int result = ReadBootId(&id);
  if (result != 0) return ToJs(env, result);
  return ToJs(env, static_cast<const char*>(id));
}

// The rows read in a thread of libuv's pool, for a promise.
struct Reading {
  Scope scope;
  pid_t id;
  List<ProcessRow> rows;
  int result = -ECANCELED;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
};

void Read(napi_env, void* data) {
  auto* reading = static_cast<Reading*>(data);
  reading->result = ReadProcesses(reading->scope, reading->id, &reading->rows);
}

// Node also calls this when the environment ends. Then no value can be made,
// and the promise stays unresolved. Node opens a handle scope for this
// callback.
void Deliver(napi_env env, napi_status, void* data) {
  auto* reading = static_cast<Reading*>(data);
  napi_value value = HandOver(env, reading->result, &reading->rows);
  if (value != nullptr) {
    (void)napi_resolve_deferred(env, reading->deferred, value);
  }
  if (reading->work != nullptr) {
    (void)napi_delete_async_work(env, reading->work);
  }
  Destroy(reading);
}

bool Queue(napi_env env, Reading* reading) {
  napi_value name = ToJs(env, "processRows");
  return name != nullptr &&
         napi_create_async_work(env, nullptr, name, Read, Deliver, reading,
                                &reading->work) == napi_ok &&
         napi_queue_async_work(env, reading->work) == napi_ok;
}

napi_value ProcessRowsAsync(napi_env env, napi_callback_info info) {
  Args args(env, info);
  auto* reading = Make<Reading>();
  if (reading == nullptr) return ToJs(env, -ENOMEM);
  reading->scope = ScopeArg(args);
  reading->id = args.Int(1);
  napi_value promise;
  if (napi_create_promise(env, &reading->deferred, &promise) != napi_ok) {
    promise = nullptr;
  }
  if (promise == nullptr || !Queue(env, reading)) {
    Deliver(env, napi_cancelled, reading);
  }
  return promise;
}

constexpr Export kCalls[] = {
    {"processIds", ProcessIds},
    {"processRows", ProcessRows},
    {"processRowsAsync", ProcessRowsAsync},
    {"processRow", ProcessRowOf},
    {"processDetails", ProcessDetailsOf},
    {"processArgs", ProcessArgsOf},
    {"bootId", BootId},
};

}  // namespace

const Subject kTable(kCalls);

}  // namespace sess
