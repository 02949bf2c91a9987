/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring; what is put where another one waits releases that one first. */
#include "mem/quarantine.h"

#include <sys/queue.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/poison.h"
#include "mem/ranks.h"

enum { PLACES = 2048, BYTES_MAX = 4 << 20 };

/* One that was taken out and is about to be released. */
struct leaver {
    struct quarantined q;
    LIST_ENTRY(leaver) node;
};

static struct {
    struct mutex mtx;
    struct cond left;              /* one of `leaving` has */
    LIST_HEAD(, leaver) leaving;   /* [mtx] */
    struct quarantined places[PLACES]; /* [mtx] block NULL: free */
    uint64_t put_at, take_at;          /* [mtx] ever; place is modulo */
    size_t bytes;                      /* [mtx] */
} ring = {.mtx = MUTEX_INITIALIZER("mem.quarantine", MEM_RANK_QUARANTINE)};

static void __attribute__((constructor)) init(void)
{
    cond_init(&ring.left);
}

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
leave_locked(struct leaver *out, struct quarantined *place)
{
    out->q = *place;
    place->block = NULL;
    ring.bytes -= out->q.bytes;
    LIST_INSERT_HEAD(&ring.leaving, out, node);
}

static void
let_go(struct leaver *out)
{
    const struct quarantined *q = &out->q;
    const struct mem_type *type = mem_account_type(q->slot);

    if (hash_of(q->block, q->bytes) != q->hash)
        must_panic("mem: %p, a block of %s %s with %zu bytes, was written to "
                   "after it was freed",
                   q->block, type != NULL ? type->module : "?",
                   type != NULL ? type->name : "?", q->bytes);
    q->release(q->owner, q->block);
    mutex_lock(&ring.mtx);
    LIST_REMOVE(out, node);
    cond_broadcast(&ring.left);
    mutex_unlock(&ring.mtx);
}

static bool
is_leaving_locked(const void *owner)
{
    struct leaver *l;

    LIST_FOREACH(l, &ring.leaving, node) {
        if (l->q.owner == owner)
            return true;
    }
    return false;
}

/* The oldest one; false: none. */
static bool
take_locked(struct leaver *out)
{
    while (ring.take_at < ring.put_at) {
        struct quarantined *q = &ring.places[ring.take_at++ % PLACES];

        if (q->block == NULL)
            continue;
        leave_locked(out, q);
        return true;
    }
    return false;
}

void
quarantine_put(const struct quarantined *q)
{
    struct quarantined in = *q;
    struct leaver out;
    bool full;

    must(in.block != NULL && in.release != NULL);
    if (in.bytes > BYTES_MAX) {
        in.release(in.owner, in.block);
        return;
    }
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
        struct leaver out;

        if (q->block == NULL || (owner != NULL && q->owner != owner))
            continue;
        leave_locked(&out, q);
        mutex_unlock(&ring.mtx);
        bytes += out.q.bytes;
        let_go(&out);
        mutex_lock(&ring.mtx);
        if (at < ring.take_at)
            at = ring.take_at - 1; /* others went on meanwhile */
    }
    /* The owner may be about to end: no other thread is still giving it back
     * what was taken out before. */
    while (owner != NULL && is_leaving_locked(owner))
        cond_wait(&ring.left, &ring.mtx);
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
