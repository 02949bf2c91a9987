/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes by gfid.
 *
 * The life of an inode, by its `ref`:
 *
 *     IN_TABLE + n   found by its gfid, n users
 *     IN_TABLE       unused: the clock hand may take it, by a compare-and-swap
 *                    to 0 that fails if a finder was faster
 *     n              forgotten: its users keep it, nobody finds it any more
 *     0              dead: unhashed, freed when no reader can still see it
 *
 * The hash table is looked up without a lock; a dead inode that a reader still
 * meets there is refused by its count.  The list of all inodes has them from
 * their making to their death, forgotten ones too, so that whoever holds a
 * reference also holds a place in the list.
 *
 * Inodes come from a pool of ours.  The hash table's own nodes and buckets are
 * allocated by liburcu, which takes no allocator: they are not in the accounts.
 */
#include "server/inode/table.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/pool.h"
#include "mem/scope.h"
#include "server/inode/rcu_order.h"
#include "server/inode/table_priv.h"

MEM_TYPE(mt_table, "server.inode", "table");
MEM_TYPE(mt_inode, "server.inode", "inode");

enum {
    TABLE_MAGIC = 0x4954424c,
    BUCKETS_FIRST = 1024,
    LANES = 16,        /* counters are spread over this many cache lines */
    PRUNE_STEPS = 64,  /* of the clock hand, a turn */
    PRUNE_BATCH = 16,  /* inodes dropped, a turn */
    TABLE_RANK = 40,   /* after the mutexes of an inode */
    /* Of a pool's object, with its word of state. */
    INODE_BYTES = (sizeof(struct inode) + 8 + 63) / 64 * 64,
    /* The hash table doubles: from half a bucket to a whole one for each. */
    HASH_BYTES = sizeof(struct cds_lfht_node),
};

struct lane {
    _Atomic(int64_t) unused; /* one lane's may be below zero; not the sum */
    _Atomic(uint64_t) finds, hits, links, drops;
} __attribute__((aligned(64)));

struct inode_table {
    unsigned magic;
    uint64_t seed;        /* of the hash: clients choose gfids */
    struct cds_lfht *hash;
    struct mem_pool *pool;
    struct inode_table_ops ops;
    _Atomic(uint32_t) unused_limit;
    _Atomic(uint64_t) path_fds; /* held.c's */
    struct mutex mtx;           /* rank 40 */
    struct cds_list_head all;   /* [mtx] in order of their making */
    struct cds_list_head *hand; /* [mtx] next to look at; may be &all */
    uint32_t count;             /* [mtx] on `all` */
    struct lane lanes[LANES];
};

static struct lane *
lane_own(struct inode_table *table)
{
    static _Atomic(uint32_t) next;
    static _Thread_local uint32_t own; /* lane + 1 */

    if (own == 0)
        own = atomic_fetch_add(&next, 1) % LANES + 1;
    return &table->lanes[own - 1];
}

#define lane_add(table, member, n)                                             \
    (void)atomic_fetch_add_explicit(&lane_own(table)->member, (n),             \
                                    memory_order_relaxed)

static int64_t
unused_count(struct inode_table *table)
{
    int64_t sum = 0;
    size_t i;

    for (i = 0; i < LANES; i++)
        sum += atomic_load_explicit(&table->lanes[i].unused,
                                    memory_order_relaxed);
    return sum > 0 ? sum : 0;
}

static unsigned long
gfid_hash(const struct inode_table *table, const struct gfid *gfid)
{
    return XXH3_64bits_withSeed(gfid->b, GFID_BYTES, table->seed);
}

static int
gfid_match(struct cds_lfht_node *node, const void *key)
{
    const struct inode *inode =
        container_of_member(node, struct inode, hash_node);

    RCU_AFTER(node);
    return gfid_equal(&inode->gfid, key);
}

static void
reader_leave(struct inode_table *table)
{
    RCU_BEFORE(table);
    urcu_memb_read_unlock();
}

/* --- making and freeing --- */

