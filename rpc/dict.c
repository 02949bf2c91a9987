/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The binary dictionary.  Decoding leaves keys and values where they are; the
 * array of pairs is the only thing made, and only after the count has been
 * held against the bytes that so many pairs must take at least.
 */
#include "rpc/dict.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"

enum {
    COUNT_BYTES = 4,
    PAIR_HEAD_BYTES = 8,
    PAIR_BYTES_MIN = PAIR_HEAD_BYTES + 2, /* a key of one byte and its NUL */
    CAPACITY_FIRST = 8,
};

static uint32_t
get_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return be32toh(v);
}

static uint8_t *
put_u32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof(v));
    return p + sizeof(v);
}

void
rpc_dict_init(struct rpc_dict *d, struct arena *arena)
{
    *d = (struct rpc_dict){.arena = arena};
}

/* Take one pair from the front; returns the bytes it took or -EINVAL. */
static ssize_t
decode_pair(struct rpc_dict_pair *pair, const uint8_t *p, size_t left)
{
    uint32_t key_bytes, value_bytes;

    if (left < PAIR_HEAD_BYTES)
        return -EINVAL;
    key_bytes = get_u32(p);
    value_bytes = get_u32(p + 4);
    p += PAIR_HEAD_BYTES;
    left -= PAIR_HEAD_BYTES;
    if (key_bytes == 0 || key_bytes > RPC_DICT_KEY_BYTES_MAX ||
        left < (size_t)key_bytes + 1)
        return -EINVAL;
    if (memchr(p, '\0', (size_t)key_bytes + 1) != p + key_bytes)
        return -EINVAL;
    left -= (size_t)key_bytes + 1;
    if (value_bytes > INT32_MAX || value_bytes > left)
        return -EINVAL;
    pair->key = (const char *)p;
    pair->key_bytes = key_bytes;
    pair->value = p + key_bytes + 1;
    pair->value_bytes = value_bytes;
    return PAIR_HEAD_BYTES + (ssize_t)key_bytes + 1 + (ssize_t)value_bytes;
}

int
rpc_dict_decode(struct rpc_dict *d, const uint8_t *bytes, size_t len)
{
    struct rpc_dict_pair *pairs = NULL;
    size_t pos = COUNT_BYTES;
    uint32_t count;

    d->count = 0;
    if (len < COUNT_BYTES)
        return -EINVAL;
    count = get_u32(bytes);
    if (count > RPC_DICT_PAIRS_MAX ||
        count > (len - COUNT_BYTES) / PAIR_BYTES_MIN)
        return -EINVAL;
    if (count > d->capacity) {
        pairs = arena_alloc(d->arena, count * sizeof(*pairs));
        if (pairs == NULL)
            return -ENOMEM;
        d->pairs = pairs;
        d->capacity = count;
    }
    for (uint32_t i = 0; i < count; i++) {
        ssize_t used = decode_pair(&d->pairs[i], bytes + pos, len - pos);

        if (used < 0)
            return (int)used;
        pos += (size_t)used;
    }
    d->count = count;
    return 0;
}

/* From the back: of a key sent twice the later one holds, as on the peer. */
static struct rpc_dict_pair *
find(const struct rpc_dict *d, const char *key)
{
    size_t bytes = strlen(key);

    for (uint32_t i = d->count; i-- > 0;) {
        if (d->pairs[i].key_bytes == bytes &&
            memcmp(d->pairs[i].key, key, bytes) == 0)
            return &d->pairs[i];
    }
    return NULL;
}

const struct rpc_dict_pair *
rpc_dict_find(const struct rpc_dict *d, const char *key)
{
    return find(d, key);
}

const char *
rpc_dict_str(const struct rpc_dict *d, const char *key)
{
    const struct rpc_dict_pair *pair = find(d, key);

    if (pair == NULL || pair->value_bytes == 0 ||
        memchr(pair->value, '\0', pair->value_bytes) !=
            pair->value + pair->value_bytes - 1)
        return NULL;
    return (const char *)pair->value;
}

int
rpc_dict_i64(const struct rpc_dict *d, const char *key, int64_t *out)
{
    const char *text;
    char *end;
    long long v;

    if (find(d, key) == NULL)
        return -ENOENT;
    text = rpc_dict_str(d, key);
    /* strtoll would skip blanks and take an empty string for 0. */
    if (text == NULL || (*text != '-' && (*text < '0' || *text > '9')))
        return -EINVAL;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0')
        return -EINVAL;
    *out = v;
    return 0;
}

static int
make_room(struct rpc_dict *d)
{
    struct rpc_dict_pair *pairs;
    uint32_t capacity = d->capacity > 0 ? d->capacity * 2 : CAPACITY_FIRST;

    if (d->count < d->capacity)
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

int
rpc_dict_set(struct rpc_dict *d, const char *key, const void *value,
             uint32_t bytes)
{
    struct rpc_dict_pair *pair = find(d, key);
    uint8_t *copy = arena_alloc(d->arena, bytes > 0 ? bytes : 1);

    must(key[0] != '\0');
    if (copy == NULL)
        return -ENOMEM;
    if (bytes > 0)
        memcpy(copy, value, bytes);
    if (pair == NULL) {
        size_t key_bytes = strlen(key);
        char *key_copy = arena_strndup(d->arena, key, key_bytes);

        if (key_copy == NULL || make_room(d) != 0)
            return -ENOMEM;
        pair = &d->pairs[d->count++];
        pair->key = key_copy;
        pair->key_bytes = (uint32_t)key_bytes;
    }
    pair->value = copy;
    pair->value_bytes = bytes;
    return 0;
}

int
rpc_dict_set_str(struct rpc_dict *d, const char *key, const char *s)
{
    return rpc_dict_set(d, key, s, (uint32_t)strlen(s) + 1);
}

int
rpc_dict_set_fmt(struct rpc_dict *d, const char *key, const char *fmt, ...)
{
    va_list ap, again;
    char *text;
    int n, err = -ENOMEM;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    must(n >= 0);
    text = arena_alloc(d->arena, (size_t)n + 1);
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)n + 1, fmt, again);
        err = rpc_dict_set(d, key, text, (uint32_t)n + 1);
    }
    va_end(again);
    return err;
}

size_t
rpc_dict_encoded_bytes(const struct rpc_dict *d)
{
    size_t bytes = COUNT_BYTES;

    for (uint32_t i = 0; i < d->count; i++)
        bytes += PAIR_HEAD_BYTES + (size_t)d->pairs[i].key_bytes + 1 +
                 d->pairs[i].value_bytes;
    return bytes;
}

void
rpc_dict_encode(const struct rpc_dict *d, uint8_t *out)
{
    out = put_u32(out, d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        const struct rpc_dict_pair *pair = &d->pairs[i];

        out = put_u32(out, pair->key_bytes);
        out = put_u32(out, pair->value_bytes);
        memcpy(out, pair->key, (size_t)pair->key_bytes + 1);
        out += pair->key_bytes + 1;
        if (pair->value_bytes > 0)
            memcpy(out, pair->value, pair->value_bytes);
        out += pair->value_bytes;
    }
}
