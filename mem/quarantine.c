/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring; what is put where another one waits releases that one first. */
#include "mem/quarantine.h"

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/poison.h"
#include "mem/ranks.h"

enum { PLACES = 2048, BYTES_MAX = 4 << 20 };

static struct {
    struct mutex mtx;
    struct quarantined places[PLACES]; /* [mtx] block NULL: free */
    uint64_t put_at, take_at;          /* [mtx] ever; place is modulo */
    size_t bytes;                      /* [mtx] */
} ring = {.mtx = MUTEX_INITIALIZER("mem.quarantine", MEM_RANK_QUARANTINE)};

/* FNV-1a over words: a change anywhere shows, and nobody attacks it. */
static POISON_BLIND uint64_t
hash_of(const void *block, size_t bytes)
{
    const uint8_t *p = block;
    uint64_t h = 0xcbf29ce484222325u;
    BLIND_SCOPE();

    for (; bytes >= 8; bytes -= 8, p += 8)
        h = (h ^ *(const uint64_t *)(const void *)p) * 0x100000001b3u;
    while (bytes-- > 0)
        h = (h ^ *p++) * 0x100000001b3u;
    return h;
}

static void
let_go(const struct quarantined *q)
{
    const struct mem_type *type = mem_account_type(q->slot);

    if (hash_of(q->block, q->bytes) != q->hash)
        must_panic("mem: %p, a block of %s %s with %zu bytes, was written to "
                   "after it was freed",
                   q->block, type != NULL ? type->module : "?",
                   type != NULL ? type->name : "?", q->bytes);
    q->release(q->owner, q->block);
}

/* The oldest one; false: none. */
static bool
take_locked(struct quarantined *out)
{
    while (ring.take_at < ring.put_at) {
        struct quarantined *q = &ring.places[ring.take_at++ % PLACES];

        if (q->block == NULL)
            continue;
        *out = *q;
        q->block = NULL;
        ring.bytes -= out->bytes;
        return true;
    }
    return false;
}

void
quarantine_put(const struct quarantined *q)
{
    struct quarantined in = *q, out;
    bool full;

    must(in.block != NULL && in.release != NULL);
    in.hash = hash_of(in.block, in.bytes);
    do {
        mutex_lock(&ring.mtx);
        full = ring.put_at - ring.take_at == PLACES ||
               (ring.bytes > 0 && ring.bytes + in.bytes > BYTES_MAX);
        full = full && take_locked(&out);
        if (!full && ring.put_at - ring.take_at < PLACES) {
            ring.places[ring.put_at++ % PLACES] = in;
            ring.bytes += in.bytes;
            in.block = NULL;
        }
        mutex_unlock(&ring.mtx);
        if (full)
            let_go(&out);
    } while (in.block != NULL);
}

size_t
quarantine_flush(const void *owner)
{
    size_t bytes = 0;
    uint64_t end;

    mutex_lock(&ring.mtx);
    end = ring.put_at;
    for (uint64_t at = ring.take_at; at < end; at++) {
        struct quarantined *q = &ring.places[at % PLACES];
        struct quarantined out = *q;

        if (out.block == NULL || (owner != NULL && out.owner != owner))
            continue;
        q->block = NULL;
        ring.bytes -= out.bytes;
        mutex_unlock(&ring.mtx);
        bytes += out.bytes;
        let_go(&out);
        mutex_lock(&ring.mtx);
        if (at < ring.take_at)
            at = ring.take_at - 1; /* others went on meanwhile */
    }
    mutex_unlock(&ring.mtx);
    return bytes;
}

uint64_t
quarantine_bytes(void)
{
    uint64_t bytes;

    mutex_lock(&ring.mtx);
    bytes = ring.bytes;
    mutex_unlock(&ring.mtx);
    return bytes;
}
