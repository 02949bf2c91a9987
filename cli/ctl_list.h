/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COMMAND(words, arguments, min, max, function, summary, details)
 * FLAG(long name, short name, argument or NULL, summary)
 * Included several times, with both defined by the includer.  Help, the
 * manual's test and the shell completion's test read it.
 */
/* clang-format off */
#ifdef COMMAND
COMMAND("status", "", 0, 0, cmd_status,
        "Show what the daemon is and does.",
        "The brick, the volume, clients, worker threads, operations and memory.")
COMMAND("clients", "", 0, 0, cmd_clients,
        "List the connected clients.",
        "One line a client, with its open files and the requests in flight.")
COMMAND("statedump", "[PART...]", 0, 16, cmd_statedump,
        "Write a statedump and print its path.",
        "PART is one of all, mem, iobuf, callpool, priv, fd, inode, inodectx,\n"
        "fdctx and history; by default all.")
COMMAND("volume statedump", "NAME [PART...]", 1, 17, cmd_volume_statedump,
        "Write a statedump, said as with gluster.",
        "NAME must be the name of the volume that the daemon serves.")
COMMAND("config list", "", 0, 0, cmd_config_list,
        "List every option with its value.",
        "CHANGES says whether an option can be set while the daemon runs (live)\n"
        "or takes effect at its next start (restart).")
COMMAND("config get", "KEY", 1, 1, cmd_config_get,
        "Print an option's value.",
        "KEY is section.name, or a name of `gluster volume set`.")
COMMAND("config set", "KEY VALUE", 2, 2, cmd_config_set,
        "Set an option of the running daemon.",
        "It holds until the daemon ends or reads its configuration anew.")
COMMAND("log level", "[LEVEL]", 0, 1, cmd_log_level,
        "Print or set the log level.",
        "LEVEL is one of NONE, CRITICAL, ERROR, WARNING, NOTICE, INFO, DEBUG and\n"
        "TRACE.")
COMMAND("reload", "", 0, 0, cmd_reload,
        "Read the configuration anew and reopen the log.",
        "As a SIGHUP does, but tells what is wrong.")
COMMAND("help", "[COMMAND]", 0, 2, cmd_help,
        "Show help, also of one command.",
        "With --list: the names of commands and options, for scripts.")
#endif
#ifdef FLAG
FLAG("socket", 's', "PATH", "The daemon's control socket.")
FLAG("json", 'j', NULL, "Answer in JSON.")
FLAG("list", 'l', NULL, "With help: names only.")
FLAG("print-statedumpdir", 'd', NULL, "Print the directory of statedumps.")
FLAG("help", 'h', NULL, "Show help.")
FLAG("version", 'V', NULL, "Show the version.")
#endif
/* clang-format on */
