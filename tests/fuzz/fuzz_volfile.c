/* SPDX-License-Identifier: BSD-2-Clause */
/* A volfile; one that is read has the shape that others rely on, and is mapped
 * onto options or refused with a reason. */
#include "tests/fuzz/target.h"

#include <errno.h>
#include <string.h>

#include "mem/must.h"
#include "server/core/volfile.h"

static void
check_note(void *arg, const char *line)
{
    must(line[0] != '\0');
    must(strchr(line, '\n') == NULL);
}

static void
check_shape(const struct volfile *v)
{
    must(v->count > 0);
    for (size_t i = 0; i < v->count; i++) {
        const struct volfile_xlator *x = &v->xlators[i];

        must(x->name[0] != '\0' && x->type[0] != '\0');
        must(x->options_count + x->children_count > 0);
        for (size_t c = 0; c < x->children_count; c++)
            must(x->children[c] < i);
        for (size_t j = 0; j < x->options_count; j++)
            must(x->options[j].key[0] != '\0' &&
                 x->options[j].value[0] != '\0');
    }
}

static void
check_mapping(const struct volfile *v)
{
    struct options *o = options_new();
    char err[VOLFILE_ERROR_BYTES] = "";
    int result;

    must(o != NULL);
    result = volfile_apply(v, o, false, err, check_note, NULL);
    must((result == 0) != options_is_default(o, OPT_BRICK_DIRECTORY));
    must((result == 0) == (err[0] == '\0'));
    options_free(&o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char err[VOLFILE_ERROR_BYTES] = "";
    struct volfile *v;
    int result =
        volfile_parse(&v, (const char *)data, size, "fuzz", err);

    must(result == 0 || result == -EINVAL);
    must((result == 0) == (v != NULL));
    must((result == 0) == (err[0] == '\0'));
    if (v != NULL) {
        check_shape(v);
        check_mapping(v);
        (void)volfile_override(v, "*-posix.directory=/x", err);
        check_shape(v);
        volfile_free(&v);
    }
    return 0;
}
