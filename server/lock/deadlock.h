/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits for whom, of record locks, over all inodes: so that a request that
 * would close a circle of owners, each of which waits for the next, is refused
 * and not left waiting for ever.  Private to lock/.
 *
 * One mutex for the process, taken under a domain's: while an inode has waiting
 * record locks, its record locks change only under both.  So whoever holds this
 * one may read the locks of all inodes on which anybody waits.
 *
 * A circle is found when its last owner comes to wait.  One that a grant closes
 * is not: it takes an owner that waits in two places at once, which a process
 * with one thread does not.
 */
#ifndef CLINKER_SERVER_LOCK_DEADLOCK_H
#define CLINKER_SERVER_LOCK_DEADLOCK_H

#include <stdbool.h>

#include "server/lock/record.h"

void lk_waits_enter(void);
void lk_waits_leave(void);
/* The lock, with its waiter, has been queued in r. */
void lk_waits_add(struct lk_records *r, struct lk_lock *lock);
/* Waiters on a list of answers wait no more. */
void lk_waits_forget(struct cds_list_head *answers);
/* Would `wanted`, which is in conflict in r, wait for its own owner in the
 * end?  What that owner holds of the range wanted does not count: it lets go
 * of it when it waits. */
bool lk_waits_closes_circle(const struct lk_records *r,
                            const struct lk_lock *wanted);

#endif
