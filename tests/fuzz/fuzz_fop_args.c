/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of every file operation: the first byte picks the procedure. What
 * decodes must be within the bounds that handlers rely on. */
#include <string.h>

#include "mem/arena.h"
#include "mem/must.h"
#include "server/wire/args.h"
#include "tests/fuzz/target.h"

MEM_TYPE(mt_fuzz, "tests", "arena");

static void
check_dict(const struct dict *d)
{
    uint32_t i;

    must(d->count <= DICT_PAIRS_MAX);
    for (i = 0; i < d->count; i++) {
        const struct dict_pair *p = &d->pairs[i];

        must(strlen(p->key) >= 1 && strlen(p->key) <= DICT_KEY_BYTES_MAX);
        if (p->type == DICT_STR)
            must(p->bytes >= 1 && p->data[p->bytes - 1] == '\0');
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fop_args args;
    const struct fop_def *fop;
    struct arena arena;

    if (size < 1)
        return 0;
    fop = &fop_table[data[0] % FOP_PROCS];
    if (fop->name == NULL)
        return 0;
    arena_init(&arena, &mt_fuzz, NULL, 0);
    if (fop_args_decode(&args, fop, data + 1, size - 1, &arena) == 0) {
        check_dict(&args.xdata);
        check_dict(&args.dict);
        must(strlen(args.name) <= WIRE_STRING_BYTES_MAX);
        must(args.flock.owner_bytes <= WIRE_OWNER_BYTES_MAX);
    }
    if (fop->proc == FOP_WRITE) {
        size_t head = 0;
        int err = fop_write_split(data + 1, size - 1, &head);

        must(err != 0 || head <= 52 + 64 * 1024);
    }
    arena_release(&arena);
    return 0;
}
