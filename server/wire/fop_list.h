/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file operations, each once: everything else about them is read from
 * here (decoder, encoder, scheduling, stages, statistics, statedump, manual).
 *
 * FOP(proc, number, NAME, class, request, result, counts, flags)
 *   proc     procedure of program 1298437 version 400 on the wire
 *   number   the peer's own number, as used in statistics
 *   class    queue: FAST NORMAL SLOW LEAST
 *   request  fields in wire order, one letter each (wire/args.c):
 *            g gfid   h second gfid   f fd      F second fd
 *            o u64 offset             O second u64 offset
 *            z u32 size               Z u64 size
 *            n name   N second name   l u32 flags   L i32 flags
 *            m u32 mode   u u32 umask   r u64 rdev   k u32 mask
 *            v i32 valid  w i32 what    c u32 command   t u32 lock type
 *            e u32 name flag   E u64 name flag   V volume (lock domain)
 *            D dictionary   a attributes   K flock   B lease   x xdata
 *            A list of locks
 *   result   fields behind op_ret, op_errno and xdata (wire/reply.c):
 *            0 1 2 3 4 attributes   f fd   p path   S statfs   K flock
 *            D dictionary   o u64 offset   s checksums   d directory entries
 *            B lease   l list of locks   R READ's own order, payload behind it
 *   counts   whose lock counts the reply can carry: OBJECT FD PARENT NONE
 *   flags    FOP_CHANGES: refused while read-only.  FOP_NEVER_LEAST: is not
 *            demoted for an internal client, since others may wait for it
 */
