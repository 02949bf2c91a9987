/* SPDX-License-Identifier: BSD-2-Clause */
/* The place of an inode's locks; see domain.h. */
#include "server/lock/domain.h"

#include <stdatomic.h>

#include "mem/alloc.h"
#include "mem/must.h"

MEM_TYPE(mt_domain, "server.lock", "lock domain");

enum { RANK_DOMAIN = 25 };

static void
domain_free(struct lock_domain *domain)
{
    must(lk_records_is_empty(&domain->records));
    must(!domain->has_ref);
    mutex_destroy(&domain->mtx);
    domain->magic = 0;
    mem_free(domain);
}

struct lock_domain *
lock_domain_find(struct inode *inode)
{
    struct lock_domain *domain = atomic_load(&inode->locks);

    if (domain)
        OBJ_CHECK(domain, LOCK_DOMAIN_MAGIC);
    return domain;
}

struct lock_domain *
lock_domain_get(struct inode *inode)
{
    struct lock_domain *domain = lock_domain_find(inode);
    struct lock_domain *other = NULL;

    if (domain)
        return domain;
    domain = mem_zalloc(&mt_domain, sizeof(*domain));
    if (!domain)
        return NULL;
    domain->magic = LOCK_DOMAIN_MAGIC;
    domain->inode = inode;
    mutex_init(&domain->mtx, "lock domain", RANK_DOMAIN);
    lk_records_init(&domain->records);
    if (atomic_compare_exchange_strong(&inode->locks, &other, domain))
        return domain;
    domain_free(domain);
    OBJ_CHECK(other, LOCK_DOMAIN_MAGIC);
    return other;
}

void
lock_domain_release(struct inode *inode)
{
    struct lock_domain *domain = atomic_exchange(&inode->locks, NULL);

    if (!domain)
        return;
    OBJ_CHECK(domain, LOCK_DOMAIN_MAGIC);
    domain_free(domain);
}

struct inode *
lock_domain_settle_locked(struct lock_domain *domain)
{
    bool wants_ref = !lk_records_is_empty(&domain->records);

    mutex_assert_held(&domain->mtx);
    if (wants_ref == domain->has_ref)
        return NULL;
    domain->has_ref = wants_ref;
    if (!wants_ref)
        return domain->inode;
    inode_get(domain->inode);
    return NULL;
}
