/* SPDX-License-Identifier: BSD-2-Clause */
/* The option table itself and its keys: exact, or nearly. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"
#include "server/core/nearest.h"
#include "server/core/option_value.h"
#include "server/core/options.h"

/* clang-format off */
static const struct option_def defs[OPTIONS_COUNT] = {
#define OPTION(id_, key_, volume_key_, type_, min_, max_, choices_, def_,      \
               reloadable_, help_)                                             \
    [OPT_##id_] = {.key = key_, .volume_key = volume_key_, .type = type_,      \
                   .min = min_, .max = max_, .choices = choices_,              \
                   .def = def_, .reloadable = reloadable_, .help = help_},
#include "server/core/option_list.h"
#undef OPTION
};
/* clang-format on */

const struct option_def *
option_def(enum option_id id)
{
    must((unsigned)id < OPTIONS_COUNT);
    return &defs[id];
}

static const char *
bare_name(const struct option_def *def)
{
    const char *dot = strchr(def->key, '.');

    must(dot != NULL);
    return dot + 1;
}

int
option_find(const char *key)
{
    int found = -1;

    for (int i = 0; i < OPTIONS_COUNT; i++) {
        if (strcmp(key, defs[i].key) == 0 ||
            (defs[i].volume_key != NULL &&
             strcmp(key, defs[i].volume_key) == 0))
            return i;
    }
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        if (strcmp(key, bare_name(&defs[i])) != 0)
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

/* By any of the forms that option_find() takes; the answer is the full key. */
const char *
option_nearest(const char *key)
{
    const char *forms[3 * OPTIONS_COUNT];
    const char *keys[3 * OPTIONS_COUNT];
    const char *near;
    size_t count = 0, i;

    for (int id = 0; id < OPTIONS_COUNT; id++) {
        const char *of[] = {defs[id].key, bare_name(&defs[id]),
                            defs[id].volume_key};

        for (i = 0; i < COUNT_OF(of); i++) {
            if (of[i] == NULL)
                continue;
            forms[count] = of[i];
            keys[count++] = defs[id].key;
        }
    }
    near = nearest(key, forms, count);
    for (i = 0; i < count && near != NULL; i++)
        if (forms[i] == near)
            return keys[i];
    return NULL;
}

void
options_print_table(FILE *out)
{
    char range[256];

    for (int i = 0; i < OPTIONS_COUNT; i++)
        fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", defs[i].key,
                option_type_name(defs[i].type),
                option_range_text(&defs[i], range, sizeof(range)),
                defs[i].def != NULL ? defs[i].def : "-",
                defs[i].reloadable ? "yes" : "no", defs[i].help);
}
