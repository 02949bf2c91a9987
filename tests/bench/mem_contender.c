/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/mem_contender.h"

#include <string.h>

#define BYTES(bytes, share) bytes,
const uint16_t contender_bytes[CONTENDER_SIZES_COUNT] = {
    CONTENDER_SIZES(BYTES)};
#define SHARE(bytes, share) share,
const uint8_t contender_share[CONTENDER_SIZES_COUNT] = {
    CONTENDER_SIZES(SHARE)};

#ifdef CONTENDER_OURS
#define TYPE(bytes, share) {.module = "bench", .name = "of " #bytes},
struct mem_type contender_types[CONTENDER_SIZES_COUNT] = {
    CONTENDER_SIZES(TYPE)};
struct mem_pool *contender_pools[CONTENDER_SIZES_COUNT];
/* Types of their own, as no program uses one for both. */
static struct mem_type pool_types[CONTENDER_SIZES_COUNT] = {
    CONTENDER_SIZES(TYPE)};

void
contender_init(void)
{
    for (unsigned i = 0; i < CONTENDER_SIZES_COUNT; i++) {
        contender_pools[i] =
            mem_pool_new(&pool_types[i], contender_bytes[i], NULL);
        must(contender_pools[i] != NULL);
    }
}

bool
contender_api_parse(const char *name, enum contender_api *api)
{
    *api = strcmp(name, "pool") == 0 ? CONTENDER_POOL : CONTENDER_TYPED;
    return *api == CONTENDER_POOL || strcmp(name, "typed") == 0;
}
#else
void
contender_init(void)
{
}

bool
contender_api_parse(const char *name, enum contender_api *api)
{
    *api = CONTENDER_TYPED;
    return strcmp(name, "malloc") == 0;
}
#endif
