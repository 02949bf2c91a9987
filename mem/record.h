/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recorder of every allocation and free, for tests/bench/mem to replay.  It
 * is in builds with --enable-mem-record only; in others its macros are nothing.
 * It writes to the file that the environment's CLINKER_MEM_RECORD names, and
 * records nothing where there is none.
 *
 * What is written, in the order of the machine: blocks of
 *
 *     head    "MRec", thread, count, kind of block (4 bytes each)
 *     count times
 *         event   sequence number, address (8 bytes each), bytes, slot of the
 *                 type and alignment's power of two (4, 2, 1), what (1)
 *     or, for a type,
 *         slot (4 bytes), lengths of module and name (2 each), both texts
 *
 * Each thread collects events of its own; the sequence number, one for the
 * process, puts them in order.  A free is recorded before the block may be
 * given out again and an allocation after it was, so the order holds for the
 * blocks at one address.  Private to mem/.
 */
#ifndef CLINKER_MEM_RECORD_H
#define CLINKER_MEM_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum record_kind {
    RECORD_TYPED, /* mem_alloc() and its relatives; bytes as asked for */
    RECORD_POOL,  /* bytes of the object as asked for */
    RECORD_IOBUF, /* the address is that of the data; bytes as asked for */
    RECORD_FREED, /* of any kind */
};

#ifdef CLINKER_MEM_RECORD
void mem_record_alloc(enum record_kind kind, uint32_t slot, unsigned align_log2,
                      size_t bytes, const void *p);
void mem_record_free(const void *p);

/* After the block was made. */
#define RECORD_ALLOC(kind, slot, bytes, p)                                     \
    mem_record_alloc(kind, slot, 0, bytes, p)
#define RECORD_ALLOC_ALIGNED(kind, slot, align_log2, bytes, p)                 \
    mem_record_alloc(kind, slot, align_log2, bytes, p)
/* Before the block may be given out again.  A realloc() is a free before and
 * an allocation after, of the old block where it failed. */
#define RECORD_FREE(p) mem_record_free(p)
#else
#define RECORD_ALLOC(kind, slot, bytes, p) ((void)0)
#define RECORD_ALLOC_ALIGNED(kind, slot, align_log2, bytes, p) ((void)0)
#define RECORD_FREE(p) ((void)0)
#endif

#endif