struct inode_table *
inode_table_new(uint32_t unused_limit, const struct inode_table_ops *ops)
{
    struct inode_table *table;

    must(ops != NULL);
    table = mem_alloc_aligned(&mt_table, 64, sizeof(*table));
    if (table == NULL)
        return NULL;
    memset(table, 0, sizeof(*table));
    table->magic = TABLE_MAGIC;
    table->ops = *ops;
    table->unused_limit = unused_limit;
    /* Short of entropy at boot the seed is just less of a secret. */
    if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
        table->seed = (uintptr_t)table;
    table->pool = mem_pool_new(&mt_inode, sizeof(struct inode), NULL);
    if (table->pool == NULL)
        goto fail_pool;
    table->hash = cds_lfht_new_flavor(BUCKETS_FIRST, BUCKETS_FIRST, 0,
                                      CDS_LFHT_AUTO_RESIZE |
                                          CDS_LFHT_ACCOUNTING,
                                      &urcu_memb_flavor, NULL);
    if (table->hash == NULL)
        goto fail_hash;
    mutex_init(&table->mtx, "inode table", TABLE_RANK);
    CDS_INIT_LIST_HEAD(&table->all);
    table->hand = &table->all;
    return table;

fail_hash:
    mem_pool_destroy(&table->pool);
fail_pool:
    mem_free(table);
    errno = ENOMEM;
    return NULL;
}

void
inode_table_destroy(struct inode_table **tablep)
{
    struct inode_table *table = *tablep;

    if (table == NULL)
        return;
    *tablep = NULL;
    OBJ_CHECK(table, TABLE_MAGIC);
    inode_table_drop_unused(table);
    must(table->count == 0);
    must(table->path_fds == 0);
    urcu_memb_barrier();
    must(cds_lfht_destroy(table->hash, NULL) == 0);
    mem_pool_destroy(&table->pool);
    mutex_destroy(&table->mtx);
    table->magic = 0;
    mem_free(table);
}

static void
acl_free(struct inode_acl *acl)
{
    mem_free(acl->value);
    acl->value = NULL;
}

static void
inode_free_rcu(struct rcu_head *head)
{
    struct inode *inode = container_of_member(head, struct inode, rcu);

    RCU_AFTER(head);
    RCU_AFTER(inode->table);
    inode->magic = 0;
    mem_pool_put(inode->table->pool, inode);
}

/* ref is 0 and the inode is off the list: nobody but RCU readers sees it. */
static void
inode_release(struct inode *inode)
{
    struct inode_table *table = inode->table;

    must(inode->ref == 0);
    must(inode->fd_count == 0);
    urcu_memb_read_lock();
    /* Somebody who met it dead may have done it already. */
    (void)cds_lfht_del(table->hash, &inode->hash_node);
    reader_leave(table);
    if (table->ops.release != NULL)
        table->ops.release(table->ops.arg, inode);
    inode_path_fd_drop(inode, true);
    acl_free(&inode->acl_access);
    acl_free(&inode->acl_default);
    mutex_destroy(&inode->mtx);
    mutex_destroy(&inode->write_mtx);
    lane_add(table, drops, 1);
    RCU_BEFORE(&inode->rcu);
    urcu_memb_call_rcu(&inode->rcu, inode_free_rcu);
}

static void
unlist_locked(struct inode_table *table, struct inode *inode)
{
    mutex_assert_held(&table->mtx);
    if (table->hand == &inode->all_node)
        table->hand = inode->all_node.next;
    cds_list_del(&inode->all_node);
    must(table->count > 0);
    table->count--;
}

static struct inode *
inode_new(struct inode_table *table, const struct gfid *gfid, uint32_t type)
{
    struct inode *inode = mem_pool_get(table->pool);

    if (inode == NULL)
        return NULL;
    memset(inode, 0, sizeof(*inode));
    inode->magic = INODE_MAGIC;
    inode->gfid = *gfid;
    inode->table = table;
    inode->type = type;
    inode->ref = INODE_IN_TABLE + 1;
    inode->used = true;
    cds_lfht_node_init(&inode->hash_node);
    mutex_init(&inode->mtx, "inode", 20);
    mutex_init(&inode->write_mtx, "inode write", 15);
    return inode;
}

