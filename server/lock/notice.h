/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling holders of internal locks that somebody else wants what they have.
 * Private to lock/. */
#ifndef CLINKER_SERVER_LOCK_NOTICE_H
#define CLINKER_SERVER_LOCK_NOTICE_H

#include "server/lock/domain.h"

/* Under domain->mtx, for after->rules: notices to those whose granted locks
 * conflict with `wanted`. */
void lk_notices_for(struct lock_domain *domain, struct ilk_volume *volume,
                    const struct ilk_lock *wanted, struct lk_aftermath *after);
/* To the holder of this granted lock. */
void lk_notice_to(struct lock_domain *domain, struct ilk_volume *volume,
                  struct ilk_lock *held, struct lk_aftermath *after);
/* The same for everyone who waits. */
void lk_notices_for_waiting(struct lock_domain *domain,
                            struct ilk_volume *volume, enum ilk_kind kind,
                            struct lk_aftermath *after);
/* Without a mutex: tell them, and free the notices. */
void lk_notices_send(struct cds_list_head *notices);

#endif
