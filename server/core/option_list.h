/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OPTION(id, key, volume_key, type, min, max, choices, default, reloadable,
 *        help)
 * Included several times, with OPTION defined by the includer.
 */
/* clang-format off */

/* --- the brick --- */
OPTION(BRICK_DIRECTORY, "posix.directory", NULL, OPTION_PATH, 0, 0, NULL, NULL, false,
       "The brick directory.")
OPTION(BRICK_NAME, "server.brick-name", NULL, OPTION_STRING, 0, 0, NULL, NULL, false,
       "The name that clients ask for (remote-subvolume); by default the brick directory.")
OPTION(VOLUME_ID, "posix.volume-id", NULL, OPTION_UUID, 0, 0, NULL, NULL, false,
       "The volume that the brick must belong to; by default the one written on the brick.")
OPTION(VOLUME_NAME, "server.volume-name", NULL, OPTION_STRING, 0, 0, NULL, "vol", false,
       "The volume's name, used in statedumps and by clinkerctl.")
OPTION(HOSTNAME, "posix.hostname", NULL, OPTION_STRING, 0, 0, NULL, NULL, false,
       "The host name in pathinfo; by default the machine's.")
OPTION(GLUSTERD_UUID, "posix.glusterd-uuid", NULL, OPTION_UUID, 0, 0, NULL, NULL, false,
       "The node's uuid, answered as trusted.glusterfs.node-uuid.")
OPTION(RESERVE, "posix.reserve", "storage.reserve", OPTION_PERCENT_OR_SIZE, 0, INT64_MAX, NULL, "1", true,
       "Space that users may not take: a percentage below 100, or bytes; 0 is off.")
OPTION(HEALTH_INTERVAL, "posix.health-check-interval", "storage.health-check-interval", OPTION_SECONDS, 0, 86400, NULL, "30", true,
       "Seconds between health checks of the brick; 0 is off.")
OPTION(HEALTH_TIMEOUT, "posix.health-check-timeout", "storage.health-check-timeout", OPTION_SECONDS, 0, 86400, NULL, "20", true,
       "Seconds after which a health check is reported as slow; 0 is never.")
OPTION(JANITOR_SLEEP, "posix.janitor-sleep-duration", NULL, OPTION_SECONDS, 1, 86400, NULL, "10", false,
       "Seconds between two purges of .glusterfs/landfill.")
OPTION(DISABLE_LANDFILL, "posix.disable-landfill-purge", NULL, OPTION_BOOL, 0, 1, NULL, "off", true,
       "Leave .glusterfs/landfill alone.")
OPTION(GFID2PATH, "posix.gfid2path", "storage.gfid2path", OPTION_BOOL, 0, 1, NULL, "on", true,
       "Keep trusted.gfid2path.* on everything but directories.")
OPTION(GFID2PATH_SEPARATOR, "posix.gfid2path-separator", "storage.gfid2path-separator", OPTION_STRING, 1, 7, NULL, ":", true,
       "Between the paths of glusterfs.gfidtopath.")
OPTION(CTIME, "posix.ctime", "features.ctime", OPTION_BOOL, 0, 1, NULL, "on", true,
       "Keep the times that clients dictate in trusted.glusterfs.mdata.")
OPTION(MAX_HARDLINKS, "posix.max-hardlinks", "storage.max-hardlinks", OPTION_INT, 0, 0xffffffff, NULL, "100", true,
       "Names that a file may have; 0 is no limit.")
OPTION(FIPS_RCHECKSUM, "posix.fips-mode-rchecksum", "storage.fips-mode-rchecksum", OPTION_BOOL, 0, 1, NULL, "on", true,
       "Strong checksums are SHA-256 and not MD5.")
OPTION(SHARED_BRICK_COUNT, "posix.shared-brick-count", NULL, OPTION_INT, 1, 65536, NULL, "1", true,
       "Bricks on the same file system; statfs is divided by it.")
OPTION(EXPORT_STATFS_SIZE, "posix.export-statfs-size", NULL, OPTION_BOOL, 0, 1, NULL, "on", false,
       "Show sizes in statfs.")
OPTION(MANDATE_ATTRIBUTE, "posix.mandate-attribute", NULL, OPTION_BOOL, 0, 1, NULL, "on", false,
       "Refuse a file system without extended attributes.")
