/* SPDX-License-Identifier: BSD-2-Clause */
/* What heal.c and xattrop.c share.  Private to them. */
#ifndef CLINKER_SERVER_HEAL_HEAL_PRIV_H
#define CLINKER_SERVER_HEAL_HEAL_PRIV_H

#include "mem/mutex.h"
#include "server/heal/heal.h"
#include "server/heal/watch.h"

enum { HEAL_MAGIC = 0x4845414c, HEAL_OBJECT_MUTEXES = 64 };

struct heal {
    unsigned magic;
    struct index *index;
    struct watch_lists lists; /* constant */
    struct mutex objects[HEAL_OBJECT_MUTEXES]; /* rank 10, by gfid: a change of
                                 xattrs with what it does to the index */
};

struct mutex *heal_object_mutex(struct heal *heal, const struct gfid *gfid);

#endif
