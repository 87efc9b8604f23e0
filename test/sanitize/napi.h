// As much of Node-API as the addon calls, without Node: for ThreadSanitizer, to which a Node that it has not built is
// nothing but noise. An environment is a thread with a queue of what is to be done there, as Node has one. Values are
// kept until the environment ends.
#ifndef SETSID_TEST_NAPI_H_
#define SETSID_TEST_NAPI_H_

#include <node_api.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct napi_value__ {
  enum Kind { kUndefined, kNumber, kBoolean, kString, kBuffer, kArray, kExternal, kPromise, kFunction } kind = kUndefined;
  double number = 0;
  std::string text;
  std::vector<char> bytes;
  std::vector<napi_value> items;
  void* data = nullptr;
  napi_callback call = nullptr;
  std::function<void(napi_value)> heard;  // of a function that is passed to the addon
  napi_value result = nullptr;            // of a promise
};

struct napi_env__ {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> queue;
  // The rest belongs to the environment's own thread.
  std::vector<std::unique_ptr<napi_value__>> values;
  std::vector<std::pair<void (*)(void*), void*>> hooks;
  int works = 0;  // in the pool

  napi_value Make(napi_value__::Kind kind);
  napi_value Number(double number);
  napi_value Text(const char* text);
  // Does what is queued until `done`.
  void Turn(const std::function<bool()>& done);
  void Post(std::function<void()> job);
  // What Node does at the end of a worker: the hooks, the last one first.
  void End();
};

using Exports = std::map<std::string, napi_callback>;
// What the addon registers.
Exports Register(napi_env env);
napi_value Call(napi_env env, const Exports& exports, const char* name,
                const std::vector<napi_value>& arguments);

#endif  // SETSID_TEST_NAPI_H_
