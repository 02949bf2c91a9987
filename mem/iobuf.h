/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counted I/O buffers.  One of IOBUF_ALIGN bytes or more starts on an
 * IOBUF_ALIGN boundary, so that O_DIRECT may use it.
 */
#ifndef CLINKER_MEM_IOBUF_H
#define CLINKER_MEM_IOBUF_H

#include <stddef.h>
#include <stdint.h>

enum { IOBUF_ALIGN = 4096 };

struct iobuf {
    unsigned magic;
    _Atomic(uint32_t) ref;
    uint8_t *data;   /* constant after iobuf_new() */
    size_t capacity; /* bytes at data, at least what was asked for */
};

/* Holds one reference; NULL and ENOMEM on failure.  Size classes are reused
 * through per-thread stocks. */
struct iobuf *iobuf_new(size_t bytes);
/* One more reference; returns buf. */
struct iobuf *iobuf_get(struct iobuf *buf);
void iobuf_put(struct iobuf *buf); /* NULL is fine */

struct iobuf_stats {
    size_t page_size; /* bytes of this class */
    uint64_t active;  /* in use */
    uint64_t cold;    /* free, kept */
    uint64_t max_active;
    uint64_t total;   /* ever handed out */
};

/* One row per size class, smallest first, the last for larger buffers
 * (page_size 0).  Returns how many rows there are. */
size_t iobuf_read(struct iobuf_stats *out, size_t max);
/* Give free buffers back; returns bytes given back. */
size_t iobuf_shrink(void);

#endif
