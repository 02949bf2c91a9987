/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The binary dictionary of the handshake, callback and management programs:
 * be32 count, then per pair be32 key length, be32 value length, key, NUL,
 * value.  Read as views; written through a builder.
 */
#ifndef CLINKER_RPC_DICT_H
#define CLINKER_RPC_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/arena.h"

enum { RPC_DICT_PAIRS_MAX = 1024, RPC_DICT_KEY_BYTES_MAX = 1024 };

struct rpc_dict_pair {
    const char *key; /* NUL-terminated, a view */
    uint32_t key_bytes;
    const uint8_t *value; /* a view */
    uint32_t value_bytes;
};

struct rpc_dict {
    struct arena *arena; /* where pairs live */
    struct rpc_dict_pair *pairs;
    uint32_t count;
    uint32_t capacity;
};

void rpc_dict_init(struct rpc_dict *d, struct arena *arena);
/* 0; -EINVAL when lengths lie, a key is empty, not terminated or has a NUL in
 * it, or a bound is passed; -ENOMEM.  bytes 0 is -EINVAL (an absent dictionary
 * is the caller's case). */
int rpc_dict_decode(struct rpc_dict *d, const uint8_t *bytes, size_t len);
/* The value if it is there and a proper C string (ends in its only NUL). */
const char *rpc_dict_str(const struct rpc_dict *d, const char *key);
const struct rpc_dict_pair *rpc_dict_find(const struct rpc_dict *d,
                                          const char *key);
/* Decimal text; -ENOENT, -EINVAL. */
int rpc_dict_i64(const struct rpc_dict *d, const char *key, int64_t *out);

/* Setters copy into the arena; 0 or -ENOMEM. */
int rpc_dict_set(struct rpc_dict *d, const char *key, const void *value,
                 uint32_t bytes);
int rpc_dict_set_str(struct rpc_dict *d, const char *key, const char *s);
int rpc_dict_set_fmt(struct rpc_dict *d, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t rpc_dict_encoded_bytes(const struct rpc_dict *d);
/* Writes rpc_dict_encoded_bytes() bytes. */
void rpc_dict_encode(const struct rpc_dict *d, uint8_t *out);

#endif
