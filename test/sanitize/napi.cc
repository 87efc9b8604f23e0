#include "napi.h"

#include <cstdlib>
#include <cstring>
#include <thread>

using Kind = napi_value__::Kind;

struct napi_callback_info__ {
  const std::vector<napi_value>* arguments;
};
struct napi_deferred__ {
  napi_value promise;
};
struct napi_async_work__ {
  napi_env env;
  napi_async_execute_callback execute;
  napi_async_complete_callback complete;
  void* data;
};
// As Node's: the addon's thread takes its lock, and the environment closes it.
struct napi_threadsafe_function__ {
  napi_env env;
  napi_value function;
  napi_threadsafe_function_call_js call;
  napi_finalize finalize;
  void* finalize_data;
  void* context;
  std::mutex mutex;
  bool closed = false;  // by its thread, under the lock
};

namespace {

void Close(napi_threadsafe_function function) {
  {
    std::lock_guard<std::mutex> lock(function->mutex);
    if (function->closed) return;
    function->closed = true;
  }
  // Node finalizes it in a later turn of the event loop.
  function->env->Post([function] {
    if (function->finalize != nullptr) {
      function->finalize(function->env, function->finalize_data,
                         function->context);
    }
    delete function;
  });
}

void CloseAtEnd(void* function) {
  Close(static_cast<napi_threadsafe_function>(function));
}

}  // namespace

napi_value napi_env__::Make(Kind kind) {
  values.push_back(std::make_unique<napi_value__>());
  values.back()->kind = kind;
  return values.back().get();
}
napi_value napi_env__::Number(double number) {
  napi_value value = Make(Kind::kNumber);
  value->number = number;
  return value;
}
napi_value napi_env__::Text(const char* text) {
  napi_value value = Make(Kind::kString);
  value->text = text;
  return value;
}

void napi_env__::Post(std::function<void()> job) {
  std::lock_guard<std::mutex> lock(mutex);
  queue.push_back(std::move(job));
  changed.notify_one();
}

void napi_env__::Turn(const std::function<bool()>& done) {
  while (!done()) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [this] { return !queue.empty(); });
    std::function<void()> job = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    job();
  }
}

void napi_env__::End() {
  while (!hooks.empty()) {
    auto [hook, data] = hooks.back();
    hooks.pop_back();
    hook(data);
  }
  Turn([this] { return works == 0; });
  Turn([this] {
    std::lock_guard<std::mutex> lock(mutex);
    return queue.empty();
  });
}

napi_value Call(napi_env env, const Exports& exports, const char* name,
                const std::vector<napi_value>& arguments) {
  napi_callback_info__ info = {&arguments};
  return exports.at(name)(env, &info);
}

extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports);

namespace {
thread_local Exports* registering;
}

Exports Register(napi_env env) {
  Exports exports;
  registering = &exports;
  napi_register_module_v1(env, env->Make(Kind::kUndefined));
  Call(env, exports, "defineOthers", {env->Make(Kind::kUndefined)});
  return exports;
}

