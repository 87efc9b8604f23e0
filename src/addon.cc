#include "register.h"

namespace {

Napi::Object Init(Napi::Env, Napi::Object exports) {
  sess::RegisterSession(exports);
  sess::RegisterTerminal(exports);
  sess::RegisterTable(exports);
  sess::RegisterWatch(exports);
  sess::RegisterDetach(exports);
  sess::RegisterLink(exports);
  sess::RegisterChild(exports);
  sess::RegisterLock(exports);
  sess::RegisterPidfd(exports);
  sess::RegisterPrivileges(exports);
  sess::RegisterReplace(exports);
  sess::RegisterStdio(exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(setsid, Init)
