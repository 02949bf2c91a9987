/* SPDX-License-Identifier: BSD-2-Clause */
/* What a statedump is to hold and where it goes: the options file that
 * `gluster volume statedump` leaves beside the dumps (doc/statedump.md). */
#ifndef CLINKER_SERVER_ADMIN_STATEDUMP_OPTIONS_H
#define CLINKER_SERVER_ADMIN_STATEDUMP_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { STATEDUMP_OPTIONS_BYTES_MAX = 64 * 1024 };

struct statedump_options {
    unsigned parts;      /* DUMP_* */
    char path[PATH_MAX]; /* directory; "": none was named */
};

/* Everything, in the usual directory. */
void statedump_options_init(struct statedump_options *o);

/* Read `bytes` bytes of "key=value" words.  What is not known is passed over.
 * With nothing switched on: mem and callpool.  0, or -EINVAL when the path is
 * not absolute or too long: o is then as after statedump_options_init(). */
int statedump_options_parse(struct statedump_options *o, const char *text,
                            size_t bytes);

/* The first of DIR/glusterdump.options and DIR/glusterdump.PID.options.  1: one
 * was read; 0: there is none; -errno: there is one that cannot be used (-EFBIG
 * over the bound, -EINVAL not a file, or as above).  Unless 1, o is as after
 * statedump_options_init(). */
int statedump_options_read(struct statedump_options *o, const char *dir,
                           pid_t pid);

/* DUMP_* of one of the words ("all", "mem" …), any case; 0: no such word. */
unsigned statedump_part(const char *word, size_t bytes);

#endif