OPTION(O_DIRECT_ALWAYS, "posix.o-direct", NULL, OPTION_BOOL, 0, 1, NULL, "off", false,
       "Open every file with O_DIRECT.")
OPTION(BRICK_UID, "posix.brick-uid", "storage.owner-uid", OPTION_INT, -1, 0xfffffffe, NULL, "-1", true,
       "Owner given to the brick's root; -1 leaves it.")
OPTION(BRICK_GID, "posix.brick-gid", "storage.owner-gid", OPTION_INT, -1, 0xfffffffe, NULL, "-1", true,
       "Group given to the brick's root; -1 leaves it.")
OPTION(NODE_UUID_PATHINFO, "posix.node-uuid-pathinfo", "storage.node-uuid-pathinfo", OPTION_BOOL, 0, 1, NULL, "off", true,
       "The node's uuid in pathinfo in place of the host name.")
OPTION(PGFID, "posix.update-link-count-parent", "storage.build-pgfid", OPTION_BOOL, 0, 1, NULL, "off", true,
       "Keep trusted.pgfid.* link counts.")
OPTION(FORCE_CREATE_MODE, "posix.force-create-mode", "storage.force-create-mode", OPTION_OCTAL, 0, 0777, NULL, "0000", true,
       "Mode bits added to every new file.")
OPTION(FORCE_DIRECTORY_MODE, "posix.force-directory-mode", "storage.force-directory-mode", OPTION_OCTAL, 0, 0777, NULL, "0000", true,
       "Mode bits added to every new directory.")
OPTION(CREATE_MASK, "posix.create-mask", "storage.create-mask", OPTION_OCTAL, 0, 0777, NULL, "0777", true,
       "Mode bits that a new file may have.")
OPTION(CREATE_DIRECTORY_MASK, "posix.create-directory-mask", "storage.create-directory-mask", OPTION_OCTAL, 0, 0777, NULL, "0777", true,
       "Mode bits that a new directory may have.")
OPTION(BATCH_FSYNC_MODE, "posix.batch-fsync-mode", "storage.batch-fsync-mode", OPTION_CHOICE, 0, 0, "none|syncfs|syncfs-single-fsync|syncfs-reverse-fsync|reverse-fsync", "reverse-fsync", true,
       "How fsyncs that ask for batching are grouped; each file is synced by itself whatever the value.")
OPTION(BATCH_FSYNC_DELAY, "posix.batch-fsync-delay-usec", "storage.batch-fsync-delay-usec", OPTION_INT, 0, 1000000, NULL, "0", true,
       "Microseconds to gather fsyncs that ask for batching; 0 syncs each at once.")

/* --- the server --- */
OPTION(LISTEN_PORT, "server.listen-port", NULL, OPTION_INT, 0, 65535, NULL, "24007", false,
       "TCP port for clients; 0 takes any free one.")
OPTION(BIND_ADDRESS, "server.bind-address", NULL, OPTION_STRING, 0, 0, NULL, NULL, false,
       "Address to listen on; by default all.")
OPTION(ADDRESS_FAMILY, "server.address-family", "transport.address-family", OPTION_CHOICE, 0, 0, "inet|inet6|unix|inet-sdp", "inet", false,
       "inet, inet6 (both protocols), or unix.")
OPTION(LISTEN_PATH, "server.listen-path", NULL, OPTION_PATH, 0, 0, NULL, NULL, false,
       "Unix socket for clients, beside the port (instead of it with address-family unix).")
OPTION(LISTEN_BACKLOG, "server.listen-backlog", "transport.listen-backlog", OPTION_INT, 1, 65535, NULL, "1024", false,
       "Connections that may wait to be accepted.")
OPTION(EVENT_THREADS, "server.event-threads", "server.event-threads", OPTION_INT, 1, 1024, NULL, "2", true,
       "Threads that serve connections.")
OPTION(OUTSTANDING_LIMIT, "server.outstanding-rpc-limit", "server.outstanding-rpc-limit", OPTION_INT, 0, 65536, NULL, "256", true,
       "Unanswered requests of one connection before it is no longer read from; 0 is no limit.")
