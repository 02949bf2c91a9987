/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing a statedump: sections and key=value lines into a file. */
#ifndef CLINKER_SERVER_CORE_DUMP_H
#define CLINKER_SERVER_CORE_DUMP_H

#include <stdbool.h>
#include <stddef.h>

struct dump;

enum { DUMP_LINE_BYTES_MAX = 4096 }; /* with the newline, as on the peer */

/* What may be left out (the options file of `volume statedump`). */
enum dump_part {
    DUMP_MEM = 1 << 0,
    DUMP_IOBUF = 1 << 1,
    DUMP_CALLPOOL = 1 << 2,
    DUMP_PRIV = 1 << 3,
    DUMP_FD = 1 << 4,
    DUMP_INODE = 1 << 5,
    DUMP_INODECTX = 1 << 6,
    DUMP_FDCTX = 1 << 7,
    DUMP_HISTORY = 1 << 8,
    DUMP_ALL = (1 << 9) - 1,
};

bool dump_wants(const struct dump *d, enum dump_part part);
/* "\n[name]\n" */
void dump_section(struct dump *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* "key=value\n"; value by format.  Control characters in names, keys and
 * values become \xNN; a line is cut at DUMP_LINE_BYTES_MAX. */
void dump_line(struct dump *d, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A line as it is, of text that is ours; the newline is added if it has
 * none. */
void dump_raw(struct dump *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* To a temporary file "dumpXXXXXX" (0600) in dir, with the start line. 0 or
 * -errno. */
int dump_begin(struct dump **dp, const char *dir, unsigned parts,
               bool local_time);
/* Writes the end line, renames to dir/name.  The first error of any write comes
 * back here and leaves no file.  path, if not NULL, gets the final name
 * (-ENAMETOOLONG when path_bytes do not do).  Frees *dp in any case. */
int dump_end(struct dump **dp, const char *name, char *path, size_t path_bytes);

#endif
