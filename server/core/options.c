/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values in force.  Numbers are read by everybody all the time: an atomic
 * each.  Texts and users are read when somebody connects or dumps: a mutex.
 *
 * Where a value came from decides what a reread configuration may do to it:
 *
 *   default   -> the file's, if it has one
 *   file      -> the file's new one, or back to the default
 *   running   (set while the daemon runs) -> as `file`
 *
 * What the command line says stands in the place of the default, and no file
 * gets past it: after a reread it is in force, whatever was set meanwhile.
 */
#include "server/core/options.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/option_value.h"
#include "server/core/options_stage.h"
#include "server/core/ranks.h"

#define OPTIONS_MAGIC 0x4f505453u

enum { SUBSCRIBERS_MAX = 16 };

MEM_TYPE(mt_options, "server.core", "options");
MEM_TYPE(mt_text, "server.core", "option_text");

struct entry {
    _Atomic(int64_t) number;
    char *text; /* [mtx] NULL: as pinned, else the default; constant once the
                   daemon runs if the option is not reloadable */
    char *pinned;          /* [mtx] from the command line; NULL: not there */
    int64_t pinned_number; /* [mtx] */
};

struct subscriber {
    void (*fn)(void *arg, enum option_id id);
    void *arg;
};

struct options {
    unsigned magic;
    struct mutex mtx;
    struct entry entries[OPTIONS_COUNT];
    struct option_logins logins; /* [mtx] */
    struct subscriber subscribers[SUBSCRIBERS_MAX]; /* [mtx], only added to */
    size_t subscribers_count;                       /* [mtx] */
};

/* The table's own defaults are right, or the table is wrong. */
static int64_t
default_number(enum option_id id)
{
    const struct option_def *def = option_def(id);
    char err[OPTION_ERROR_BYTES];
    struct option_value value;

    if (def->def == NULL)
        return 0;
    must(option_value_parse(def, def->def, &value, err) == 0);
    return value.number;
}

struct options *
options_new(void)
{
    struct options *o = mem_zalloc(&mt_options, sizeof(*o));

    if (o == NULL)
        return NULL;
    o->magic = OPTIONS_MAGIC;
    mutex_init(&o->mtx, "options", CORE_RANK_OPTIONS);
    for (int i = 0; i < OPTIONS_COUNT; i++)
        atomic_init(&o->entries[i].number, default_number((enum option_id)i));
    return o;
}

void
options_free(struct options **op)
{
    struct options *o = *op;

    *op = NULL;
    if (o == NULL)
        return;
    OBJ_CHECK(o, OPTIONS_MAGIC);
    o->magic = 0;
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        mem_free(o->entries[i].text);
        mem_free(o->entries[i].pinned);
    }
    option_logins_clear(&o->logins);
    mutex_destroy(&o->mtx);
    mem_free(o);
}

static const char *
text_locked(const struct options *o, enum option_id id)
{
    const struct entry *e = &o->entries[id];
    const char *text = e->text != NULL ? e->text
                       : e->pinned != NULL ? e->pinned
                                           : option_def(id)->def;

    return text != NULL ? text : "";
}

static bool
is_textual(enum option_type type)
{
    return type == OPTION_STRING || type == OPTION_PATH || type == OPTION_UUID;
}

/* Would `text` (NULL: the default) with `number` be anything new?  "1024" and
 * "1KB" are the same. */
static bool
differs_locked(const struct options *o, enum option_id id, const char *text,
               int64_t number)
{
    const struct option_def *def = option_def(id);

    if (!is_textual(def->type))
        return atomic_load(&o->entries[id].number) != number;
    if (text == NULL)
        text = def->def != NULL ? def->def : "";
    return strcmp(text_locked(o, id), text) != 0;
}

static void
unknown_key(const char *key, char err[OPTION_ERROR_BYTES])
{
    const char *nearest = option_nearest(key);

    if (nearest != NULL)
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "unknown option '%.100s'; did you mean '%s'?", key,
                       nearest);
    else
        (void)snprintf(err, OPTION_ERROR_BYTES, "unknown option '%.100s'",
                       key);
}