OPTION(ALLOW_INSECURE, "server.allow-insecure", "server.allow-insecure", OPTION_BOOL, 0, 1, NULL, "on", true,
       "Take clients from ports of 1024 and above.")
OPTION(INODE_LRU_LIMIT, "server.inode-lru-limit", "network.inode-lru-limit", OPTION_INT, 0, 1048576, NULL, "0", true,
       "Inodes kept that nobody uses at the moment; 0 is as many as memory.inode-cache holds.")
OPTION(ROOT_SQUASH, "server.root-squash", "server.root-squash", OPTION_BOOL, 0, 1, NULL, "off", true,
       "Clients' root acts as anonuid and anongid.")
OPTION(ALL_SQUASH, "server.all-squash", "server.all-squash", OPTION_BOOL, 0, 1, NULL, "off", true,
       "Everybody acts as anonuid and anongid.")
OPTION(ANONUID, "server.anonuid", "server.anonuid", OPTION_INT, 0, 0xffffffff, NULL, "65534", true,
       "The uid of squashed callers.")
OPTION(ANONGID, "server.anongid", "server.anongid", OPTION_INT, 0, 0xffffffff, NULL, "65534", true,
       "The gid of squashed callers.")
OPTION(MANAGE_GIDS, "server.manage-gids", "server.manage-gids", OPTION_BOOL, 0, 1, NULL, "off", true,
       "Look up supplementary groups here and not in the request.")
OPTION(GID_TIMEOUT, "server.gid-timeout", "server.gid-timeout", OPTION_SECONDS, 0, 86400, NULL, "300", true,
       "Seconds that looked-up groups are kept.")
OPTION(KEEPALIVE, "server.keepalive", "transport.keepalive", OPTION_BOOL, 0, 1, NULL, "on", false,
       "TCP keepalive.")
OPTION(KEEPALIVE_TIME, "server.keepalive-time", "server.keepalive-time", OPTION_SECONDS, 1, 32767, NULL, "20", false,
       "Idle seconds before the first keepalive probe.")
OPTION(KEEPALIVE_INTERVAL, "server.keepalive-interval", "server.keepalive-interval", OPTION_SECONDS, 1, 32767, NULL, "2", false,
       "Seconds between keepalive probes.")
OPTION(KEEPALIVE_COUNT, "server.keepalive-count", "server.keepalive-count", OPTION_INT, 1, 127, NULL, "9", false,
       "Unanswered keepalive probes before a peer is given up.")
OPTION(TCP_USER_TIMEOUT, "server.tcp-user-timeout", "server.tcp-user-timeout", OPTION_SECONDS, 0, 1013, NULL, "42", false,
       "Seconds that sent data may stay unacknowledged; 0 leaves the system's.")
OPTION(NODELAY, "server.nodelay", NULL, OPTION_BOOL, 0, 1, NULL, "on", false,
       "TCP_NODELAY.")
OPTION(TCP_WINDOW, "server.tcp-window-size", "network.tcp-window-size", OPTION_SIZE, 0, 1048576, NULL, "0", false,
       "Socket buffer bytes; 0 leaves the system's.")
OPTION(CONNECTIONS_MAX, "server.connections-max", NULL, OPTION_INT, 0, 1048576, NULL, "0", true,
       "Connections taken; 0 is no limit but that of descriptors.")
OPTION(STATEDUMP_PATH, "server.statedump-path", "server.statedump-path", OPTION_PATH, 0, 0, NULL, STATEDUMPDIR, true,
       "Directory for statedumps.")
OPTION(CONTROL_SOCKET, "server.control-socket", NULL, OPTION_PATH, 0, 0, NULL, NULL, false,
       "Path of the control socket; by default one named after the brick below the run directory.")
OPTION(PID_FILE, "server.pid-file", NULL, OPTION_PATH, 0, 0, NULL, NULL, false,
       "File that gets the process id, locked while the daemon runs.")

/* --- who may connect --- */
OPTION(AUTH_ALLOW, "auth.allow", "auth.allow", OPTION_STRING, 0, 0, NULL, "*", true,
       "Addresses that may connect: a comma list of addresses, patterns, networks, names.")
OPTION(AUTH_REJECT, "auth.reject", "auth.reject", OPTION_STRING, 0, 0, NULL, NULL, true,
       "Addresses that may not connect; goes before auth.allow.")
