#include "register.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  sess::RegisterSession(exports);
  sess::RegisterTerminal(exports);
  sess::RegisterTable(exports);
  sess::RegisterWatch(exports);
  sess::RegisterDetach(exports);
  sess::RegisterChild(exports);
  sess::RegisterFiles(env, exports);
  sess::RegisterPidfd(exports);
  sess::RegisterPrivileges(exports);
  sess::RegisterReplace(exports);
  sess::RegisterStdio(exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(setsid, Init)