static int
find_and_parse(const char *key, const char *value, enum option_id *id,
               struct option_value *parsed, char err[OPTION_ERROR_BYTES])
{
    int found = option_find(key);

    if (found < 0) {
        unknown_key(key, err);
        return -ENOENT;
    }
    *id = (enum option_id)found;
    return option_value_parse(option_def(*id), value, parsed, err);
}

int
options_check(const char *key, const char *value, char err[OPTION_ERROR_BYTES])
{
    struct option_value parsed;
    enum option_id id;

    return find_and_parse(key, value, &id, &parsed, err);
}

/* Puts *textp in force, leaving the old text there. */
static void
exchange_locked(struct options *o, enum option_id id, char **textp,
                int64_t number)
{
    struct entry *e = &o->entries[id];
    char *old = e->text;

    mutex_assert_held(&o->mtx);
    e->text = *textp;
    atomic_store(&e->number, number);
    *textp = old;
}

/* Pins *textp, leaving what was pinned there. */
static void
pin_locked(struct options *o, enum option_id id, char **textp, int64_t number)
{
    struct entry *e = &o->entries[id];
    char *old = e->pinned;

    mutex_assert_held(&o->mtx);
    mem_free(e->text);
    e->text = NULL;
    e->pinned = *textp;
    e->pinned_number = number;
    atomic_store(&e->number, number);
    *textp = old;
}

static void
notify_one(struct options *o, enum option_id id)
{
    bool changed[OPTIONS_COUNT] = {false};

    changed[id] = true;
    options_notify(o, changed);
}

int
options_set(struct options *o, const char *key, const char *value, bool running,
            char err[OPTION_ERROR_BYTES])
{
    AUTO_FREE char *text = NULL;
    struct option_value parsed;
    enum option_id id;
    bool differs, refused;
    int result = find_and_parse(key, value, &id, &parsed, err);

    OBJ_CHECK(o, OPTIONS_MAGIC);
    if (result < 0)
        return result;
    text = mem_strndup(&mt_text, parsed.text, parsed.text_bytes);
    if (text == NULL) {
        (void)snprintf(err, OPTION_ERROR_BYTES, "%s: no memory",
                       option_def(id)->key);
        return -ENOMEM;
    }
    {
        MUTEX_SCOPE(&o->mtx);
        differs = differs_locked(o, id, text, parsed.number);
        refused = running && !option_def(id)->reloadable;
        /* The same said in other words ("2min" for "120") is no change. */
        if (!running)
            pin_locked(o, id, &text, parsed.number);
        else if (!refused && differs)
            exchange_locked(o, id, &text, parsed.number);
    }
    if (refused && differs) {
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "%s cannot change while the daemon runs",
                       option_def(id)->key);
        return -EPERM;
    }
    if (differs)
        notify_one(o, id);
    return 0;
}

int
options_reset(struct options *o, enum option_id id)
{
    AUTO_FREE char *pinned = NULL;
    AUTO_FREE char *text = NULL;
    int64_t number = default_number(id);
    bool differs;

    OBJ_CHECK(o, OPTIONS_MAGIC);
    if (!option_def(id)->reloadable)
        return -EPERM;
    {
        MUTEX_SCOPE(&o->mtx);
        differs = differs_locked(o, id, NULL, number);
        pinned = o->entries[id].pinned;
        o->entries[id].pinned = NULL;
        exchange_locked(o, id, &text, number);
    }
    if (differs)
        notify_one(o, id);
    return 0;
}

bool
options_is_default(const struct options *o, enum option_id id)
{
    OBJ_CHECK(o, OPTIONS_MAGIC);
    MUTEX_SCOPE((struct mutex *)&o->mtx);
    return !differs_locked(o, id, NULL, default_number(id));
}

int64_t
options_number(const struct options *o, enum option_id id)
{
    const enum option_type type = option_def(id)->type;

    must(!is_textual(type) && type != OPTION_PERCENT_OR_SIZE);
    return atomic_load_explicit(&o->entries[id].number, memory_order_relaxed);
}

