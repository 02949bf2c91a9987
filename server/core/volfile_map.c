/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a brick's volfile to our options.  The rules stand in volfile_rules.h;
 * here are the shape that a brick's graph must have, the few options that need
 * thought, and what an absent translator means.
 */
#include "server/core/volfile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/escape.h"
#include "server/core/options_stage.h"

MEM_TYPE(mt_map, "server.core", "volfile");

enum xlator_how { HAVE, NOTE, REFUSE };

enum rule_what {
    SET,
    SILENT,
    TELL,
    TELL_ON,
    REFUSE_ON,
    REFUSE_OFF,
    REFUSE_UNLESS_OFF,
    AUTH,
    TRANSPORT,
};

/* A row is a translator (option NULL) or an option of the one before it. */
static const struct row {
    const char *type;
    enum xlator_how how;
    const char *option;
    enum rule_what what;
    const char *key;
} rows[] = {
#define XLATOR(type_, how_) {.type = type_, .how = how_},
#define RULE(option_, what_, key_)                                             \
    {.option = option_, .what = what_, .key = key_},
#include "server/core/volfile_rules.h"
#undef XLATOR
#undef RULE
};

static const struct {
    const char *alias, *type;
} type_aliases[] = {
    {"features/posix-locks", "features/locks"},
    {"system/posix-acl", "features/access-control"},
};

struct mapping {
    const struct volfile *v;
    const struct volfile_xlator *server;
    const struct volfile_xlator *brick; /* the server's child */
    struct options_stage *stage;
    bool has_own_allow, has_own_reject; /* lists that name the brick */
    char *err;
    void (*note)(void *arg, const char *line);
    void *arg;
};

static int __attribute__((format(printf, 3, 4)))
fail(struct mapping *m, int result, const char *fmt, ...)
{
    char raw[2 * VOLFILE_ERROR_BYTES];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    must(n >= 0);
    (void)escape_line(m->err, VOLFILE_ERROR_BYTES, raw, strlen(raw), NULL);
    return result;
}

static void __attribute__((format(printf, 2, 3)))
tell(struct mapping *m, const char *fmt, ...)
{
    char raw[2 * VOLFILE_ERROR_BYTES], line[2 * VOLFILE_ERROR_BYTES];
    va_list ap;
    int n;

    if (m->note == NULL)
        return;
    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    must(n >= 0);
    (void)escape_line(line, sizeof(line), raw, strlen(raw), NULL);
    m->note(m->arg, line);
}

static const char *
canonical_type(const char *type)
{
    for (size_t i = 0; i < COUNT_OF(type_aliases); i++) {
        if (strcmp(type, type_aliases[i].alias) == 0)
            return type_aliases[i].type;
    }
    return type;
}

static const struct row *
find_type(const char *type)
{
    type = canonical_type(type);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].type != NULL && strcmp(rows[i].type, type) == 0)
            return &rows[i];
    }
    return NULL;
}

static bool
option_matches(const char *pattern, const char *key)
{
    size_t bytes = strlen(pattern);

    if (pattern[bytes - 1] == '*')
        return strncmp(pattern, key, bytes - 1) == 0;
    return strcmp(pattern, key) == 0;
}

static const struct row *
find_rule(const struct row *type, const char *key)
{
    const struct row *exact = NULL, *wild = NULL;
    const struct row *end = rows + COUNT_OF(rows);

    for (const struct row *r = type + 1; r < end && r->type == NULL; r++) {
        if (strcmp(r->option, key) == 0)
            exact = r;
        else if (wild == NULL && option_matches(r->option, key))
            wild = r;
    }
    return exact != NULL ? exact : wild;
}

/* A switch that is on: a boolean word, or any number but 0. */
static int
read_switch(const char *value, bool *on)
{
    static const struct option_def boolean = {.key = "", .type = OPTION_BOOL};
    static const struct option_def number = {
        .key = "", .type = OPTION_INT, .min = INT64_MIN, .max = INT64_MAX};
    char err[OPTION_ERROR_BYTES];
    struct option_value parsed;

    if (option_value_parse(&boolean, value, &parsed, err) < 0 &&
        option_value_parse(&number, value, &parsed, err) < 0)
        return -EINVAL;
    *on = parsed.number != 0;
    return 0;
}

