/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache is a table of sets of four ways: a uid has its set, and the way
 * that runs out first makes room.  So it cannot grow, and a client that walks
 * through all uids only throws out its neighbours.  Databases are asked
 * without the mutex; two threads that miss at once both ask.
 */
#include "server/stage/groups.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/scope.h"

MEM_TYPE(mt_cache, "server.groups", "cache");
MEM_TYPE(mt_groups, "server.groups", "groups of a user");
MEM_TYPE(mt_scratch, "server.groups", "passwd entry");

enum {
    GROUPS_MAGIC = 0x47524f50,
    GROUPS_RANK = 55,
    PASSWD_BYTES_MAX = 1 << 20,
    GROUPS_FIRST = 64,
};

struct way {
    bool used;
    uint32_t uid;
    uint64_t until; /* in source's seconds; past it the way is stale */
    int count;      /* -ENOENT: no such user */
    gid_t *groups;
};

struct groups_cache {
    unsigned magic;
    struct groups_source source; /* constant */
    _Atomic(uint32_t) timeout_s;
    struct mutex mtx; /* rank 55: guards sets */
    struct way sets[GROUPS_SETS][GROUPS_WAYS];
};

/* --- the system's databases --- */

/* Their gid of uid's passwd entry and its name (into *buf). */
static int
find_user(uint32_t uid, struct passwd *pw, char **buf)
{
    size_t size = 1024;

    for (;;) {
        struct passwd *found = NULL;
        char *bigger = mem_realloc(&mt_scratch, *buf, size);
        int err;

        if (!bigger)
            return -ENOMEM;
        *buf = bigger;
        err = getpwuid_r(uid, pw, *buf, size, &found);
        if (found)
            return 0;
        if (err == EINTR)
            continue;
        /* What getpwuid(3) lists for "not found". */
        if (err == 0 || err == ENOENT || err == ESRCH || err == EBADF ||
            err == EPERM)
            return -ENOENT;
        if (err != ERANGE || size >= PASSWD_BYTES_MAX)
            return -err;
        size *= 2;
    }
}

static int
list_groups(const struct passwd *pw, gid_t **groups)
{
    int size = GROUPS_FIRST;

    for (;;) {
        int count = size;
        gid_t *bigger =
            mem_realloc(&mt_groups, *groups, (size_t)size * sizeof(**groups));

        if (!bigger)
            return -ENOMEM;
        *groups = bigger;
        if (getgrouplist(pw->pw_name, pw->pw_gid, *groups, &count) >= 0)
            return count;
        /* What did not fit is left out; the first ones are there. */
        if (size >= GROUPS_OF_USER_MAX)
            return size;
        size = count > size * 2 ? count : size * 2;
        if (size > GROUPS_OF_USER_MAX)
            size = GROUPS_OF_USER_MAX;
    }
}

static int
system_fetch(void *arg, uint32_t uid, gid_t **groups)
{
    AUTO_FREE char *buf = NULL;
    struct passwd pw;
    int rc = find_user(uid, &pw, &buf);

    *groups = NULL;
    if (rc == 0)
        rc = list_groups(&pw, groups);
    if (rc < 0) {
        mem_free(*groups);
        *groups = NULL;
    }
    return rc;
}

static uint64_t
system_now(void *arg)
{
    return clock_ns() / CLOCK_NS_PER_SEC;
}

/* --- the cache --- */

struct groups_cache *
groups_cache_new(uint32_t timeout_s, const struct groups_source *source)
{
    static const struct groups_source system_source = {NULL, system_fetch,
                                                       system_now};
    struct groups_cache *cache = mem_zalloc(&mt_cache, sizeof(*cache));

    if (!cache)
        return NULL;
    cache->magic = GROUPS_MAGIC;
    cache->source = source ? *source : system_source;
    cache->timeout_s = timeout_s;
    mutex_init(&cache->mtx, "groups cache", GROUPS_RANK);
    return cache;
}

void
groups_cache_free(struct groups_cache **cachep)
{
    struct groups_cache *cache = *cachep;

    if (!cache)
        return;
    *cachep = NULL;
    groups_cache_flush(cache);
    mutex_destroy(&cache->mtx);
    cache->magic = 0;
    mem_free(cache);
}

void
groups_cache_set_timeout(struct groups_cache *cache, uint32_t timeout_s)
{
    OBJ_CHECK(cache, GROUPS_MAGIC);
    cache->timeout_s = timeout_s;
}

static void
way_clear(struct way *w)
{
    mem_free(w->groups);
    memset(w, 0, sizeof(*w));
}

void
groups_cache_flush(struct groups_cache *cache)
{
    OBJ_CHECK(cache, GROUPS_MAGIC);
    MUTEX_SCOPE(&cache->mtx);
    for (unsigned s = 0; s < GROUPS_SETS; s++)
        for (unsigned i = 0; i < GROUPS_WAYS; i++)
            way_clear(&cache->sets[s][i]);
}

static struct way *
set_of(struct groups_cache *cache, uint32_t uid)
{
    /* Fibonacci hashing: ranges of uids spread over the sets. */
    return cache->sets[(uid * 2654435769u) >> 24];
}

static int
copy_out(const gid_t *groups, int count, uint32_t *out, uint32_t max)
{
    if (count < 0)
        return count;
    if ((uint32_t)count > max)
        count = (int)max;
    for (int i = 0; i < count; i++)
        out[i] = groups[i];
    return count;
}

/* True when the cache knows; *rc is the answer then. */
static bool
recall(struct groups_cache *cache, uint32_t uid, uint64_t now, uint32_t *out,
       uint32_t max, int *rc)
{
    struct way *set = set_of(cache, uid);

    MUTEX_SCOPE(&cache->mtx);
    for (unsigned i = 0; i < GROUPS_WAYS; i++) {
        struct way *w = &set[i];

        if (!w->used || w->uid != uid || w->until <= now)
            continue;
        *rc = copy_out(w->groups, w->count, out, max);
        return true;
    }
    return false;
}

/* Takes groups over. */
static void
keep(struct groups_cache *cache, uint32_t uid, uint64_t until, gid_t *groups,
     int count)
{
    struct way *set = set_of(cache, uid), *victim = set;

    MUTEX_SCOPE(&cache->mtx);
    for (unsigned i = 0; i < GROUPS_WAYS; i++) {
        struct way *w = &set[i];

        if (w->used && w->uid == uid) {
            victim = w;
            break;
        }
        if (!w->used || (victim->used && w->until < victim->until))
            victim = w;
    }
    way_clear(victim);
    *victim = (struct way){true, uid, until, count, groups};
}

int
groups_lookup(struct groups_cache *cache, uint32_t uid, uint32_t *out,
              uint32_t max)
{
    uint32_t timeout_s;
    gid_t *groups = NULL;
    uint64_t now;
    int count, rc;

    OBJ_CHECK(cache, GROUPS_MAGIC);
    timeout_s = cache->timeout_s;
    now = cache->source.now(cache->source.arg);
    if (timeout_s > 0 && recall(cache, uid, now, out, max, &rc))
        return rc;
    count = cache->source.fetch(cache->source.arg, uid, &groups);
    rc = copy_out(groups, count, out, max);
    if (timeout_s > 0 && (count >= 0 || count == -ENOENT))
        keep(cache, uid, now + timeout_s, groups, count);
    else
        mem_free(groups);
    return rc;
}
