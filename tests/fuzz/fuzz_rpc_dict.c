/* SPDX-License-Identifier: BSD-2-Clause */
/* A binary dictionary; one that decodes must survive being written again. */
#include "tests/fuzz/target.h"

#include <string.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "rpc/dict.h"

MEM_TYPE(mt_fuzz, "test", "fuzz");

static void
check_again(const struct rpc_dict *d, struct arena *arena)
{
    size_t bytes = rpc_dict_encoded_bytes(d);
    uint8_t *p = mem_alloc(&mt_fuzz, bytes);
    struct rpc_dict again;

    must(p != NULL);
    rpc_dict_encode(d, p);
    rpc_dict_init(&again, arena);
    must(rpc_dict_decode(&again, p, bytes) == 0);
    must(again.count == d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        must(strcmp(again.pairs[i].key, d->pairs[i].key) == 0);
        must(again.pairs[i].value_bytes == d->pairs[i].value_bytes);
        must(memcmp(again.pairs[i].value, d->pairs[i].value,
                    d->pairs[i].value_bytes) == 0);
    }
    mem_free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct rpc_dict d;

    arena_init(&arena, &mt_fuzz, NULL, 0);
    rpc_dict_init(&d, &arena);
    if (rpc_dict_decode(&d, data, size) == 0) {
        for (uint32_t i = 0; i < d.count; i++) {
            const char *text = rpc_dict_str(&d, d.pairs[i].key);
            int64_t v;

            must(text == NULL || strlen(text) < size);
            (void)rpc_dict_i64(&d, d.pairs[i].key, &v);
        }
        check_again(&d, &arena);
    }
    arena_release(&arena);
    return 0;
}