OPTION(AUTH_LOGIN_ALLOW, "auth.login-allow", NULL, OPTION_STRING, 0, 0, NULL, NULL, true,
       "Users that may log in; their passwords stand in the section [logins].")
OPTION(STRICT_AUTH, "auth.strict-auth-accept", NULL, OPTION_BOOL, 0, 1, NULL, "off", true,
       "Refuse clients without a valid user and password.")
OPTION(DYNAMIC_AUTH, "auth.dynamic-auth", "server.dynamic-auth", OPTION_BOOL, 0, 1, NULL, "on", true,
       "Check connected clients again when the rules change.")

/* --- locks --- */
OPTION(LOCKS_MANDATORY, "locks.mandatory-locking", "locks.mandatory-locking", OPTION_CHOICE, 0, 0, "off|file|forced|optimal", "off", true,
       "Record locks that keep others from reading and writing: all of them (forced), or those set as such (optimal).")
OPTION(LOCKS_NOTIFY, "locks.notify-contention", "features.locks-notify-contention", OPTION_BOOL, 0, 1, NULL, "on", true,
       "Tell the holder of an internal lock that another client wants it.")
OPTION(LOCKS_NOTIFY_DELAY, "locks.notify-contention-delay", "features.locks-notify-contention-delay", OPTION_SECONDS, 0, 60, NULL, "5", true,
       "Seconds between two such messages about one lock.")
OPTION(LOCKS_REVOKE_SECS, "locks.revocation-secs", "features.locks-revocation-secs", OPTION_SECONDS, 0, INT32_MAX, NULL, "0", true,
       "Age at which internal locks that stand in another's way are taken away; 0 is never, and then the two options below have no effect.")
OPTION(LOCKS_REVOKE_BLOCKED, "locks.revocation-max-blocked", "features.locks-revocation-max-blocked", OPTION_INT, 0, INT32_MAX, NULL, "0", true,
       "Waiting requests at which the locks that they wait for are taken away; 0 is no such bound.")
OPTION(LOCKS_REVOKE_ALL, "locks.revocation-clear-all", "features.locks-revocation-clear-all", OPTION_BOOL, 0, 1, NULL, "off", true,
       "Refuse those who wait as well, when locks are taken away.")

/* --- memory --- */
OPTION(MEMORY_LIMIT, "memory.limit", NULL, OPTION_PERCENT_OR_SIZE, 0, INT64_MAX, NULL, "off", true,
       "Memory that the process may take: a percentage below 100 of what machine and control group allow, or bytes; off is no limit.")
OPTION(MEMORY_INODE_CACHE, "memory.inode-cache", NULL, OPTION_PERCENT_OR_SIZE, 0, INT64_MAX, NULL, "20%", true,
       "Memory for inodes that nobody uses at the moment: bytes, or a percentage of memory.limit (without one, of a tenth of what the machine allows).")
OPTION(MEMORY_CLIENT_QUOTA, "memory.client-quota", NULL, OPTION_PERCENT_OR_SIZE, 0, INT64_MAX, NULL, "25%", true,
       "Memory for requests and unread replies of one connection, beyond which it is not read from: bytes, or a percentage of memory.limit; off, or without a limit, there is no bound.")
OPTION(MEMORY_PURGE_AGE, "memory.purge-age", NULL, OPTION_SECONDS, 0, 86400, NULL, "2", true,
       "Seconds after which free pages go back to the kernel.")
OPTION(MEMORY_HUGE_PAGES, "memory.huge-pages", NULL, OPTION_BOOL, 0, 1, NULL, "off", true,
       "Ask for transparent huge pages.")
OPTION(MEMORY_GUARD_RATE, "memory.guard-rate", NULL, OPTION_INT, 0, 1000000000, NULL, "50000", true,
       "Mean allocations between two that get a page of their own, where misuse is caught; 0 is none.")

/* --- io-threads --- */
OPTION(THREAD_COUNT, "io-threads.thread-count", "performance.io-thread-count", OPTION_INT, 1, 64, NULL, "16", true,
       "Most worker threads.")
OPTION(HIGH_PRIO, "io-threads.high-prio-threads", "performance.high-prio-threads", OPTION_INT, 1, 64, NULL, "16", true,
       "Most workers in fast operations (open, stat, lookup …).")
