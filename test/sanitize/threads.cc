// Argument: seconds. Calls the addon from eight threads at once, each with an environment of its own as a worker of Node
// has, and ends the environments in the middle of what they wait for. ThreadSanitizer sees every access.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "napi.h"

extern char** environ;

namespace {

constexpr int kThreads = 8;
std::atomic<long> calls;
pid_t group;  // a process that leads a session and waits

void Check(bool is, const char* what) {
  if (is) return;
  fprintf(stderr, "%s: not as it should be\n", what);
  exit(3);
}

// Its end is the end of all processes that were started here: each reads from
// the other side.
int leash[2];

pid_t StartProcess() {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, leash[0], 0);
  char name[] = "cat";
  char* words[] = {name, nullptr};
  pid_t pid;
  Check(posix_spawnp(&pid, name, &files, &attributes, words, environ) == 0, name);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return pid;
}

void EndProcess(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

class Environment {
 public:
  Environment() : exports_(Register(&env_)) {}
  // Ends as a worker does, with whatever is still under way.
  ~Environment() { env_.End(); }

  napi_value Do(const char* name, const std::vector<napi_value>& arguments) {
    calls++;
    return Call(&env_, exports_, name, arguments);
  }
  napi_value N(double number) { return env_.Number(number); }
  napi_value None() { return env_.Make(napi_value__::kUndefined); }

  napi_value Look(const char* name, int signal, napi_value before) {
    return Do(name, {N(1), N(group), N(-1), N(signal), N(1), N(0), N(0), before});
  }
  napi_value Await(napi_value promise) {
    Check(promise->kind == napi_value__::kPromise, "a promise");
    env_.Turn([=] { return promise->result != nullptr; });
    return promise->result;
  }

  void Stop() {
    napi_value first = Await(Look("stopLookAsync", -1, None()));
    napi_value again = Await(Look("stopLookAsync", 0, first));
    napi_value waited = Await(Do("stopWaitAsync", {again, N(2)}));
    Check(waited->kind == napi_value__::kBuffer, "a wait");
    Check(Look("stopLook", -1, waited)->kind == napi_value__::kBuffer, "a look");
  }

  void Table() {
    napi_value rows = Await(Do("processRowsAsync", {N(1), N(group)}));
    Check(rows->bytes.size() == 136, "the rows of a session");
    napi_value row = env_.Make(napi_value__::kBuffer);
    row->bytes.resize(136);
    Check(Do("processRow", {N(group), row})->number == 0, "a row");
    Do("processArgs", {N(group), N(1)});
  }

  // Sees the end of a process.
  void Watch() {
    bool heard = false;
    napi_value function = env_.Make(napi_value__::kFunction);
    function->heard = [&](napi_value token) { heard = token->number == 7; };
    napi_value thread = Do("startExitThread", {function});
    pid_t pid = StartProcess();
    Check(Do("watchExit", {thread, N(pid), N(7)})->number > 0, "a watch");
    napi_value other = Do("watchExit", {thread, N(group), N(8)});
    Do("unwatchExit", {thread, other});
    EndProcess(pid);
    env_.Turn([&] { return heard; });
    Do("stopExitThread", {thread});
  }

  void Child() {
    pid_t pid = StartProcess();
    double taken = -1;
    napi_value function = env_.Make(napi_value__::kFunction);
    function->heard = [&](napi_value) {
      taken = Do("takeChange", {N(pid)})->number;
    };
    Check(Do("watchChild", {N(pid), function})->number == 0, "a watch");
    kill(pid, SIGSTOP);
    env_.Turn([&] { return taken == SIGSTOP; });
    kill(pid, SIGKILL);
    Check(Do("reap", {N(pid)})->number == pid, "the child");
  }

  // All of them share one watcher.
  void Watcher() {
    Do("setWatcherSocket", {N(dup(0))});
    Check(Do("watcherSocket", {})->number >= -1, "a socket");
  }

  // What is left for the end of the environment to wait for.
  void LeaveOpen() {
    napi_value function = env_.Make(napi_value__::kFunction);
    function->heard = [](napi_value) {};
    napi_value thread = Do("startExitThread", {function});
    Do("watchExit", {thread, N(group), N(9)});
    napi_value look = Look("stopLook", -1, None());
    Do("stopWaitAsync", {look, N(10'000)});
    Look("stopLookAsync", -1, None());
    Do("processRowsAsync", {N(0), N(0)});
  }

 private:
  napi_env__ env_;
  Exports exports_;
};

void Work(std::chrono::steady_clock::time_point end) {
  do {
    Environment environment;
    environment.Stop();
    environment.Table();
    environment.Watch();
    environment.Child();
    environment.Watcher();
    environment.LeaveOpen();
  } while (std::chrono::steady_clock::now() < end);
}

}  // namespace

int main(int argc, char** argv) {
  Check(pipe2(leash, O_CLOEXEC) == 0, "a pipe");
  group = StartProcess();
  auto end = std::chrono::steady_clock::now() +
             std::chrono::seconds(argc > 1 ? atoi(argv[1]) : 2);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; i++) threads.emplace_back(Work, end);
  for (std::thread& thread : threads) thread.join();
  EndProcess(group);
  printf("%ld calls of %d threads\n", calls.load(), kThreads);
}