/* --- references --- */

/* Take a reference unless it is dead. */
static bool
inode_try_get(struct inode *inode)
{
    uint32_t ref = inode->ref;

    do {
        if (ref == 0)
            return false;
        must((ref & ~INODE_IN_TABLE) < INODE_IN_TABLE - 1);
    } while (!atomic_compare_exchange_weak(&inode->ref, &ref, ref + 1));
    if (ref == INODE_IN_TABLE)
        lane_add(inode->table, unused, -1);
    if (!atomic_load_explicit(&inode->used, memory_order_relaxed))
        atomic_store_explicit(&inode->used, true, memory_order_relaxed);
    return true;
}

struct inode *
inode_get(struct inode *inode)
{
    OBJ_CHECK(inode, INODE_MAGIC);
    must((inode->ref & ~INODE_IN_TABLE) > 0);
    must(inode_try_get(inode));
    return inode;
}

void
inode_put(struct inode *inode)
{
    struct inode_table *table;
    uint32_t ref;

    if (inode == NULL)
        return;
    OBJ_CHECK(inode, INODE_MAGIC);
    table = inode->table;
    ref = atomic_fetch_sub(&inode->ref, 1);
    /* From here on it is ours only if that was the last of all. */
    must((ref & ~INODE_IN_TABLE) > 0);
    if (ref == INODE_IN_TABLE + 1)
        lane_add(table, unused, 1);
    if (ref != 1)
        return;
    mutex_lock(&table->mtx);
    unlist_locked(table, inode);
    mutex_unlock(&table->mtx);
    inode_release(inode);
}

void
inode_forget(struct inode *inode)
{
    uint32_t ref;

    OBJ_CHECK(inode, INODE_MAGIC);
    ref = atomic_fetch_and(&inode->ref, ~INODE_IN_TABLE);
    must((ref & ~INODE_IN_TABLE) > 0);
    if ((ref & INODE_IN_TABLE) == 0)
        return;
    urcu_memb_read_lock();
    (void)cds_lfht_del(inode->table->hash, &inode->hash_node);
    reader_leave(inode->table);
}

void
inode_forget_unshared(struct inode *inode)
{
    uint32_t ours = INODE_IN_TABLE | 1;

    OBJ_CHECK(inode, INODE_MAGIC);
    if (!atomic_compare_exchange_strong(&inode->ref, &ours, 1))
        return;
    urcu_memb_read_lock();
    (void)cds_lfht_del(inode->table->hash, &inode->hash_node);
    reader_leave(inode->table);
}

/* --- finding --- */

struct inode *
inode_find(struct inode_table *table, const struct gfid *gfid)
{
    struct cds_lfht_iter iter;
    struct cds_lfht_node *node;
    struct inode *inode = NULL;

    OBJ_CHECK(table, TABLE_MAGIC);
    lane_add(table, finds, 1);
    urcu_memb_read_lock();
    cds_lfht_lookup(table->hash, gfid_hash(table, gfid), gfid_match, gfid,
                    &iter);
    node = cds_lfht_iter_get_node(&iter);
    if (node != NULL) {
        inode = container_of_member(node, struct inode, hash_node);
        if (!inode_try_get(inode))
            inode = NULL;
    }
    reader_leave(table);
    if (inode != NULL)
        lane_add(table, hits, 1);
    return inode;
}

/* What is dead or forgotten is unhashed by whoever meets it in the way: its
 * owner is about to, and need not be waited for. */
static bool
is_findable(struct inode *inode)
{
    return (inode->ref & INODE_IN_TABLE) != 0;
}

static void
type_learn(struct inode *inode, uint32_t type)
{
    uint32_t unknown = 0;

    if (type != 0)
        (void)atomic_compare_exchange_strong(&inode->type, &unknown, type);
}

static void prune(struct inode_table *table);

