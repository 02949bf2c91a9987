/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A typed dictionary in memory: xdata of requests (views into the record) and
 * of replies.  Pairs live in an arena and die with the request.  Small enough
 * that a linear search beats anything else.
 */
#ifndef CLINKER_SERVER_CORE_DICT_H
#define CLINKER_SERVER_CORE_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/arena.h"
#include "server/core/iatt.h"

/* The tags of the wire. */
enum dict_type {
    DICT_STR_OLD = 1,
    DICT_INT = 2,
    DICT_UINT = 3,
    DICT_DOUBLE = 4,
    DICT_STR = 5,
    DICT_PTR = 6,
    DICT_GFUUID = 7,
    DICT_IATT = 8,
    DICT_MDATA = 9,
};

enum {
    DICT_PAIRS_WIRE_MAX = 1024, /* that a client may send */
    DICT_PAIRS_MAX = 1088,      /* with what we add to ask or to answer */
    DICT_KEY_BYTES_MAX = 1024,
};

struct dict_pair {
    const char *key; /* NUL-terminated */
    enum dict_type type;
    uint32_t bytes; /* of data; for STR with the NUL */
    union {
        const uint8_t *data; /* STR_OLD, STR (NUL-terminated), PTR, GFUUID */
        int64_t i;
        uint64_t u;
        double d;
        const struct iatt *iatt;
        const struct mdata *mdata;
    };
};

struct dict {
    struct arena *arena;
    struct dict_pair *pairs;
    uint32_t count;
    uint32_t capacity;
    bool null; /* "no dictionary", as distinct from an empty one; the first
                  set makes it false */
};

/* Empty, and null. */
void dict_init(struct dict *d, struct arena *arena);
/* Room for so many pairs at once, at most DICT_PAIRS_MAX.  0, -ENOMEM. */
int dict_reserve(struct dict *d, uint32_t pairs);
/* A pair whose key is known not to be there; room must have been reserved. */
void dict_append(struct dict *d, const struct dict_pair *pair);

const struct dict_pair *dict_find(const struct dict *d, const char *key);
bool dict_has(const struct dict *d, const char *key);
/* As lenient as the peer: INT, UINT, and STR/PTR holding decimal text.
 * -ENOENT, -EINVAL. */
int dict_i64(const struct dict *d, const char *key, int64_t *out);
/* STR or PTR that ends in its only NUL (or STR_OLD); NULL otherwise. */
const char *dict_str(const struct dict *d, const char *key);
/* GFUUID, or PTR of 16 bytes. -ENOENT, -EINVAL. */
int dict_gfid(const struct dict *d, const char *key, struct gfid *out);
/* The bytes that an xattr of this value gets on disk: PTR, STR_OLD, GFUUID as
 * they are, STR with its NUL, numbers as decimal text with a NUL.  -EINVAL for
 * IATT and MDATA; -ENOMEM. */
int dict_pair_stored(const struct dict_pair *p, struct arena *arena,
                     const uint8_t **data, uint32_t *bytes);

/* Each replaces a pair of the same key.  Keys and values are NOT copied: they
 * must live as long as the arena (literals, views, arena memory).
 * 0, -ENOMEM, -E2BIG past DICT_PAIRS_MAX. */
int dict_set_i64(struct dict *d, const char *key, int64_t v);
int dict_set_u64(struct dict *d, const char *key, uint64_t v);
int dict_set_double(struct dict *d, const char *key, double v);
/* Sent with its NUL. */
int dict_set_str(struct dict *d, const char *key, const char *s);
int dict_set_ptr(struct dict *d, const char *key, const void *p,
                 uint32_t bytes);
int dict_set_gfid(struct dict *d, const char *key, const struct gfid *g);
int dict_set_iatt(struct dict *d, const char *key, const struct iatt *ia);
int dict_set_pair(struct dict *d, const struct dict_pair *pair);
void dict_remove(struct dict *d, const char *key);

#endif
