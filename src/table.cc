// The process table as JavaScript gets it: ids as int32, rows as they are
// packed in memory. A number in place of a buffer is -errno.
#include <cstdlib>
#include <cstring>
#include <new>

#include "process_table.h"
#include "register.h"
#include "result.h"

namespace sess {
namespace {

Scope ScopeArg(const Napi::CallbackInfo& info) {
  return static_cast<Scope>(IntArg(info, 0));
}

Napi::Value Pack(Napi::Env env, const void* data, size_t size) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, size);
  if (size > 0) memcpy(buffer.Data(), data, size);
  return buffer;
}

template <typename T>
Napi::Value Pack(Napi::Env env, int result, const List<T>& list) {
  if (result != 0) return ToJs(env, result);
  return Pack(env, list.data(), list.size() * sizeof(T));
}

Napi::Value ProcessIds(const Napi::CallbackInfo& info) {
  List<int32_t> pids;
  int result = ScanProcesses(ScopeArg(info), IntArg(info, 1), &pids);
  return Pack(info.Env(), result, pids);
}

Napi::Value ProcessRows(const Napi::CallbackInfo& info) {
  List<ProcessRow> rows;
  int result = ReadProcesses(ScopeArg(info), IntArg(info, 1), &rows);
  return Pack(info.Env(), result, rows);
}

Napi::Value ProcessRowOf(const Napi::CallbackInfo& info) {
  ProcessRow row;
  int result = ReadProcess(IntArg(info, 0), &row);
  if (result != 0) return ToJs(info.Env(), result);
  return Pack(info.Env(), &row, sizeof row);
}

Napi::Value ProcessDetailsOf(const Napi::CallbackInfo& info) {
  ProcessDetails details;
  int result = ReadDetails(IntArg(info, 0), &details);
  if (result != 0) return ToJs(info.Env(), result);
  return Pack(info.Env(), &details, sizeof details);
}

Napi::Value BootId(const Napi::CallbackInfo& info) {
  char id[kBootIdSize];
  int result = ReadBootId(&id);
  if (result != 0) return ToJs(info.Env(), result);
  return Napi::String::New(info.Env(), id);
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

void Free(napi_env, void* data, void*) { std::free(data); }

napi_status MakeValue(napi_env env, Reading* reading, napi_value* value) {
  if (reading->result != 0) {
    return napi_create_int32(env, reading->result, value);
  }
  size_t size = reading->rows.size() * sizeof(ProcessRow);
  void* copy;
  if (size == 0) return napi_create_arraybuffer(env, size, &copy, value);
  // Handed over as it is: copying the rows of 20,000 processes would hold the
  // main thread for a millisecond. Not every embedder of Node-API takes that.
  void* bytes = reading->rows.Release();
  napi_status status =
      napi_create_external_arraybuffer(env, bytes, size, Free, nullptr, value);
  if (status != napi_no_external_buffers_allowed) return status;
  status = napi_create_arraybuffer(env, size, &copy, value);
  if (status == napi_ok) memcpy(copy, bytes, size);
  std::free(bytes);
  return status;
}

// Also called where the environment ends and nothing can be made any more:
// then there is nobody to resolve the promise for.
void Deliver(napi_env env, napi_status, void* data) {
  auto* reading = static_cast<Reading*>(data);
  Napi::HandleScope scope(env);
  napi_value value;
  if (MakeValue(env, reading, &value) == napi_ok) {
    napi_resolve_deferred(env, reading->deferred, value);
  }
  napi_delete_async_work(env, reading->work);
  delete reading;
}

Napi::Value ProcessRowsAsync(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto* reading = new Reading;
  reading->scope = ScopeArg(info);
  reading->id = IntArg(info, 1);
  napi_value promise;
  napi_create_promise(env, &reading->deferred, &promise);
  napi_create_async_work(env, nullptr, Napi::String::New(env, "processRows"),
                         Read, Deliver, reading, &reading->work);
  napi_queue_async_work(env, reading->work);
  return Napi::Value(env, promise);
}

}  // namespace

void RegisterTable(Napi::Object exports) {
  Export<ProcessIds>(exports, "processIds");
  Export<ProcessRows>(exports, "processRows");
  Export<ProcessRowsAsync>(exports, "processRowsAsync");
  Export<ProcessRowOf>(exports, "processRow");
  Export<ProcessDetailsOf>(exports, "processDetails");
  Export<BootId>(exports, "bootId");
}

}  // namespace sess