struct inode *
inode_link(struct inode_table *table, const struct gfid *gfid, uint32_t type)
{
    struct inode *inode, *found = NULL;
    struct cds_lfht_node *node;
    unsigned long hash;

    OBJ_CHECK(table, TABLE_MAGIC);
    must(!gfid_is_null(gfid));
    inode = inode_find(table, gfid);
    if (inode != NULL) {
        type_learn(inode, type);
        return inode;
    }
    inode = inode_new(table, gfid, type);
    if (inode == NULL)
        return NULL;
    hash = gfid_hash(table, gfid);
    for (;;) {
        urcu_memb_read_lock();
        RCU_BEFORE(&inode->hash_node);
        node = cds_lfht_add_unique(table->hash, hash, gfid_match, gfid,
                                   &inode->hash_node);
        if (node != &inode->hash_node) {
            found = container_of_member(node, struct inode, hash_node);
            if (!is_findable(found) || !inode_try_get(found)) {
                (void)cds_lfht_del(table->hash, node);
                found = NULL;
            }
        }
        reader_leave(table);
        if (node == &inode->hash_node || found != NULL)
            break;
    }
    if (found != NULL) {
        /* Ours was never seen. */
        mutex_destroy(&inode->mtx);
        mutex_destroy(&inode->write_mtx);
        inode->magic = 0;
        mem_pool_put(table->pool, inode);
        type_learn(found, type);
        return found;
    }
    /* Whoever found it meanwhile cannot be the last to leave: we are here. */
    mutex_lock(&table->mtx);
    cds_list_add_tail(&inode->all_node, &table->all);
    table->count++;
    mutex_unlock(&table->mtx);
    lane_add(table, links, 1);
    prune(table);
    return inode;
}

/* --- pruning --- */

/* Up to `want` inodes are made dead; returns steps.  Not more than once around,
 * or what was looked at would have no time to be used again. */
static uint32_t
sweep_locked(struct inode_table *table, bool second_chance, int64_t want,
             struct inode *dead[PRUNE_BATCH], uint32_t *dead_count)
{
    uint32_t steps = 0;
    uint32_t steps_max =
        table->count < PRUNE_STEPS ? table->count : PRUNE_STEPS;

    mutex_assert_held(&table->mtx);
    *dead_count = 0;
    while (steps < steps_max && *dead_count < PRUNE_BATCH &&
           *dead_count < want) {
        struct inode *inode;
        uint32_t unused = INODE_IN_TABLE;

        if (table->hand == &table->all) {
            table->hand = table->all.next;
            if (table->hand == &table->all)
                break;
        }
        inode = container_of_member(table->hand, struct inode, all_node);
        table->hand = table->hand->next;
        steps++;
        if (inode->ref != INODE_IN_TABLE)
            continue;
        if (second_chance && atomic_exchange(&inode->used, false))
            continue;
        if (!atomic_compare_exchange_strong(&inode->ref, &unused, 0))
            continue;
        lane_add(table, unused, -1);
        unlist_locked(table, inode);
        dead[(*dead_count)++] = inode;
    }
    return steps;
}

/* A turn of the clock hand towards `limit`; returns its steps, and in *dropped
 * how many inodes went. */
static uint32_t
turn(struct inode_table *table, uint32_t limit, bool second_chance,
     uint32_t *dropped)
{
    struct inode *dead[PRUNE_BATCH];
    uint32_t i, steps;

    mutex_lock(&table->mtx);
    steps = sweep_locked(table, second_chance,
                         unused_count(table) - (int64_t)limit, dead, dropped);
    mutex_unlock(&table->mtx);
    for (i = 0; i < *dropped; i++)
        inode_release(dead[i]);
    return steps;
}

/* A little, by each thread that makes an inode: what comes in goes out. */
static void
prune(struct inode_table *table)
{
    uint32_t dropped;

    if (unused_count(table) > (int64_t)table->unused_limit)
        (void)turn(table, table->unused_limit, true, &dropped);
}