static int
set_key(struct mapping *m, const struct volfile_xlator *x,
        const struct volfile_option *o, const char *key)
{
    char what[OPTION_ERROR_BYTES];
    int id = option_find(key), result;

    must(id >= 0);
    result = options_stage_set(m->stage, (enum option_id)id, o->value, what);
    if (result < 0)
        return fail(m, result, "%.100s, option %.100s: %s", x->name, o->key,
                    what);
    return 0;
}

static int
refuse_option(struct mapping *m, const struct volfile_xlator *x,
              const struct volfile_option *o)
{
    return fail(m, -ENOTSUP,
                "%.100s (%.60s): option %.100s is '%.60s', which clients may "
                "rely on and this server does not have",
                x->name, x->type, o->key, o->value);
}

static void
tell_option(struct mapping *m, const struct volfile_xlator *x,
            const struct volfile_option *o)
{
    tell(m, "%.100s (%.60s): option %.100s is left out", x->name, x->type,
         o->key);
}

/* transport-type: a list, of which we have sockets. */
static int
map_transport(struct mapping *m, const struct volfile_xlator *x,
              const struct volfile_option *o)
{
    bool socket = false, others = false, local = false;
    const char *p = o->value;

    for (;; p++) {
        size_t n = strcspn(p, ",");

        if ((n == 3 && strncmp(p, "tcp", n) == 0) ||
            (n == 6 && strncmp(p, "socket", n) == 0))
            socket = true;
        else if (n == 4 && strncmp(p, "unix", n) == 0)
            local = true;
        else
            others = true;
        p += n;
        if (*p == '\0')
            break;
    }
    if (!socket && !local)
        return refuse_option(m, x, o);
    if (others)
        tell(m, "%.100s: of transport-type '%.60s' only sockets are served",
             x->name, o->value);
    /* An address family that is named outranks this. */
    if (!socket && m->stage->values[OPT_ADDRESS_FAMILY].text == NULL) {
        char unix_word[] = "unix";
        const struct volfile_option family = {o->key, unix_word};

        return set_key(m, x, &family, "server.address-family");
    }
    return 0;
}

/* "HEAD name TAIL" -> name; false when the key has not that form. */
static bool
between(const char *key, const char *head, const char *tail, const char **name,
        size_t *bytes)
{
    size_t key_bytes = strlen(key);
    size_t head_bytes = strlen(head), tail_bytes = strlen(tail);

    if (key_bytes <= head_bytes + tail_bytes ||
        strncmp(key, head, head_bytes) != 0 ||
        strcmp(key + key_bytes - tail_bytes, tail) != 0)
        return false;
    *name = key + head_bytes;
    *bytes = key_bytes - head_bytes - tail_bytes;
    return true;
}

/* auth.addr.NAME.allow and its like. 1: it is not of that form. */
static int
map_named_list(struct mapping *m, const struct volfile_xlator *x,
               const struct volfile_option *o, const char *head,
               const char *tail, const char *key, bool *own)
{
    const char *name;
    size_t bytes;

    if (!between(o->key, head, tail, &name, &bytes))
        return 1;
    if (strlen(m->brick->name) != bytes ||
        strncmp(m->brick->name, name, bytes) != 0) {
        tell(m, "%.100s: option %.100s names no brick here, and is left out",
             x->name, o->key);
        return 0;
    }
    *own = true;
    return set_key(m, x, o, key);
}

static int
map_login(struct mapping *m, const struct volfile_xlator *x,
          const struct volfile_option *o, const char *user, size_t bytes)
{
    AUTO_FREE char *name = mem_strndup(&mt_map, user, bytes);
    char what[OPTION_ERROR_BYTES];
    int result;

    if (name == NULL)
        return fail(m, -ENOMEM, "no memory");
    result = options_stage_login(m->stage, name, o->value, what);
    return result < 0 ? fail(m, result, "%.100s: %s", x->name, what) : 0;
}

