/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record marking (RFC 5531, section 11): a message travels as fragments, each
 * behind a word with its length and whether it is the last.  Pure: bytes in,
 * records out; nothing here knows of sockets.
 *
 * Nearly every record is one fragment, which the receiver uses where it lies.
 * The assembler is for the others, and copies.
 */
#ifndef CLINKER_RPC_RECORD_H
#define CLINKER_RPC_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/iobuf.h"

enum {
    RECORD_MARK_BYTES = 4,
    RECORD_EMPTY_FRAGMENTS_MAX = 1024, /* in one record */
    RECORD_FIRST_BYTES = 65536, /* what an announcement alone is good for */
};

struct record_mark {
    uint32_t bytes; /* of this fragment */
    bool last;
};

struct record_mark record_mark_decode(const uint8_t *p);
/* The mark of a record of one fragment; bytes below 2^31. */
void record_mark_encode(uint8_t *p, uint32_t bytes);

/* How large the buffer of a record should be, of which `have` bytes are there
 * and `need` were announced: memory follows what has arrived, so that an
 * announcement costs its sender more than it costs us. */
size_t record_buffer_bytes(size_t have, size_t need);

/* frag_left > 0 or a part of a mark: in the midst of a record. */
struct record_asm {
    struct iobuf *buf; /* NULL before the first byte */
    size_t bytes;      /* assembled so far */
    uint32_t frag_left;
    uint32_t empty_count;
    uint8_t mark[RECORD_MARK_BYTES];
    uint8_t mark_have;
    bool frag_last;
    bool open; /* a record has begun and is not complete */
};

/* Take bytes until a record is complete or `avail` are used up.  1: complete,
 * in buf (which may be NULL when it is empty) and bytes; take it with
 * record_asm_take().  0: more is needed.  -EMSGSIZE: more than bytes_max, or
 * too many empty fragments; -ENOMEM. */
int record_asm_feed(struct record_asm *a, size_t bytes_max, const uint8_t *p,
                    size_t avail, size_t *used);
/* The reference passes to the caller; the assembler starts afresh. */
struct iobuf *record_asm_take(struct record_asm *a, size_t *bytes);
void record_asm_reset(struct record_asm *a);

#endif
