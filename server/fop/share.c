/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/share.h"

#include "mem/alloc.h"
#include "mem/limit.h"

MEM_TYPE(mt_share, "server.client", "share");

struct share_stripe {
    _Atomic(uint64_t) failures, ns_sum, bytes_read, bytes_written;
    _Atomic(uint64_t) buckets[SHARE_BUCKETS];
};

_Static_assert(sizeof(struct share_stripe) == 256, "as said in the header");

static _Atomic(unsigned) next_stripe;
static _Thread_local unsigned my_stripe; /* 1-based, 0: none yet */

static struct share_stripe *
stripe_new(_Atomic(struct share_stripe *) *slot)
{
    enum mem_importance was = mem_set_importance(MEM_FOR_SERVER);
    struct share_stripe *fresh, *found = NULL;

    fresh = mem_zalloc(&mt_share, sizeof(*fresh));
    (void)mem_set_importance(was);
    if (fresh == NULL)
        return NULL;
    if (atomic_compare_exchange_strong(slot, &found, fresh))
        return fresh;
    mem_free(fresh); /* a thread of the same group was faster */
    return found;
}

static struct share_stripe *
stripe_mine(struct share *s)
{
    struct share_stripe *stripe;
    _Atomic(struct share_stripe *) *slot;

    if (my_stripe == 0)
        my_stripe = 1 + atomic_fetch_add_explicit(&next_stripe, 1,
                                                  memory_order_relaxed) %
                            SHARE_STRIPES;
    slot = &s->stripes[my_stripe - 1];
    stripe = atomic_load_explicit(slot, memory_order_acquire);
    return stripe != NULL ? stripe : stripe_new(slot);
}

static unsigned
bucket_of(uint64_t ns)
{
    unsigned bits = ns == 0 ? 0 : 64 - (unsigned)__builtin_clzll(ns);

    if (bits <= LATENCY_LOW_BITS)
        return 0;
    return bits > LATENCY_HIGH_BITS ? SHARE_BUCKETS - 1
                                    : bits - LATENCY_LOW_BITS;
}

static void
add(_Atomic(uint64_t) *counter, uint64_t n)
{
    if (n > 0)
        atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Without memory for its first stripe it is not counted: its operation went
 * well, and is in the sums of all clients. */
void
share_count(struct share *s, const struct share_op *op)
{
    struct share_stripe *stripe = stripe_mine(s);

    if (stripe == NULL)
        return;
    add(&stripe->buckets[bucket_of(op->ns)], 1);
    add(&stripe->ns_sum, op->ns);
    add(&stripe->failures, op->failed ? 1 : 0);
    add(&stripe->bytes_read, op->bytes_read);
    add(&stripe->bytes_written, op->bytes_written);
}

void
share_fini(struct share *s)
{
    for (unsigned i = 0; i < SHARE_STRIPES; i++) {
        mem_free(atomic_load(&s->stripes[i]));
        atomic_store(&s->stripes[i], NULL);
    }
}

static uint64_t
load(const _Atomic(uint64_t) *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void
share_read(const struct share *s, struct share_counts *out)
{
    *out = (struct share_counts){.calls = 0};
    for (unsigned i = 0; i < SHARE_STRIPES; i++) {
        const struct share_stripe *stripe =
            atomic_load_explicit(&s->stripes[i], memory_order_acquire);

        if (stripe == NULL)
            continue;
        out->failures += load(&stripe->failures);
        out->ns_sum += load(&stripe->ns_sum);
        out->bytes_read += load(&stripe->bytes_read);
        out->bytes_written += load(&stripe->bytes_written);
        for (unsigned b = 0; b < SHARE_BUCKETS; b++) {
            uint64_t n = load(&stripe->buckets[b]);

            out->buckets[b] += n;
            out->calls += n;
        }
    }
}

uint64_t
share_quantile_ns(const struct share_counts *counts, unsigned permille)
{
    struct latency l = {.count = counts->calls, .ns_max = UINT64_MAX};

    /* Each of ours is four of those: the last of the four has the same end. */
    for (unsigned b = 0; b < SHARE_BUCKETS; b++)
        l.buckets[b << LATENCY_PART_BITS] = counts->buckets[b];
    return latency_quantile_ns(&l, permille);
}