extern "C" {

napi_status napi_define_properties(napi_env, napi_value, size_t count,
                                   const napi_property_descriptor* properties) {
  for (size_t i = 0; i < count; i++) {
    (*registering)[properties[i].utf8name] = properties[i].method;
  }
  return napi_ok;
}

napi_status napi_get_cb_info(napi_env env, napi_callback_info info,
                             size_t* count, napi_value* values, napi_value*,
                             void**) {
  for (size_t i = 0; i < *count; i++) {
    values[i] = i < info->arguments->size() ? (*info->arguments)[i]
                                            : env->Make(Kind::kUndefined);
  }
  return napi_ok;
}

// Nothing here can fail.
napi_status napi_throw_error(napi_env, const char*, const char*) { abort(); }

napi_status napi_get_undefined(napi_env env, napi_value* value) {
  *value = env->Make(Kind::kUndefined);
  return napi_ok;
}
napi_status napi_get_boolean(napi_env env, bool is, napi_value* value) {
  *value = env->Make(Kind::kBoolean);
  (*value)->number = is ? 1 : 0;
  return napi_ok;
}
napi_status napi_create_double(napi_env env, double number, napi_value* value) {
  *value = env->Number(number);
  return napi_ok;
}
napi_status napi_create_int32(napi_env env, int32_t number, napi_value* value) {
  return napi_create_double(env, number, value);
}
napi_status napi_create_uint32(napi_env env, uint32_t number,
                               napi_value* value) {
  return napi_create_double(env, number, value);
}
napi_status napi_create_int64(napi_env env, int64_t number, napi_value* value) {
  return napi_create_double(env, static_cast<double>(number), value);
}
napi_status napi_create_string_utf8(napi_env env, const char* text, size_t,
                                    napi_value* value) {
  *value = env->Text(text);
  return napi_ok;
}
napi_status napi_create_object(napi_env env, napi_value* value) {
  *value = env->Make(Kind::kUndefined);
  return napi_ok;
}
napi_status napi_set_named_property(napi_env, napi_value, const char*,
                                    napi_value) {
  return napi_ok;
}
napi_status napi_create_array_with_length(napi_env env, size_t length,
                                          napi_value* value) {
  *value = env->Make(Kind::kArray);
  (*value)->items.resize(length);
  return napi_ok;
}
napi_status napi_set_element(napi_env, napi_value array, uint32_t index,
                             napi_value value) {
  array->items[index] = value;
  return napi_ok;
}
napi_status napi_open_handle_scope(napi_env, napi_handle_scope*) {
  return napi_ok;
}
napi_status napi_close_handle_scope(napi_env, napi_handle_scope) {
  return napi_ok;
}

napi_status napi_get_value_double(napi_env, napi_value value, double* number) {
  if (value->kind != Kind::kNumber) return napi_number_expected;
  *number = value->number;
  return napi_ok;
}
napi_status napi_get_value_int32(napi_env, napi_value value, int32_t* number) {
  if (value->kind != Kind::kNumber) return napi_number_expected;
  *number = static_cast<int32_t>(value->number);
  return napi_ok;
}
napi_status napi_get_value_uint32(napi_env, napi_value value,
                                  uint32_t* number) {
  if (value->kind != Kind::kNumber) return napi_number_expected;
  *number = static_cast<uint32_t>(value->number);
  return napi_ok;
}
napi_status napi_get_value_int64(napi_env, napi_value value, int64_t* number) {
  if (value->kind != Kind::kNumber) return napi_number_expected;
  *number = static_cast<int64_t>(value->number);
  return napi_ok;
}
napi_status napi_get_value_bool(napi_env, napi_value value, bool* is) {
  if (value->kind != Kind::kBoolean) return napi_boolean_expected;
  *is = value->number != 0;
  return napi_ok;
}
napi_status napi_get_value_string_utf8(napi_env, napi_value value, char* text,
                                       size_t room, size_t* size) {
  if (value->kind != Kind::kString) return napi_string_expected;
  *size = value->text.size();
  if (text != nullptr) snprintf(text, room, "%s", value->text.c_str());
  return napi_ok;
}

napi_status napi_is_arraybuffer(napi_env, napi_value value, bool* is) {
  *is = value->kind == Kind::kBuffer;
  return napi_ok;
}
napi_status napi_create_arraybuffer(napi_env env, size_t size, void** bytes,
                                    napi_value* value) {
  *value = env->Make(Kind::kBuffer);
  (*value)->bytes.resize(size);
  *bytes = (*value)->bytes.data();
  return napi_ok;
}
napi_status napi_create_external_arraybuffer(napi_env env, void* bytes,
                                             size_t size, napi_finalize free,
                                             void* hint, napi_value* value) {
  void* copy;
  napi_create_arraybuffer(env, size, &copy, value);
  memcpy(copy, bytes, size);
  free(env, bytes, hint);
  return napi_ok;
}
napi_status napi_get_arraybuffer_info(napi_env, napi_value value, void** bytes,
                                      size_t* size) {
  if (value->kind != Kind::kBuffer) return napi_invalid_arg;
  *bytes = value->bytes.data();
  *size = value->bytes.size();
  return napi_ok;
}
napi_status napi_get_buffer_info(napi_env env, napi_value value, void** bytes,
                                 size_t* size) {
  return napi_get_arraybuffer_info(env, value, bytes, size);
}

napi_status napi_create_external(napi_env env, void* data, napi_finalize, void*,
                                 napi_value* value) {
  *value = env->Make(Kind::kExternal);
  (*value)->data = data;
  return napi_ok;
}
napi_status napi_get_value_external(napi_env, napi_value value, void** data) {
  if (value->kind != Kind::kExternal) return napi_invalid_arg;
  *data = value->data;
  return napi_ok;
}

napi_status napi_call_function(napi_env, napi_value, napi_value function,
                               size_t count, const napi_value* arguments,
                               napi_value*) {
  function->heard(count > 0 ? arguments[0] : nullptr);
  return napi_ok;
}

napi_status napi_create_promise(napi_env env, napi_deferred* deferred,
                                napi_value* promise) {
  *promise = env->Make(Kind::kPromise);
  *deferred = new napi_deferred__{*promise};
  return napi_ok;
}
napi_status napi_resolve_deferred(napi_env, napi_deferred deferred,
                                  napi_value result) {
  deferred->promise->result = result;
  delete deferred;
  return napi_ok;
}

napi_status napi_add_env_cleanup_hook(napi_env env, void (*hook)(void*),
                                      void* data) {
  env->hooks.emplace_back(hook, data);
  return napi_ok;
}
napi_status napi_remove_env_cleanup_hook(napi_env env, void (*hook)(void*),
                                         void* data) {
  for (auto it = env->hooks.begin(); it != env->hooks.end(); ++it) {
    if (it->first != hook || it->second != data) continue;
    env->hooks.erase(it);
    break;
  }
  return napi_ok;
}

// A thread a work stands for the pool of libuv.
napi_status napi_create_async_work(napi_env env, napi_value, napi_value,
                                   napi_async_execute_callback execute,
                                   napi_async_complete_callback complete,
                                   void* data, napi_async_work* work) {
  *work = new napi_async_work__{env, execute, complete, data};
  return napi_ok;
}
napi_status napi_queue_async_work(napi_env env, napi_async_work work) {
  env->works++;
  std::thread([work] {
    work->execute(work->env, work->data);
    work->env->Post([work] {
      work->env->works--;
      work->complete(work->env, napi_ok, work->data);
    });
  }).detach();
  return napi_ok;
}
napi_status napi_delete_async_work(napi_env, napi_async_work work) {
  delete work;
  return napi_ok;
}

napi_status napi_create_threadsafe_function(
    napi_env env, napi_value function, napi_value, napi_value, size_t, size_t,
    void* finalize_data, napi_finalize finalize, void* context,
    napi_threadsafe_function_call_js call, napi_threadsafe_function* result) {
  *result = new napi_threadsafe_function__{
      env, function, call, finalize, finalize_data, context, {}};
  return napi_add_env_cleanup_hook(env, CloseAtEnd, *result);
}
napi_status napi_unref_threadsafe_function(napi_env, napi_threadsafe_function) {
  return napi_ok;
}
napi_status napi_call_threadsafe_function(napi_threadsafe_function function,
                                          void* data,
                                          napi_threadsafe_function_call_mode) {
  std::lock_guard<std::mutex> lock(function->mutex);
  if (function->closed) return napi_closing;
  function->env->Post([function, data] {
    bool closed;
    {
      std::lock_guard<std::mutex> inner(function->mutex);
      closed = function->closed;
    }
    function->call(closed ? nullptr : function->env, function->function,
                   function->context, data);
  });
  return napi_ok;
}
napi_status napi_release_threadsafe_function(
    napi_threadsafe_function function, napi_threadsafe_function_release_mode) {
  napi_remove_env_cleanup_hook(function->env, CloseAtEnd, function);
  Close(function);
  return napi_ok;
}

}  // extern "C"