void
inode_table_set_limit(struct inode_table *table, uint32_t unused_limit)
{
    uint64_t left;

    OBJ_CHECK(table, TABLE_MAGIC);
    table->unused_limit = unused_limit;
    mutex_lock(&table->mtx);
    /* Twice around: once to take the second chances away. */
    left = 2 * (uint64_t)table->count;
    mutex_unlock(&table->mtx);
    while (left > 0 && unused_count(table) > (int64_t)unused_limit) {
        uint32_t dropped;
        uint32_t steps = turn(table, unused_limit, true, &dropped);

        if (steps == 0)
            return;
        left -= steps < left ? steps : left;
    }
}

void
inode_table_drop_unused(struct inode_table *table)
{
    uint64_t left;

    OBJ_CHECK(table, TABLE_MAGIC);
    mutex_lock(&table->mtx);
    left = table->count;
    mutex_unlock(&table->mtx);
    while (left > 0 && unused_count(table) > 0) {
        uint32_t dropped;
        uint32_t steps = turn(table, 0, false, &dropped);

        if (steps == 0)
            return;
        left -= steps < left ? steps : left;
    }
}

/* --- reclaim --- */

size_t
inode_table_inode_bytes(void)
{
    return INODE_BYTES + HASH_BYTES;
}

uint64_t
inode_table_unused_bytes(struct inode_table *table)
{
    return (uint64_t)unused_count(table) * inode_table_inode_bytes();
}

size_t
inode_table_shrink(struct inode_table *table, size_t want_bytes)
{
    uint64_t left, want = want_bytes / inode_table_inode_bytes() + 1;
    uint64_t dropped = 0;
    int64_t unused;

    OBJ_CHECK(table, TABLE_MAGIC);
    mutex_lock(&table->mtx);
    /* Twice around: once to take the second chances away. */
    left = 2 * (uint64_t)table->count;
    mutex_unlock(&table->mtx);
    while (left > 0 && dropped < want && (unused = unused_count(table)) > 0) {
        uint64_t rest = want - dropped;
        uint32_t count, steps;

        steps = turn(table,
                     rest < (uint64_t)unused ? (uint32_t)(unused - rest) : 0,
                     true, &count);
        if (steps == 0)
            break;
        dropped += count;
        left -= steps < left ? steps : left;
    }
    if (dropped > 0)
        urcu_memb_barrier();
    return dropped * inode_table_inode_bytes();
}

/* --- looking --- */

_Atomic(uint64_t) *
inode_table_path_fd_count(struct inode_table *table)
{
    OBJ_CHECK(table, TABLE_MAGIC);
    return &table->path_fds;
}

void
inode_table_read(struct inode_table *table, struct inode_table_stats *out)
{
    int64_t unused;
    size_t i;

    OBJ_CHECK(table, TABLE_MAGIC);
    memset(out, 0, sizeof(*out));
    for (i = 0; i < LANES; i++) {
        out->finds += table->lanes[i].finds;
        out->hits += table->lanes[i].hits;
        out->links += table->lanes[i].links;
        out->drops += table->lanes[i].drops;
    }
    out->path_fds = table->path_fds;
    out->unused_limit = table->unused_limit;
    mutex_lock(&table->mtx);
    unused = unused_count(table);
    if (unused > table->count)
        unused = table->count;
    out->unused = (uint32_t)unused;
    out->active = table->count - out->unused;
    mutex_unlock(&table->mtx);
}

void
inode_table_each(struct inode_table *table,
                 bool (*fn)(void *arg, struct inode *inode), void *arg)
{
    struct inode *inode = NULL;
    bool go_on = true;

    OBJ_CHECK(table, TABLE_MAGIC);
    while (go_on) {
        struct inode *last = inode;
        struct cds_list_head *node;

        mutex_lock(&table->mtx);
        node = last != NULL ? last->all_node.next : table->all.next;
        inode = NULL;
        for (; node != &table->all; node = node->next) {
            inode = container_of_member(node, struct inode, all_node);
            if (inode_try_get(inode))
                break;
            inode = NULL;
        }
        mutex_unlock(&table->mtx);
        inode_put(last);
        if (inode == NULL)
            return;
        go_on = fn(arg, inode);
    }
    inode_put(inode);
}
