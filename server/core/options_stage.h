/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole configuration being read: checked value by value and then put in
 * force at once, or not at all.  Private to core/.
 */
#ifndef CLINKER_SERVER_CORE_OPTIONS_STAGE_H
#define CLINKER_SERVER_CORE_OPTIONS_STAGE_H

#include "server/core/option_value.h"
#include "server/core/options.h"

enum { OPTION_LOGINS_MAX = 1024, OPTION_LOGIN_BYTES_MAX = 512 };

struct option_login {
    char *user, *password;
};
struct option_logins {
    struct option_login *list;
    size_t count;
};

struct options_stage {
    struct {
        char *text; /* NULL: not given */
        int64_t number;
    } values[OPTIONS_COUNT];
    struct option_logins logins;
};

struct options_stage *options_stage_new(void);
void options_stage_free(struct options_stage **stagep);
/* As options_set(); a second value replaces the first. */
int options_stage_set(struct options_stage *stage, enum option_id id,
                      const char *value, char err[OPTION_ERROR_BYTES]);
int options_stage_login(struct options_stage *stage, const char *user,
                        const char *password, char err[OPTION_ERROR_BYTES]);
/* Put in force.  Options that are not in the stage go back to their defaults,
 * unless options_set() pinned them: then to what it said.  With
 * `running`, those not reloadable stay as they are, which is told through
 * warn() (may be NULL).  Cannot fail: all memory is there. */
void options_stage_commit(struct options_stage *stage, struct options *o,
                          bool running,
                          void (*warn)(void *arg, const char *text), void *arg);

/* Users in a list; 0, -EINVAL, -E2BIG, -ENOMEM. */
int option_logins_set(struct option_logins *logins, const char *user,
                      const char *password);
const char *option_logins_find(const struct option_logins *logins,
                               const char *user);
void option_logins_clear(struct option_logins *logins);

/* For the commit, in options.c: exchange what is in force with the stage, and
 * say of which option that it changed or that it would have. */
struct options_changes {
    bool changed[OPTIONS_COUNT];
    bool left[OPTIONS_COUNT];
};
void options_swap(struct options *o, struct options_stage *stage, bool running,
                  struct options_changes *changes);
void options_notify(struct options *o, const bool changed[OPTIONS_COUNT]);

#endif
