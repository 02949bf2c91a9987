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
COMMAND("top", "", 0, 0, cmd_top,
        "Watch operations, clients, queues and memory.",
        "In a terminal until q is pressed, else once; --interval and --count say\n"
        "how often.  The first look shows averages since the daemon began.")
COMMAND("slow-ops", "", 0, 0, cmd_slow_ops,
        "List the slowest operations of the last hour.",
        "The 8 slowest of each minute, slowest first, with what they waited for;\n"
        "--since and --op choose from them.")
COMMAND("io-threads", "", 0, 0, cmd_io_threads,
        "Show worker threads, what waits, and whose turn it is.",
        "By class what is queued, runs and was served, and how long it waited;\n"
        "then the clients that wait, in the order of their turns.")
COMMAND("locks", "", 0, 0, cmd_locks,
        "Show who holds locks, who waits, and for how long.",
        "FAMILY: posix are record locks of users, inode and entry those that\n"
        "replication and others take.  FOR is how long it holds or waits.")
COMMAND("statedump diff", "OLDER NEWER", 2, 2, cmd_statedump_diff,
        "Show what grew between two statedumps.",
        "Two files, of clinkerd or of GlusterFS' brick.  Types and pools of\n"
        "memory that grew, largest first; then other counts.")
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
COMMAND("memory pages", "", 0, 0, cmd_memory_pages,
        "Show free pages by order.",
        "UNUSABLE is how much of the free memory is in blocks too small for one\n"
        "of that size.")
COMMAND("memory pools", "", 0, 0, cmd_memory_pools,
        "Show pools of objects and I/O buffers.",
        "KEPT are free and not given back.")
COMMAND("memory growth", "[TYPE]", 0, 1, cmd_memory_growth,
        "Show which types of memory have grown.",
        "TYPE is MODULE/NAME or NAME; with it, all its samples are shown.  UP is\n"
        "how many of the last hour's minutes it grew in.")
COMMAND("memory trace", "TYPE on [BYTES] | TYPE off | TYPE show", 2, 3,
        cmd_memory_trace,
        "Show which calls allocate a type of memory.",
        "TYPE is MODULE/NAME, NAME or all.  BYTES: of so many one block is\n"
        "remembered, 16384 unless it is said; 1 is every block.")
COMMAND("memory poison", "TYPE on|off", 2, 2, cmd_memory_poison,
        "Fill freed blocks of a type and check them.",
        "TYPE is MODULE/NAME, NAME or all.  A write beyond a block or after its\n"
        "end stops the daemon with the type's name.")
COMMAND("memory reclaim", "", 0, 0, cmd_memory_reclaim,
        "Give back all memory that can be.",
        "Caches are emptied; they fill again.")
COMMAND("memory limit", "[VALUE]", 0, 1, cmd_memory_limit,
        "Show the limit on memory, or set it.",
        "VALUE is that of the option memory.limit; setting it is `config set`.")
COMMAND("memory guard", "", 0, 0, cmd_memory_guard,
        "Show guard objects and poison.",
        "How many allocations were guarded against overruns and use after free.")
COMMAND("memory doctor", "", 0, 0, cmd_memory_doctor,
        "Say in sentences what is wrong with the memory.",
        "Warnings are marked with '!', what is worth knowing with '-'.")
COMMAND("memory", "", 0, 0, cmd_memory,
        "Show memory by type, and where the rest is.",
        "Accounts by module and type, largest first, and how they add up to the\n"
        "resident memory.")
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
FLAG("interval", 'i', "SECONDS", "With top: between two looks; 2.")
FLAG("count", 'n', "NUMBER", "With top: how many looks.")
FLAG("since", 't', "MINUTES", "With slow-ops: not older; 60 at most.")
FLAG("op", 'o', "OPERATION", "With slow-ops: only those, as LOOKUP.")
FLAG("print-statedumpdir", 'd', NULL, "Print the directory of statedumps.")
FLAG("help", 'h', NULL, "Show help.")
FLAG("version", 'V', NULL, "Show the version.")
#endif
/* clang-format on */
