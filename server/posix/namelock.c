/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names held against each other: no call of the kernel's removes a name only
 * if it stands for a certain object, so whoever looks first and removes then
 * has to keep others of us away from that name.  Names share mutexes by hash.
 * They order themselves (by address), hence rank 0; they come before every
 * other mutex of posix/.
 */
#include "server/posix/ops.h"

#include <stdint.h>

#include "mem/mutex.h"

enum { STRIPES = 128 };

static struct mutex stripes[STRIPES] = {
    [0 ... STRIPES - 1] = MUTEX_INITIALIZER("posix name", 0)};

static struct mutex *
stripe(const struct inode *parent, const char *name)
{
    uint64_t hash = 14695981039346656037ULL; /* FNV-1a */
    int i;

    for (i = 0; i < GFID_BYTES; i++)
        hash = (hash ^ parent->gfid.b[i]) * 1099511628211ULL;
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 1099511628211ULL;
    return &stripes[(hash ^ (hash >> 32)) % STRIPES];
}

void
name_hold(struct name_hold *hold, const struct inode *parent, const char *name)
{
    hold->first = stripe(parent, name);
    hold->second = NULL;
    mutex_lock(hold->first);
}

void
name_hold_two(struct name_hold *hold, const struct inode *parent,
              const char *name, const struct inode *parent2, const char *name2)
{
    struct mutex *a = stripe(parent, name);
    struct mutex *b = stripe(parent2, name2);

    hold->first = a < b ? a : b;
    hold->second = a == b ? NULL : (a < b ? b : a);
    mutex_lock(hold->first);
    if (hold->second != NULL)
        mutex_lock(hold->second);
}

void
name_release(struct name_hold *hold)
{
    if (hold->second != NULL)
        mutex_unlock(hold->second);
    if (hold->first != NULL)
        mutex_unlock(hold->first);
    hold->first = NULL;
    hold->second = NULL;
}
