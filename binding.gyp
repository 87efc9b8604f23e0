{
  "targets": [
    {
      "target_name": "setsid",
      "configurations": {
        # node-addon-api inlines its error paths into every call: at Node's -O3
        # the addon is 157 kB, at -O2 59 kB and no slower.
        "Release": {"cflags!": ["-O3"], "cflags": ["-O2"]}
      },
      "sources": [
        "src/addon.cc",
        "src/child.cc",
        "src/detach.cc",
        "src/link.cc",
        "src/lock.cc",
        "src/memory.cc",
        "src/pidfd.cc",
        "src/privileges.cc",
        "src/replace.cc",
        "src/process_watch.cc",
        "src/session.cc",
        "src/stdio.cc",
        "src/table.cc",
        "src/terminal.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        # One binary for Node 20 to 26: the Node-API ABI, not V8's.
        "NAPI_VERSION=8",
        # A failed call returns -errno; nothing in src/ throws.
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        # The fortified libc calls (__memcpy_chk and the like) don't exist in
        # musl, and this one binary is loaded by both libcs.
        "_FORTIFY_SOURCE=0"
      ],
      "cflags": [
        "-Wall",
        "-Wextra",
        "-Wconversion",
        # Only napi_register_module_v1 is anybody else's business; what is left
        # of node-addon-api without a caller goes.
        "-fvisibility=hidden",
        "-ffunction-sections",
        "-fdata-sections"
      ],
      "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fno-rtti"],
      "conditions": [
        ["OS=='linux'", {
          "sources": [
            "src/linux/exit_queue.cc",
            "src/linux/helper.cc",
            "src/linux/process_table.cc"
          ],
          # operator new and delete are in memory.cc: without a need for
          # libstdc++ the linker leaves it out, and the addon asks for libc alone.
          "ldflags": ["-Wl,--as-needed", "-Wl,--gc-sections", "-Wl,-z,relro,-z,now"]
        }],
        ["OS=='mac'", {
          "sources": [
            "src/darwin/exit_queue.cc",
            "src/darwin/helper.cc",
            "src/darwin/process_table.cc"
          ],
          "xcode_settings": {
            "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
            "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
            "MACOSX_DEPLOYMENT_TARGET": "11.0",
            "WARNING_CFLAGS": ["-Wall", "-Wextra"]
          }
        }]
      ]
    },
    {
      # The launcher is a program of its own, and C: scripts/launcher.mjs says why.
      "target_name": "launcher",
      "type": "none",
      "conditions": [
        ["OS!='win'", {
          "actions": [
            {
              "action_name": "launcher",
              "inputs": [
                "src/launcher/fds.h",
                "src/launcher/launch/launch.h",
                "src/launcher/launcher.h",
                "src/launcher/protocol.h",
                "src/launcher/search.h",
                "src/launcher/signal.h",
                "src/launcher/text.h",
                "src/launcher/main.c",
                "src/launcher/exec/exec.c",
                "src/launcher/fds.c",
                "src/launcher/launch/canary.c",
                "src/launcher/launch/end.c",
                "src/launcher/launch/guard.c",
                "src/launcher/launch/launch.c",
                "src/launcher/launch/link.c",
                "src/launcher/launch/members.c",
                "src/launcher/launch/mirror.c",
                "src/launcher/launch/notify.c",
                "src/launcher/launch/options.c",
                "src/launcher/launch/pidfile.c",
                "src/launcher/launch/program.c",
                "src/launcher/launch/wait.c",
                "src/launcher/search.c",
                "src/launcher/signal.c",
                "src/launcher/text.c",
                "src/launcher/watch.c"
              ],
              "outputs": ["<(PRODUCT_DIR)/launcher"],
              "action": ["node", "scripts/launcher.mjs", "<@(_outputs)", "<@(_inputs)"]
            }
          ]
        }]
      ]
    }
  ]
}
