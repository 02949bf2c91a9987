/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/slow.h"

#include <errno.h>
#include <stdlib.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/scope.h"

MEM_TYPE(mt_slow, "server.fop", "slow operations");

#define MINUTE_NS (60 * CLOCK_NS_PER_SEC)
enum { SLOTS = SLOW_MINUTES + 1 };

struct slow_minute {
    size_t count;
    struct slow_op ops[SLOW_EACH]; /* in no order */
};

static struct slow_minute *
minute_locked(struct slow *s, uint64_t number)
{
    return &s->minutes[number % SLOTS];
}

static void
begin_locked(struct slow *s, uint64_t number)
{
    struct slow_minute *m = minute_locked(s, number);

    m->count = 0;
    s->minute = number;
    atomic_store_explicit(&s->floor_ns, 0, memory_order_relaxed);
    atomic_store_explicit(&s->until_ns, (number + 1) * MINUTE_NS,
                          memory_order_relaxed);
}

int
slow_init(struct slow *s, uint64_t now_ns)
{
    s->minutes = mem_alloc(&mt_slow, SLOTS * sizeof(s->minutes[0]));
    if (s->minutes == NULL)
        return -ENOMEM;
    /* Entries are written before they are read: their pages need not be there
     * before. */
    for (unsigned i = 0; i < SLOTS; i++)
        s->minutes[i].count = 0;
    mutex_init(&s->mtx, "server.slow", 765);
    begin_locked(s, now_ns / MINUTE_NS);
    return 0;
}

void
slow_fini(struct slow *s)
{
    if (s->minutes == NULL)
        return;
    mutex_destroy(&s->mtx);
    mem_free(s->minutes);
    s->minutes = NULL;
}

static struct slow_op *
fastest(struct slow_minute *m)
{
    struct slow_op *op = &m->ops[0];

    for (size_t i = 1; i < m->count; i++)
        if (m->ops[i].total_ns < op->total_ns)
            op = &m->ops[i];
    return op;
}

void
slow_note(struct slow *s, const struct slow_op *op)
{
    struct slow_minute *m;

    MUTEX_SCOPE(&s->mtx);
    if (op->ended_ns / MINUTE_NS > s->minute)
        begin_locked(s, op->ended_ns / MINUTE_NS);
    /* One that was overtaken on its way here counts for the running minute. */
    m = minute_locked(s, s->minute);
    must(m->count <= SLOW_EACH);
    if (m->count < SLOW_EACH)
        m->ops[m->count++] = *op;
    else if (op->total_ns > fastest(m)->total_ns)
        *fastest(m) = *op;
    if (m->count == SLOW_EACH)
        atomic_store_explicit(&s->floor_ns, fastest(m)->total_ns,
                              memory_order_relaxed);
}

static int
slowest_first(const void *a, const void *b)
{
    const struct slow_op *x = a, *y = b;

    if (x->total_ns != y->total_ns)
        return x->total_ns < y->total_ns ? 1 : -1;
    return (x->ended_ns > y->ended_ns) - (x->ended_ns < y->ended_ns);
}

size_t
slow_read(struct slow *s, uint64_t now_ns, uint64_t since_ns, int proc,
          struct slow_op *out)
{
    uint64_t hour_ns = SLOW_MINUTES * MINUTE_NS;
    size_t count = 0;

    if (now_ns > hour_ns && since_ns < now_ns - hour_ns)
        since_ns = now_ns - hour_ns;
    mutex_lock(&s->mtx);
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct slow_minute *m = &s->minutes[i];

        for (size_t j = 0; j < m->count; j++)
            if (m->ops[j].ended_ns >= since_ns &&
                (proc < 0 || proc == m->ops[j].proc))
                out[count++] = m->ops[j];
    }
    mutex_unlock(&s->mtx);
    qsort(out, count, sizeof(out[0]), slowest_first);
    return count;
}