static int
map_auth(struct mapping *m, const struct volfile_xlator *x,
         const struct volfile_option *o)
{
    static const char *const heads[] = {"auth.addr.", "auth.ip."};
    const char *user;
    bool ignored;
    size_t bytes;
    int result;

    if (strcmp(o->key, "auth-path") == 0)
        return 0;
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        result = map_named_list(m, x, o, heads[i], ".allow", "auth.allow",
                                &m->has_own_allow);
        if (result <= 0)
            return result;
        result = map_named_list(m, x, o, heads[i], ".reject", "auth.reject",
                                &m->has_own_reject);
        if (result <= 0)
            return result;
    }
    /* The brick's own list outranks the one for all. */
    if (strcmp(o->key, "auth.allow") == 0)
        return m->has_own_allow ? 0 : set_key(m, x, o, "auth.allow");
    if (strcmp(o->key, "auth.reject") == 0)
        return m->has_own_reject ? 0 : set_key(m, x, o, "auth.reject");
    /* Only TLS has certificate names. */
    if (between(o->key, "auth.login.", ".ssl-allow", &user, &bytes) ||
        strcmp(o->key, "auth.ssl-allow") == 0)
        return 0;
    if (between(o->key, "auth.login.", ".password", &user, &bytes))
        return map_login(m, x, o, user, bytes);
    result = map_named_list(m, x, o, "auth.login.", ".allow",
                            "auth.login-allow", &ignored);
    if (result <= 0)
        return result;
    /* A rule that is not understood might have kept somebody out. */
    return refuse_option(m, x, o);
}

static int
map_switch(struct mapping *m, const struct volfile_xlator *x,
           const struct volfile_option *o, enum rule_what what)
{
    bool on;

    if (read_switch(o->value, &on) < 0)
        return fail(m, -EINVAL, "%.100s, option %.100s: '%.60s' is not %s",
                    x->name, o->key, o->value, "on or off");
    if ((what == REFUSE_ON && on) || (what == REFUSE_OFF && !on))
        return refuse_option(m, x, o);
    if (what == TELL_ON && on)
        tell_option(m, x, o);
    return 0;
}

static int
map_option(struct mapping *m, const struct volfile_xlator *x,
           const struct row *type, const struct volfile_option *o)
{
    const struct row *rule = find_rule(type, o->key);

    if (rule == NULL) {
        tell(m, "%.100s (%.60s): option %.100s is not known, and is left out",
             x->name, x->type, o->key);
        return 0;
    }
    switch (rule->what) {
    case SET:
        return set_key(m, x, o, rule->key);
    case TELL:
        tell_option(m, x, o);
        return 0;
    case TELL_ON:
    case REFUSE_ON:
    case REFUSE_OFF:
        return map_switch(m, x, o, rule->what);
    case REFUSE_UNLESS_OFF:
        return strcmp(o->value, "off") == 0 ? 0 : refuse_option(m, x, o);
    case AUTH:
        return map_auth(m, x, o);
    case TRANSPORT:
        return map_transport(m, x, o);
    case SILENT:
        break;
    }
    return 0;
}

static int
map_xlator(struct mapping *m, const struct volfile_xlator *x)
{
    const struct row *type = find_type(x->type);

    if (type == NULL)
        return fail(m, -ENOTSUP, "%.100s: translator type %.100s is not known",
                    x->name, x->type);
    if (type->how == REFUSE)
        return fail(m, -ENOTSUP,
                    "%.100s: translator %.100s, which clients may rely on, is "
                    "not supported",
                    x->name, x->type);
    if (type->how == NOTE) {
        tell(m, "%.100s: translator %.100s is left out", x->name, x->type);
        return 0;
    }
    for (size_t i = 0; i < x->options_count; i++) {
        int result = map_option(m, x, type, &x->options[i]);

        if (result < 0)
            return result;
    }
    return 0;
}

static bool
is_type(const struct volfile_xlator *x, const char *type)
{
    return strcmp(canonical_type(x->type), type) == 0;
}

static bool
has_type(const struct volfile *v, const char *type)
{
    for (size_t i = 0; i < v->count; i++) {
        if (is_type(&v->xlators[i], type))
            return true;
    }
    return false;
}

/* One chain from protocol/server down to storage/posix, and nothing beside
 * it.  Children come before parents, so walking down ends. */
