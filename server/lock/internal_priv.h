/* SPDX-License-Identifier: BSD-2-Clause */
/* What files of lock/ share about internal locks. */
#ifndef CLINKER_SERVER_LOCK_INTERNAL_PRIV_H
#define CLINKER_SERVER_LOCK_INTERNAL_PRIV_H

#include "server/lock/domain.h"
#include "server/lock/volume.h"

/* Under domain->mtx: everything of the holder's goes; waiters among it are
 * answered -EAGAIN. */
void ilk_drop_holder_locked(struct lock_domain *domain,
                            struct lk_holder *holder,
                            struct lk_aftermath *after);
/* Under domain->mtx: some of the volume's locks have gone.  Grants what can be
 * granted, tells holders whom others still wait for, and lets go of the volume
 * if it is empty. */
void ilk_regrant_locked(struct lock_domain *domain, struct ilk_volume *volume,
                        struct lk_aftermath *after);

#endif
