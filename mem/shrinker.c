/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of shrinkers.  It is walked without its mutex being held over a
 * call: a walker counts as a user of the shrinker it stands at, and takes hold
 * of the next one before it lets go, so that what it stands at is always on
 * the list.  Unregistering marks a shrinker, so that no new walker stops
 * there, and waits for its users.
 */
#include "mem/shrinker.h"

#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/ranks.h"
#include "mem/reclaim_direct.h"
#include "mem/scope.h"

static struct {
    struct mutex mtx;
    struct cond unused;              /* a leaving one has no users */
    TAILQ_HEAD(, mem_shrinker) list; /* [mtx] by order */
} shrinkers = {
    .mtx = MUTEX_INITIALIZER("mem.shrinkers", MEM_RANK_SHRINKERS),
    .list = TAILQ_HEAD_INITIALIZER(shrinkers.list),
};

static void __attribute__((constructor)) init(void)
{
    cond_init(&shrinkers.unused);
}

void
mem_shrinker_register(struct mem_shrinker *s)
{
    struct mem_shrinker *after;

    must(s->name != NULL && s->shrink != NULL);
    s->calls = 0;
    s->given_bytes = 0;
    s->users = 0;
    s->leaving = false;
    MUTEX_SCOPE(&shrinkers.mtx);
    TAILQ_FOREACH(after, &shrinkers.list, node) {
        must(after != s);
        if (after->order > s->order)
            break;
    }
    if (after != NULL)
        TAILQ_INSERT_BEFORE(after, s, node);
    else
        TAILQ_INSERT_TAIL(&shrinkers.list, s, node);
}

void
mem_shrinker_unregister(struct mem_shrinker *s)
{
    must(!reclaim_is_own());
    MUTEX_SCOPE(&shrinkers.mtx);
    must(!s->leaving);
    s->leaving = true;
    while (s->users > 0)
        cond_wait(&shrinkers.unused, &shrinkers.mtx);
    TAILQ_REMOVE(&shrinkers.list, s, node);
}

static void
let_go_locked(struct mem_shrinker *s)
{
    must(s->users > 0);
    s->users--;
    if (s->users == 0 && s->leaving)
        cond_broadcast(&shrinkers.unused);
}

struct mem_shrinker *
shrinker_next(struct mem_shrinker *before, bool leaf)
{
    struct mem_shrinker *s;

    MUTEX_SCOPE(&shrinkers.mtx);
    s = before != NULL ? TAILQ_NEXT(before, node)
                       : TAILQ_FIRST(&shrinkers.list);
    while (s != NULL && (s->leaving || (leaf && !s->leaf)))
        s = TAILQ_NEXT(s, node);
    if (s != NULL)
        s->users++;
    if (before != NULL)
        let_go_locked(before);
    return s;
}

void
shrinker_let_go(struct mem_shrinker *s)
{
    MUTEX_SCOPE(&shrinkers.mtx);
    let_go_locked(s);
}

size_t
shrinker_ask(struct mem_shrinker *s, size_t want_bytes)
{
    size_t given = s->shrink(s->arg, want_bytes);

    MUTEX_SCOPE(&shrinkers.mtx);
    s->calls++;
    s->given_bytes += given;
    return given;
}

size_t
mem_shrinkers_read(struct mem_shrinker_stats *out, size_t max)
{
    struct mem_shrinker *s = NULL;
    size_t n = 0;

    while ((s = shrinker_next(s, false)) != NULL) {
        uint64_t held = s->held != NULL ? s->held(s->arg) : 0;

        if (n < max) {
            MUTEX_SCOPE(&shrinkers.mtx);
            out[n] = (struct mem_shrinker_stats){
                .name = s->name,
                .held_bytes = held,
                .calls = s->calls,
                .given_bytes = s->given_bytes,
            };
        }
        n++;
    }
    return n;
}