static int
check_shape(struct mapping *m)
{
    const struct volfile *v = m->v;
    const struct volfile_xlator *x;
    size_t seen = 1;

    must(v->count > 0);
    x = m->server = &v->xlators[v->count - 1];
    if (!is_type(x, "protocol/server"))
        return fail(m, -EINVAL,
                    "%.100s (%.60s) is on top of the volfile: a brick's has "
                    "protocol/server there",
                    x->name, x->type);
    while (x->children_count > 0) {
        if (x->children_count > 1)
            return fail(m, -ENOTSUP,
                        "%.100s (%.60s) has %zu subvolumes: a brick's has one",
                        x->name, x->type, x->children_count);
        x = &v->xlators[x->children[0]];
        seen++;
        if (is_type(x, "protocol/server"))
            return fail(m, -EINVAL, "%.100s: protocol/server below another",
                        x->name);
        if (m->brick == NULL)
            m->brick = x;
    }
    if (!is_type(x, "storage/posix"))
        return fail(m, -EINVAL,
                    "%.100s (%.60s) is at the bottom of the volfile: a "
                    "brick's has storage/posix there",
                    x->name, x->type);
    if (seen != v->count)
        return fail(m, -ENOTSUP,
                    "the volfile has translators that %.100s does not stand "
                    "on",
                    m->server->name);
    return 0;
}

static int
set_text(struct mapping *m, enum option_id id, const char *text)
{
    char what[OPTION_ERROR_BYTES];
    int result = options_stage_set(m->stage, id, text, what);

    return result < 0 ? fail(m, result, "%s", what) : 0;
}

/* What the graph says by its names. */
static int
map_names(struct mapping *m)
{
    static const char tail[] = "-server";
    AUTO_FREE char *volume = NULL;
    const char *name;
    size_t bytes;
    int result = set_text(m, OPT_BRICK_NAME, m->brick->name);

    if (result < 0 || !between(m->server->name, "", tail, &name, &bytes))
        return result;
    volume = mem_strndup(&mt_map, name, bytes);
    if (volume == NULL)
        return fail(m, -ENOMEM, "no memory");
    return set_text(m, OPT_VOLUME_NAME, volume);
}

/* Defaults that are another's in a volfile than in our own configuration. */
static int
map_absent(struct mapping *m)
{
    int result = 0;

    if (m->stage->values[OPT_BRICK_DIRECTORY].text == NULL)
        return fail(m, -EINVAL, "storage/posix has no option directory");
    /* Only newer volumes say it, and all bricks must agree. */
    if (m->stage->values[OPT_FIPS_RCHECKSUM].text == NULL)
        result = set_text(m, OPT_FIPS_RCHECKSUM, "off");
    if (result == 0 && !has_type(m->v, "features/selinux"))
        result = set_text(m, OPT_SELINUX, "off");
    /* A dispersed volume has none of these. */
    if (result == 0 && m->stage->values[OPT_INDEX_PENDING].text == NULL)
        result = set_text(m, OPT_INDEX_PENDING, "");
    /* No rule about addresses lets nobody in by address. */
    if (result == 0 && m->stage->values[OPT_AUTH_ALLOW].text == NULL)
        result = set_text(m, OPT_AUTH_ALLOW, "");
    if (!has_type(m->v, "features/access-control"))
        tell(m, "there is no features/access-control: permissions are "
                "checked all the same");
    return result;
}

static int
map_all(struct mapping *m)
{
    int result = check_shape(m);

    for (size_t i = 0; i < m->v->count && result == 0; i++)
        result = map_xlator(m, &m->v->xlators[i]);
    if (result == 0)
        result = map_names(m);
    if (result == 0)
        result = map_absent(m);
    return result;
}

int
volfile_apply(const struct volfile *v, struct options *o, bool running,
              char err[VOLFILE_ERROR_BYTES],
              void (*note)(void *arg, const char *line), void *arg)
{
    struct mapping m = {.v = v, .err = err, .note = note, .arg = arg};
    int result;

    m.stage = options_stage_new();
    if (m.stage == NULL)
        return fail(&m, -ENOMEM, "no memory");
    result = map_all(&m);
    if (result == 0)
        options_stage_commit(m.stage, o, running, note, arg);
    options_stage_free(&m.stage);
    return result;
}