/* clang-format off */
FOP( 1,  1, STAT,            FAST,   "gx",        "0",     NONE,   0)
FOP( 2,  2, READLINK,        FAST,   "gzx",       "0p",    NONE,   0)
FOP( 3,  3, MKNOD,           NORMAL, "grmunx",    "012",   PARENT, FOP_CHANGES)
FOP( 4,  4, MKDIR,           NORMAL, "gmunx",     "012",   NONE,   FOP_CHANGES)
FOP( 5,  5, UNLINK,          NORMAL, "gnlx",      "01",    PARENT, FOP_CHANGES)
FOP( 6,  6, RMDIR,           NORMAL, "gLnx",      "01",    PARENT, FOP_CHANGES)
FOP( 7,  7, SYMLINK,         NORMAL, "gnuNx",     "012",   PARENT, FOP_CHANGES)
FOP( 8,  8, RENAME,          NORMAL, "ghnNx",     "01234", PARENT, FOP_CHANGES)
FOP( 9,  9, LINK,            NORMAL, "ghnx",      "012",   PARENT, FOP_CHANGES)
FOP(10, 10, TRUNCATE,        SLOW,   "gox",       "01",    NONE,   FOP_CHANGES)
FOP(11, 11, OPEN,            FAST,   "glx",       "f",     NONE,   0)
FOP(12, 12, READ,            SLOW,   "gfozlx",    "R",     FD,     0)
FOP(13, 13, WRITE,           SLOW,   "gfozlx",    "01",    FD,     FOP_CHANGES)
FOP(14, 14, STATFS,          FAST,   "gx",        "S",     NONE,   0)
FOP(15, 15, FLUSH,           NORMAL, "gfx",       "",      FD,     FOP_NEVER_LEAST)
FOP(16, 16, FSYNC,           SLOW,   "gflx",      "01",    FD,     0)
FOP(17, 17, SETXATTR,        NORMAL, "glDx",      "",      NONE,   FOP_CHANGES)
FOP(18, 18, GETXATTR,        NORMAL, "genx",      "D01",   NONE,   0)
FOP(19, 19, REMOVEXATTR,     NORMAL, "gnx",       "",      NONE,   FOP_CHANGES)
FOP(20, 20, OPENDIR,         FAST,   "gx",        "f",     OBJECT, 0)
FOP(21, 21, FSYNCDIR,        SLOW,   "gfwx",      "",      FD,     FOP_CHANGES)
FOP(22, 22, ACCESS,          FAST,   "gkx",       "",      NONE,   0)
FOP(23, 23, CREATE,          NORMAL, "glmunx",    "0f12",  OBJECT, FOP_CHANGES)
FOP(24, 24, FTRUNCATE,       SLOW,   "gfox",      "01",    NONE,   FOP_CHANGES)
FOP(25, 25, FSTAT,           FAST,   "gfx",       "0",     FD,     0)
FOP(26, 26, LK,              NORMAL, "gfctKx",    "K",     NONE,   FOP_NEVER_LEAST)
FOP(27, 27, LOOKUP,          FAST,   "ghlnx",     "01",    OBJECT, 0)
FOP(28, 28, READDIR,         FAST,   "gfozx",     "d",     FD,     0)
FOP(29, 29, INODELK,         NORMAL, "gctKVx",    "",      NONE,   FOP_NEVER_LEAST)
FOP(30, 30, FINODELK,        NORMAL, "gfctKVx",   "",      NONE,   FOP_NEVER_LEAST)
FOP(31, 31, ENTRYLK,         NORMAL, "gctEnVx",   "",      NONE,   FOP_NEVER_LEAST)
FOP(32, 32, FENTRYLK,        NORMAL, "gfctEnVx",  "",      NONE,   FOP_NEVER_LEAST)
FOP(33, 33, XATTROP,         SLOW,   "glDx",      "D01",   NONE,   0)
FOP(34, 34, FXATTROP,        SLOW,   "gflDx",     "D01",   FD,     0)
FOP(35, 35, FGETXATTR,       NORMAL, "gfenx",     "D01",   NONE,   0)
FOP(36, 36, FSETXATTR,       NORMAL, "gflDx",     "",      FD,     FOP_CHANGES)
FOP(37, 37, RCHECKSUM,       SLOW,   "gfozlx",    "s",     FD,     0)
FOP(38, 38, SETATTR,         NORMAL, "gavx",      "01",    NONE,   FOP_CHANGES)
FOP(39, 39, FSETATTR,        NORMAL, "gfavx",     "01",    FD,     FOP_CHANGES)
FOP(40, 40, READDIRP,        FAST,   "gfozx",     "d",     FD,     0)
FOP(41, 42, RELEASE,         NORMAL, "gfx",       "",      NONE,   FOP_NEVER_LEAST)
FOP(42, 43, RELEASEDIR,      NORMAL, "gfx",       "",      NONE,   FOP_NEVER_LEAST)
FOP(43, 45, FREMOVEXATTR,    NORMAL, "gfnx",      "",      FD,     FOP_CHANGES)
FOP(44, 46, FALLOCATE,       SLOW,   "gfloZx",    "01",    FD,     FOP_CHANGES)
FOP(45, 47, DISCARD,         SLOW,   "gfoZx",     "01",    NONE,   FOP_CHANGES)
FOP(46, 48, ZEROFILL,        SLOW,   "gfoZx",     "01",    NONE,   FOP_CHANGES)
FOP(47, 49, IPC,             NORMAL, "wx",        "",      NONE,   0)
FOP(48, 50, SEEK,            SLOW,   "gfowx",     "o",     FD,     0)
FOP(50, 51, LEASE,           NORMAL, "gBx",       "B",     NONE,   0)
FOP(51, 53, GETACTIVELK,     FAST,   "gx",        "l",     NONE,   0)
FOP(52, 54, SETACTIVELK,     FAST,   "gAx",        "",      NONE,   0)
FOP(53, 56, ICREATE,         FAST,   "gmx",       "0",     NONE,   FOP_CHANGES)
FOP(54, 57, NAMELINK,        FAST,   "gnx",       "01",    NONE,   FOP_CHANGES)
FOP(56, 58, COPY_FILE_RANGE, SLOW,   "ghfFoOzlx", "012",   NONE,   FOP_CHANGES)
/* clang-format on */
