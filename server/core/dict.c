/* SPDX-License-Identifier: BSD-2-Clause */
/* The dictionary: a growing array in the request's arena, searched in order.
 * Old arrays stay behind in the arena; with doubling that is at most as much
 * again. */
#include "server/core/dict.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "mem/must.h"

enum { DICT_FIRST_PAIRS = 8 };

void
dict_init(struct dict *d, struct arena *arena)
{
    *d = (struct dict){.arena = arena, .null = true};
}

const struct dict_pair *
dict_find(const struct dict *d, const char *key)
{
    for (uint32_t i = 0; i < d->count; i++) {
        if (strcmp(d->pairs[i].key, key) == 0)
            return &d->pairs[i];
    }
    return NULL;
}

bool
dict_has(const struct dict *d, const char *key)
{
    return dict_find(d, key) != NULL;
}

static bool
holds_bytes(const struct dict_pair *p)
{
    return p->type == DICT_STR_OLD || p->type == DICT_STR ||
           p->type == DICT_PTR;
}

/* Decimal with an optional sign; a NUL may end it. */
static int
parse_decimal(const uint8_t *data, size_t bytes, int64_t *out)
{
    bool negative = false;
    int64_t value = 0;
    size_t i = 0;

    if (bytes > 0 && data[bytes - 1] == '\0')
        bytes--;
    if (i < bytes && (data[i] == '-' || data[i] == '+'))
        negative = data[i++] == '-';
    if (i == bytes)
        return -EINVAL;
    for (; i < bytes; i++) {
        int digit = data[i] - '0';

        if (digit < 0 || digit > 9)
            return -EINVAL;
        /* Built up below zero, where there is room for INT64_MIN. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return -EINVAL;
    }
    if (!negative && value == INT64_MIN)
        return -EINVAL;
    *out = negative ? value : -value;
    return 0;
}

int
dict_i64(const struct dict *d, const char *key, int64_t *out)
{
    const struct dict_pair *p = dict_find(d, key);

    if (p == NULL)
        return -ENOENT;
    if (p->type == DICT_INT) {
        *out = p->i;
        return 0;
    }
    if (p->type == DICT_UINT) {
        if (p->u > INT64_MAX)
            return -EINVAL;
        *out = (int64_t)p->u;
        return 0;
    }
    return holds_bytes(p) ? parse_decimal(p->data, p->bytes, out) : -EINVAL;
}

const char *
dict_str(const struct dict *d, const char *key)
{
    const struct dict_pair *p = dict_find(d, key);

    if (p == NULL) {
        errno = ENOENT;
        return NULL;
    }
    if (!holds_bytes(p) || p->bytes == 0 ||
        memchr(p->data, '\0', p->bytes) != p->data + p->bytes - 1) {
        errno = EINVAL;
        return NULL;
    }
    return (const char *)p->data;
}

int
dict_gfid(const struct dict *d, const char *key, struct gfid *out)
{
    const struct dict_pair *p = dict_find(d, key);

    if (p == NULL)
        return -ENOENT;
    if ((p->type != DICT_GFUUID && p->type != DICT_PTR) ||
        p->bytes != GFID_BYTES)
        return -EINVAL;
    memcpy(out->b, p->data, GFID_BYTES);
    return 0;
}

static int
stored_text(const char *text, const uint8_t **data, uint32_t *bytes)
{
    if (text == NULL)
        return -ENOMEM;
    *data = (const uint8_t *)text;
    *bytes = (uint32_t)strlen(text) + 1;
    return 0;
}

int
dict_pair_stored(const struct dict_pair *p, struct arena *arena,
                 const uint8_t **data, uint32_t *bytes)
{
    switch (p->type) {
    case DICT_STR_OLD:
    case DICT_STR:
    case DICT_PTR:
    case DICT_GFUUID:
        *data = p->data;
        *bytes = p->bytes;
        return 0;
    case DICT_INT:
        return stored_text(arena_printf(arena, "%" PRId64, p->i), data, bytes);
    case DICT_UINT:
        return stored_text(arena_printf(arena, "%" PRIu64, p->u), data, bytes);
    case DICT_DOUBLE:
        return stored_text(arena_printf(arena, "%f", p->d), data, bytes);
    case DICT_IATT:
    case DICT_MDATA:
        break;
    }
    return -EINVAL;
}

int
dict_reserve(struct dict *d, uint32_t capacity)
{
    struct dict_pair *pairs;

    must(capacity <= DICT_PAIRS_MAX);
    if (capacity <= d->capacity)
        return 0;
    pairs = arena_alloc(d->arena, capacity * sizeof(*pairs));
    if (pairs == NULL)
        return -ENOMEM;
    if (d->count > 0)
        memcpy(pairs, d->pairs, d->count * sizeof(*pairs));
    d->pairs = pairs;
    d->capacity = capacity;
    return 0;
}

static int
make_room(struct dict *d)
{
    uint32_t capacity = d->capacity == 0 ? DICT_FIRST_PAIRS : d->capacity * 2;

    if (d->count < d->capacity)
        return 0;
    if (d->count >= DICT_PAIRS_MAX)
        return -E2BIG;
    return dict_reserve(d, capacity < DICT_PAIRS_MAX ? capacity
                                                     : DICT_PAIRS_MAX);
}

void
dict_append(struct dict *d, const struct dict_pair *pair)
{
    must(d->count < d->capacity);
    d->pairs[d->count++] = *pair;
    d->null = false;
}

int
dict_set_pair(struct dict *d, const struct dict_pair *pair)
{
    struct dict_pair *old = (struct dict_pair *)dict_find(d, pair->key);
    int err;

    if (old != NULL) {
        *old = *pair;
        return 0;
    }
    err = make_room(d);
    if (err < 0)
        return err;
    dict_append(d, pair);
    return 0;
}

int
dict_set_i64(struct dict *d, const char *key, int64_t v)
{
    return dict_set_pair(d, &(struct dict_pair){.key = key,
                                                .type = DICT_INT,
                                                .bytes = sizeof(v),
                                                .i = v});
}

int
dict_set_u64(struct dict *d, const char *key, uint64_t v)
{
    return dict_set_pair(d, &(struct dict_pair){.key = key,
                                                .type = DICT_UINT,
                                                .bytes = sizeof(v),
                                                .u = v});
}

int
dict_set_double(struct dict *d, const char *key, double v)
{
    return dict_set_pair(d, &(struct dict_pair){.key = key,
                                                .type = DICT_DOUBLE,
                                                .bytes = sizeof(v),
                                                .d = v});
}

int
dict_set_str(struct dict *d, const char *key, const char *s)
{
    size_t bytes = strlen(s) + 1;

    if (bytes > UINT32_MAX)
        return -E2BIG;
    return dict_set_pair(d, &(struct dict_pair){.key = key,
                                                .type = DICT_STR,
                                                .bytes = (uint32_t)bytes,
                                                .data = (const uint8_t *)s});
}

int
dict_set_ptr(struct dict *d, const char *key, const void *p, uint32_t bytes)
{
    return dict_set_pair(d, &(struct dict_pair){.key = key,
                                                .type = DICT_PTR,
                                                .bytes = bytes,
                                                .data = p});
}

int
dict_set_gfid(struct dict *d, const char *key, const struct gfid *g)
{
    return dict_set_pair(d, &(struct dict_pair){.key = key,
                                                .type = DICT_GFUUID,
                                                .bytes = GFID_BYTES,
                                                .data = g->b});
}

int
dict_set_iatt(struct dict *d, const char *key, const struct iatt *ia)
{
    return dict_set_pair(d, &(struct dict_pair){.key = key,
                                                .type = DICT_IATT,
                                                .iatt = ia});
}

/* Keeps the order of the others: replies list pairs as they were set. */
void
dict_remove(struct dict *d, const char *key)
{
    const struct dict_pair *p = dict_find(d, key);
    size_t at;

    if (p == NULL)
        return;
    at = (size_t)(p - d->pairs);
    memmove(&d->pairs[at], &d->pairs[at + 1],
            (d->count - at - 1) * sizeof(*p));
    d->count--;
}
