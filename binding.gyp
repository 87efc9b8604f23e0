{
  "targets": [
    {
      "target_name": "setsid",
      "configurations": {
        # Stripped it is 63 kB; at -O2 76 kB.
        "Release": {"cflags!": ["-O3"], "cflags": ["-Os"]}
      },
      "sources": [
        "src/addon.cc",
        "src/child.cc",
        "src/child_watch.cc",
        "src/detach.cc",
        "src/errnos.cc",
        "src/execute.cc",
        "src/files.cc",
        "src/link.cc",
        "src/peer.cc",
        "src/pidfd.cc",
        "src/privileges.cc",
        "src/replace.cc",
        "src/process_watch.cc",
        "src/session.cc",
        "src/started.cc",
        "src/stdio.cc",
        "src/stop_job.cc",
        "src/stop_wait.cc",
        "src/table.cc",
        "src/terminal.cc",
        "src/thread.cc"
      ],
      "defines": [
        # One binary for Node 20 to 26: the Node-API ABI, not V8's.
        "NAPI_VERSION=8",
        # The fortified libc calls (__memcpy_chk and the like) don't exist in
        # musl, and this one binary is loaded by both libcs.
        "_FORTIFY_SOURCE=0"
      ],
      "cflags": [
        "-Wall",
        "-Wextra",
        "-Wconversion",
        # Only what Node asks for by name is exported; what has no caller goes.
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
            "src/linux/pid_numbers.cc",
            "src/linux/proc.cc",
            "src/linux/process_details.cc",
            "src/linux/process_stat.cc",
            "src/linux/process_table.cc",
            "src/linux/stop_look.cc",
            "src/linux/stop_meaning.cc",
            "src/linux/stop_members.cc",
            "src/linux/stop_send.cc"
          ],
          # src/ has no `new`: without a need for libstdc++ the linker leaves it
          # out, and the addon asks for libc alone.
          # Lazy binding, so only partial RELRO: an import then looks up 12 symbols
          # in place of 126, each of which reads pages of Node's own tables of
          # symbols. That is 0.12 ms of 1.2 and 0.7 MB of 1.2 that an import
          # takes. What full RELRO would add is a read-only .got.plt, in a process
          # whose JavaScript engine makes code at run time.
          "ldflags": ["-Wl,--as-needed", "-Wl,--gc-sections", "-Wl,-z,relro,-z,lazy"]
        }],
        ["OS=='mac'", {
          "sources": [
            "src/darwin/exit_queue.cc",
            "src/darwin/helper.cc",
            "src/darwin/process_details.cc",
            "src/darwin/process_table.cc",
            "src/darwin/stop_look.cc"
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
      # The launcher is a program of its own, and C: scripts/compile.mjs says why.
      "target_name": "launcher",
      "type": "none",
      "conditions": [
        ["OS!='win'", {
          "actions": [
            {
              "action_name": "launcher",
              "inputs": [
                "src/launcher/buffer.h",
                "src/launcher/contain/contain.h",
                "src/launcher/fds.h",
                "src/launcher/launch/launch.h",
                "src/launcher/launcher.h",
                "src/launcher/protocol.h",
                "src/launcher/search.h",
                "src/launcher/run/run.h",
                "src/launcher/signal.h",
                "src/launcher/socket.h",
                "src/launcher/stat.h",
                "src/launcher/text.h",
                "src/launcher/waker.h",
                "src/launcher/main.c",
                "src/launcher/buffer.c",
                "src/launcher/contain/cgroup.c",
                "src/launcher/contain/cgroups.c",
                "src/launcher/contain/contain.c",
                "src/launcher/contain/lines.c",
                "src/launcher/contain/members.c",
                "src/launcher/contain/orders.c",
                "src/launcher/contain/program.c",
                "src/launcher/contain/stand-in.c",
                "src/launcher/contain/supervisor.c",
                "src/launcher/contain/tree.c",
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
                "src/launcher/run/front.c",
                "src/launcher/run/run.c",
                "src/launcher/run/state.c",
                "src/launcher/run/terminal.c",
                "src/launcher/run/wait.c",
                "src/launcher/search.c",
                "src/launcher/signal.c",
                "src/launcher/socket.c",
                "src/launcher/stat.c",
                "src/launcher/text.c",
                "src/launcher/waker.c",
                "src/launcher/watch.c"
              ],
              "outputs": ["<(PRODUCT_DIR)/launcher"],
              "action": ["node", "scripts/launcher.mjs", "<@(_outputs)"]
            }
          ]
        }]
      ]
    }
  ]
}
