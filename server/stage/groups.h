/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Supplementary groups as this machine knows them (server.manage-gids), for
 * callers who are in more groups than a request can carry.  Answers are kept
 * for a time, "no such user" too; how many is bounded.
 */
#ifndef CLINKER_SERVER_STAGE_GROUPS_H
#define CLINKER_SERVER_STAGE_GROUPS_H

#include <stdint.h>
#include <sys/types.h>

struct groups_cache;

enum {
    GROUPS_WAYS = 4,
    GROUPS_SETS = 256,
    GROUPS_USERS_MAX = GROUPS_WAYS * GROUPS_SETS, /* kept at a time */
    GROUPS_OF_USER_MAX = 65536, /* the kernel's own limit */
};

/* Where groups come from.  Tests have their own. */
struct groups_source {
    void *arg;
    /* The user's groups, *groups from mem_alloc() (NULL: none), how many;
     * -ENOENT: no such user; another negative errno: not known now.  May
     * block. */
    int (*fetch)(void *arg, uint32_t uid, gid_t **groups);
    /* Seconds of a clock that does not jump. */
    uint64_t (*now)(void *arg);
};

/* timeout_s: how long answers are kept; 0: not at all.  source NULL: the
 * system's user and group databases.  NULL and ENOMEM. */
struct groups_cache *groups_cache_new(uint32_t timeout_s,
                                      const struct groups_source *source);
void groups_cache_free(struct groups_cache **cachep);
/* Holds for answers fetched from now on. */
void groups_cache_set_timeout(struct groups_cache *cache, uint32_t timeout_s);
/* Forget all. */
void groups_cache_flush(struct groups_cache *cache);

/* The groups of uid, as many as fit into out[max]; how many those are.
 * -ENOENT: no such user; -ENOMEM, and what the databases may answer.  On
 * failure the caller has no groups.  May block: worker threads only. */
int groups_lookup(struct groups_cache *cache, uint32_t uid, uint32_t *out,
                  uint32_t max);

#endif
