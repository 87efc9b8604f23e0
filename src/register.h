// One function a subject: each adds its calls to the addon.
#ifndef SETSID_REGISTER_H_
#define SETSID_REGISTER_H_

#include <node_api.h>

namespace sess {

napi_status RegisterSession(napi_env env, napi_value exports);
napi_status RegisterStarted(napi_env env, napi_value exports);
napi_status RegisterTerminal(napi_env env, napi_value exports);
napi_status RegisterTable(napi_env env, napi_value exports);
napi_status RegisterWatch(napi_env env, napi_value exports);
napi_status RegisterDetach(napi_env env, napi_value exports);
napi_status RegisterLink(napi_env env, napi_value exports);
napi_status RegisterExecute(napi_env env, napi_value exports);
napi_status RegisterChild(napi_env env, napi_value exports);
napi_status RegisterFiles(napi_env env, napi_value exports);
napi_status RegisterPidfd(napi_env env, napi_value exports);
napi_status RegisterPrivileges(napi_env env, napi_value exports);
napi_status RegisterReplace(napi_env env, napi_value exports);
napi_status RegisterStdio(napi_env env, napi_value exports);
napi_status RegisterStop(napi_env env, napi_value exports);

}  // namespace sess

#endif  // SETSID_REGISTER_H_
