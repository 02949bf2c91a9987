/* SPDX-License-Identifier: BSD-2-Clause */
/* The option table itself and its keys: exact, or nearly. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"
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

enum { KEY_BYTES_MAX = 64 }; /* nothing longer is like any key */

static size_t
min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Levenshtein's: insertions, deletions and replacements from a to b. */
static size_t
edit_distance(const char *a, const char *b)
{
    size_t row[KEY_BYTES_MAX + 1];
    size_t a_bytes = strlen(a), b_bytes = strlen(b);

    must(b_bytes <= KEY_BYTES_MAX);
    for (size_t j = 0; j <= b_bytes; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_bytes; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_bytes; j++) {
            size_t above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1,
                          diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_bytes];
}

const char *
option_nearest(const char *key)
{
    size_t bytes = strlen(key), best = SIZE_MAX;
    const char *nearest = NULL;

    if (bytes > KEY_BYTES_MAX)
        return NULL;
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const char *forms[] = {defs[i].key, bare_name(&defs[i]),
                               defs[i].volume_key};

        for (size_t f = 0; f < COUNT_OF(forms); f++) {
            size_t distance;

            if (forms[f] == NULL)
                continue;
            distance = edit_distance(key, forms[f]);
            if (distance < best) {
                best = distance;
                nearest = defs[i].key;
            }
        }
    }
    /* More than a third of it wrong is not a slip of the finger. */
    return best <= 1 + bytes / 3 ? nearest : NULL;
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
