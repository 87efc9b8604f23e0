// One function a subject: each adds its calls to the addon.
#ifndef SETSID_REGISTER_H_
#define SETSID_REGISTER_H_

#include <napi.h>

namespace sess {

void RegisterSession(Napi::Object exports);
void RegisterTerminal(Napi::Object exports);
void RegisterTable(Napi::Object exports);
void RegisterWatch(Napi::Object exports);
void RegisterDetach(Napi::Object exports);
void RegisterLink(Napi::Object exports);
void RegisterChild(Napi::Object exports);
void RegisterLock(Napi::Object exports);
void RegisterPidfd(Napi::Object exports);
void RegisterPrivileges(Napi::Object exports);
void RegisterReplace(Napi::Object exports);
void RegisterStdio(Napi::Object exports);

}  // namespace sess

#endif  // SETSID_REGISTER_H_