OPTION(NORMAL_PRIO, "io-threads.normal-prio-threads", "performance.normal-prio-threads", OPTION_INT, 1, 64, NULL, "16", true,
       "Most workers in normal operations (create, rename, xattrs …).")
OPTION(LOW_PRIO, "io-threads.low-prio-threads", "performance.low-prio-threads", OPTION_INT, 1, 64, NULL, "16", true,
       "Most workers in slow operations (read, write, fsync …).")
OPTION(LEAST_PRIO, "io-threads.least-prio-threads", "performance.least-prio-threads", OPTION_INT, 1, 64, NULL, "1", true,
       "Most workers in internal clients' operations.")
OPTION(ENABLE_LEAST, "io-threads.enable-least-priority", "performance.enable-least-priority", OPTION_BOOL, 0, 1, NULL, "on", true,
       "Internal clients (self-heal, rebalance …) come last.")
OPTION(IDLE_TIME, "io-threads.idle-time", NULL, OPTION_SECONDS, 1, 2147483647, NULL, "120", true,
       "Seconds after which an idle worker ends.")
OPTION(WATCHDOG_SECS, "io-threads.watchdog-secs", "performance.iot-watchdog-secs", OPTION_SECONDS, 0, 86400, NULL, "0", true,
       "Seconds without progress after which a class gets an extra worker; 0 is off.")
OPTION(CLEANUP_REQS, "io-threads.cleanup-disconnected-reqs", "performance.iot-cleanup-disconnected-reqs", OPTION_BOOL, 0, 1, NULL, "off", true,
       "Drop queued requests of clients that have gone.")
OPTION(PASS_THROUGH, "io-threads.pass-through", "performance.iot-pass-through", OPTION_BOOL, 0, 1, NULL, "false", true,
       "Run every operation on the event thread.")

/* --- heal --- */
OPTION(INDEX_BASE, "index.index-base", NULL, OPTION_PATH, 0, 0, NULL, NULL, false,
       "Where the heal index is, which must be .glusterfs/indices of the brick; volfiles say it.")
OPTION(INDEX_DIRTY, "index.xattrop-dirty-watchlist", NULL, OPTION_STRING, 0, 0, NULL, "trusted.afr.dirty", false,
       "What names of xattrs begin with that say that a change is under way; with commas between.")
OPTION(INDEX_PENDING, "index.xattrop-pending-watchlist", NULL, OPTION_STRING, 0, 0, NULL, "trusted.afr.", false,
       "What names of xattrs begin with, those above aside, that say that an object waits to be healed.")
OPTION(INDEX_PENDING64, "index.xattrop64-watchlist", NULL, OPTION_STRING, 0, 0, NULL, "trusted.ec.dirty", false,
       "The same for dispersed volumes.")

/* --- stages --- */
OPTION(SUPER_UID, "access-control.super-uid", NULL, OPTION_INT, 0, 0xffffffff, NULL, "0", true,
       "The uid that no permission stops.")
OPTION(READ_ONLY, "read-only.read-only", "features.read-only", OPTION_BOOL, 0, 1, NULL, "off", true,
       "Refuse every change by users.")
OPTION(SELINUX, "selinux.selinux", "features.selinux", OPTION_BOOL, 0, 1, NULL, "on", true,
       "Keep security.selinux as trusted.glusterfs.selinux.")

/* --- log --- */
OPTION(LOG_LEVEL, "log.level", "diagnostics.brick-log-level", OPTION_CHOICE, 0, 0, "DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|TRACE|NONE", "INFO", true,
       "Least severe level that is logged.")
OPTION(LOG_FILE, "log.file", NULL, OPTION_STRING, 0, 0, NULL, NULL, false,
       "Log file; - is stderr.")
OPTION(LOG_SINK, "log.sink", NULL, OPTION_CHOICE, 0, 0, "file|stderr|journal", "stderr", false,
       "Where the log goes.")
OPTION(LOG_LOCALTIME, "log.localtime", "cluster.localtime-logging", OPTION_BOOL, 0, 1, NULL, "off", false,
       "Local time in log and statedumps, and not UTC.")
/* clang-format on */
