/* SPDX-License-Identifier: BSD-2-Clause */
/* Staged configurations, and the list of users that they carry. */
#include "server/core/options_stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"

MEM_TYPE(mt_stage, "server.core", "options_stage");
MEM_TYPE(mt_login, "server.core", "login");
MEM_TYPE(mt_option_text, "server.core", "option_text");

/* Passwords do not lie about in free memory. */
static void
free_secret(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    mem_free(secret);
}

static struct option_login *
login_entry(const struct option_logins *logins, const char *user)
{
    for (size_t i = 0; i < logins->count; i++) {
        if (strcmp(logins->list[i].user, user) == 0)
            return &logins->list[i];
    }
    return NULL;
}

const char *
option_logins_find(const struct option_logins *logins, const char *user)
{
    const struct option_login *login = login_entry(logins, user);

    return login != NULL ? login->password : NULL;
}

static bool
is_login_text(const char *text)
{
    size_t bytes = strnlen(text, OPTION_LOGIN_BYTES_MAX);

    return bytes > 0 && bytes < OPTION_LOGIN_BYTES_MAX;
}

/* Room for one more user, with the name in it. */
static int
add_login(struct option_logins *logins, const char *user, char *password)
{
    struct option_login *list;
    char *name;

    if (logins->count >= OPTION_LOGINS_MAX)
        return -E2BIG;
    name = mem_strdup(&mt_login, user);
    if (name == NULL)
        return -ENOMEM;
    list = mem_realloc(&mt_login, logins->list,
                       (logins->count + 1) * sizeof(*list));
    if (list == NULL) {
        mem_free(name);
        return -ENOMEM;
    }
    logins->list = list;
    logins->list[logins->count++] = (struct option_login){name, password};
    /* cppcheck-suppress memleak ; it is in the list */
    return 0;
}

int
option_logins_set(struct option_logins *logins, const char *user,
                  const char *password)
{
    struct option_login *old = login_entry(logins, user);
    char *copy;
    int err = 0;

    if (!is_login_text(user) || !is_login_text(password))
        return -EINVAL;
    copy = mem_strdup(&mt_login, password);
    if (copy == NULL)
        return -ENOMEM;
    if (old != NULL) {
        free_secret(old->password);
        old->password = copy;
    } else {
        err = add_login(logins, user, copy);
        if (err < 0)
            free_secret(copy);
    }
    return err;
}

void
option_logins_clear(struct option_logins *logins)
{
    for (size_t i = 0; i < logins->count; i++) {
        mem_free(logins->list[i].user);
        free_secret(logins->list[i].password);
    }
    mem_free(logins->list);
    *logins = (struct option_logins){0};
}

struct options_stage *
options_stage_new(void)
{
    return mem_zalloc(&mt_stage, sizeof(struct options_stage));
}

void
options_stage_free(struct options_stage **stagep)
{
    struct options_stage *stage = *stagep;

    *stagep = NULL;
    if (stage == NULL)
        return;
    for (int i = 0; i < OPTIONS_COUNT; i++)
        mem_free(stage->values[i].text);
    option_logins_clear(&stage->logins);
    mem_free(stage);
}

int
options_stage_set(struct options_stage *stage, enum option_id id,
                  const char *value, char err[OPTION_ERROR_BYTES])
{
    struct option_value parsed;
    char *text;
    int result = option_value_parse(option_def(id), value, &parsed, err);

    if (result < 0)
        return result;
    text = mem_strndup(&mt_option_text, parsed.text, parsed.text_bytes);
    if (text == NULL) {
        (void)snprintf(err, OPTION_ERROR_BYTES, "%s: no memory",
                       option_def(id)->key);
        return -ENOMEM;
    }
    mem_free(stage->values[id].text);
    stage->values[id].text = text;
    stage->values[id].number = parsed.number;
    return 0;
}

int
options_stage_login(struct options_stage *stage, const char *user,
                    const char *password, char err[OPTION_ERROR_BYTES])
{
    int result = option_logins_set(&stage->logins, user, password);

    if (result == -EINVAL)
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "user '%.100s': name and password must have 1 to %d "
                       "characters",
                       user, OPTION_LOGIN_BYTES_MAX - 1);
    else if (result < 0)
        (void)snprintf(err, OPTION_ERROR_BYTES, "user '%.100s': %s", user,
                       result == -E2BIG ? "too many users" : "no memory");
    return result;
}

void
options_stage_commit(struct options_stage *stage, struct options *o,
                     bool running, void (*warn)(void *arg, const char *text),
                     void *arg)
{
    struct options_changes changes = {0};
    char text[OPTION_ERROR_BYTES];

    options_swap(o, stage, running, &changes);
    for (int i = 0; i < OPTIONS_COUNT && warn != NULL; i++) {
        if (!changes.left[i])
            continue;
        (void)snprintf(text, sizeof(text),
                       "%s has changed, which a restart will put in force",
                       option_def((enum option_id)i)->key);
        warn(arg, text);
    }
    options_notify(o, changes.changed);
}

int
options_load_none(struct options *o)
{
    struct options_stage *stage = options_stage_new();

    if (stage == NULL)
        return -ENOMEM;
    options_stage_commit(stage, o, true, NULL, NULL);
    options_stage_free(&stage);
    return 0;
}
