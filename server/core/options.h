/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options: one table (option_list.h) with key, type, range, default,
 * whether it can change while running, and its line of help.  The config
 * file, volfiles, the command line, clinkerctl and the manual page are all
 * read from it.  Keys are "section.name", sections named after what they
 * tune: server, posix, io-threads, locks …; names are the peer's own.
 */
#ifndef CLINKER_SERVER_CORE_OPTIONS_H
#define CLINKER_SERVER_CORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
    OPTION_BOOL,
    OPTION_INT,
    OPTION_SIZE,            /* bytes; KB MB … suffixes */
    OPTION_SECONDS,         /* s m h d w suffixes */
    OPTION_PERCENT_OR_SIZE, /* see options_percent_or_size() */
    OPTION_OCTAL,
    OPTION_STRING,
    OPTION_CHOICE, /* one of a list, "a|b|c" */
    OPTION_PATH,   /* absolute, no ".." */
    OPTION_UUID,
};

enum option_id {
#define OPTION(id, ...) OPT_##id,
#include "server/core/option_list.h"
#undef OPTION
    OPTIONS_COUNT
};

struct option_def {
    const char *key;        /* "io-threads.thread-count" */
    const char *volume_key; /* `gluster volume set` name, or NULL */
    enum option_type type;
    int64_t min, max;       /* numbers */
    const char *choices;    /* OPTION_CHOICE */
    const char *def;        /* default as text; NULL: none */
    bool reloadable;
    const char *help;       /* one sentence */
};

const struct option_def *option_def(enum option_id id);
/* "1 to 64", "on or off", "a|b|c": what a value may be. Returns out. */
char *option_range_text(const struct option_def *def, char *out, size_t bytes);
const char *option_type_name(enum option_type type);
/* By "section.name", by the volume key, or by the bare name where only one
 * section has it; -1 if there is none. */
int option_find(const char *key);
/* The known key that looks most like `key`, for error messages; NULL if
 * nothing is near. */
const char *option_nearest(const char *key);
/* One line an option: key, type, range, default ("-": none), reloadable (yes
 * or no) and help, with tabs between. */
void options_print_table(FILE *out);

struct options;
struct options *options_new(void);
void options_free(struct options **op);

enum { OPTION_ERROR_BYTES = 512 };

/* Check and set.  What is set with running false (the command line) is pinned:
 * no file changes it, and reading one puts it in force again.
 * 0; -ENOENT unknown key, -EINVAL bad value, -ERANGE out of range, -EPERM not
 * changeable while running (running true), -ENOMEM; `err` then holds one clear
 * line.  "auth.login.<user>.password" style keys, which
 * the table cannot list, go through options_set_login(). */
int options_set(struct options *o, const char *key, const char *value,
                bool running, char err[OPTION_ERROR_BYTES]);
/* Check only. */
int options_check(const char *key, const char *value,
                  char err[OPTION_ERROR_BYTES]);
/* Back to the default, and no longer pinned.  -EPERM when not reloadable. */
int options_reset(struct options *o, enum option_id id);
bool options_is_default(const struct options *o, enum option_id id);

/* Numbers, booleans (0/1), sizes (bytes), times (seconds), octal modes, and a
 * choice's position in its list: one atomic load, any thread. */
int64_t options_number(const struct options *o, enum option_id id);
static inline bool
options_bool(const struct options *o, enum option_id id)
{
    return options_number(o, id) != 0;
}
/* OPTION_PERCENT_OR_SIZE: true with *percent when below 100 or with '%',
 * else false with *bytes. */
bool options_percent_or_size(const struct options *o, enum option_id id,
                             double *percent, uint64_t *bytes);
/* Text of any option, as set or as by default; "" when there is none.  Copied
 * into buf (cut to fit); returns buf. */
char *options_text(const struct options *o, enum option_id id, char *buf,
                   size_t bytes);
/* String options that are not reloadable never change after start: a pointer
 * that stays good; NULL when there is none. */
const char *options_const(const struct options *o, enum option_id id);

/* Users for auth.login.  0, -EINVAL (empty, or 512 bytes and more), -E2BIG,
 * -ENOMEM.  Subscribers are told of OPT_AUTH_LOGIN_ALLOW. */
int options_set_login(struct options *o, const char *user,
                      const char *password);
/* True and the password copied, if the user is known; bytes at least 512. */
bool options_login(const struct options *o, const char *user, char *buf,
                   size_t bytes);

/* Called after a reloadable option changed, on the changing thread, with no
 * lock held. Up to 16 of them, then -ENOSPC. */
int options_subscribe(struct options *o,
                      void (*fn)(void *arg, enum option_id id), void *arg);

/* Read an INI file.  Nothing is set unless everything in it is right; on
 * failure (-ENOENT unknown key, -EINVAL, -ERANGE, -EFBIG past 1 MiB, or why the
 * file cannot be read) `err` names file, line, key and the nearest known key.
 * With
 * `running`, keys that are not in the file go back to their defaults, changed
 * keys that are not reloadable are left and told in `warn` (may be NULL). */
int options_load_file(struct options *o, const char *path, bool running,
                      char err[OPTION_ERROR_BYTES],
                      void (*warn)(void *arg, const char *text), void *arg);

/* While running, without a file: as if an empty one had been read.  0 or
 * -ENOMEM. */
int options_load_none(struct options *o);

#endif