bool
options_percent_or_size(const struct options *o, enum option_id id,
                        double *percent, uint64_t *bytes)
{
    must(option_def(id)->type == OPTION_PERCENT_OR_SIZE);
    return option_percent(atomic_load_explicit(&o->entries[id].number,
                                               memory_order_relaxed),
                          percent, bytes);
}

char *
options_text(const struct options *o, enum option_id id, char *buf,
             size_t bytes)
{
    OBJ_CHECK(o, OPTIONS_MAGIC);
    must((unsigned)id < OPTIONS_COUNT);
    MUTEX_SCOPE((struct mutex *)&o->mtx);
    (void)snprintf(buf, bytes, "%s", text_locked(o, id));
    return buf;
}

const char *
options_const(const struct options *o, enum option_id id)
{
    const struct option_def *def = option_def(id);
    const char *text;

    OBJ_CHECK(o, OPTIONS_MAGIC);
    must(!def->reloadable);
    MUTEX_SCOPE((struct mutex *)&o->mtx);
    text = text_locked(o, id);
    return *text != '\0' ? text : NULL;
}

int
options_set_login(struct options *o, const char *user, const char *password)
{
    int err;

    OBJ_CHECK(o, OPTIONS_MAGIC);
    {
        MUTEX_SCOPE(&o->mtx);
        err = option_logins_set(&o->logins, user, password);
    }
    if (err == 0)
        notify_one(o, OPT_AUTH_LOGIN_ALLOW);
    return err;
}

bool
options_login(const struct options *o, const char *user, char *buf,
              size_t bytes)
{
    const char *password;

    OBJ_CHECK(o, OPTIONS_MAGIC);
    MUTEX_SCOPE((struct mutex *)&o->mtx);
    password = option_logins_find(&o->logins, user);
    if (password == NULL)
        return false;
    /* A password cut short would be another password. */
    must(strlen(password) < bytes);
    strcpy(buf, password);
    return true;
}

int
options_subscribe(struct options *o, void (*fn)(void *arg, enum option_id id),
                  void *arg)
{
    OBJ_CHECK(o, OPTIONS_MAGIC);
    MUTEX_SCOPE(&o->mtx);
    if (o->subscribers_count >= SUBSCRIBERS_MAX)
        return -ENOSPC;
    o->subscribers[o->subscribers_count++] = (struct subscriber){fn, arg};
    return 0;
}

void
options_notify(struct options *o, const bool changed[OPTIONS_COUNT])
{
    struct subscriber list[SUBSCRIBERS_MAX];
    size_t count;

    {
        MUTEX_SCOPE(&o->mtx);
        count = o->subscribers_count;
        memcpy(list, o->subscribers, sizeof(list));
    }
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        if (!changed[i] || !option_def((enum option_id)i)->reloadable)
            continue;
        for (size_t s = 0; s < count; s++)
            list[s].fn(list[s].arg, (enum option_id)i);
    }
}

static bool
same_logins(const struct option_logins *a, const struct option_logins *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const char *other = option_logins_find(b, a->list[i].user);

        if (other == NULL || strcmp(other, a->list[i].password) != 0)
            return false;
    }
    return true;
}

void
options_swap(struct options *o, struct options_stage *stage, bool running,
             struct options_changes *changes)
{
    struct option_logins old;

    OBJ_CHECK(o, OPTIONS_MAGIC);
    MUTEX_SCOPE(&o->mtx);
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const enum option_id id = (enum option_id)i;
        struct entry *e = &o->entries[i];
        char **text = &stage->values[i].text;
        int64_t number = *text != NULL ? stage->values[i].number
                                       : default_number(id);
        bool differs = differs_locked(o, id, *text, number);

        if (running && !option_def(id)->reloadable) {
            changes->left[i] = differs && e->pinned == NULL;
            continue;
        }
        if (e->pinned != NULL) {
            number = e->pinned_number;
            differs = differs_locked(o, id, e->pinned, number);
            mem_free(*text);
            *text = NULL;
        }
        changes->changed[i] = differs;
        exchange_locked(o, id, text, number);
    }
    if (!same_logins(&o->logins, &stage->logins)) {
        old = o->logins;
        o->logins = stage->logins;
        stage->logins = old;
        changes->changed[OPT_AUTH_LOGIN_ALLOW] = true;
    }
}
