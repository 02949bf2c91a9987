/* SPDX-License-Identifier: BSD-2-Clause */
/* The locks of an inode, of all families, for whoever shows them. */
#ifndef CLINKER_SERVER_LOCK_ROWS_H
#define CLINKER_SERVER_LOCK_ROWS_H

#include <time.h>

#include "server/lock/clear.h"

/* A view. */
struct lk_row {
    enum lk_family family;
    bool waits;
    const char *volume;    /* NULL: a record lock */
    enum lk_type type;
    struct lk_range range; /* not of LK_FAMILY_ENTRY */
    const char *name;      /* LK_FAMILY_ENTRY; NULL: all names */
    int32_t caller_pid;
    const uint8_t *owner;
    uint32_t owner_bytes;
    const char *client_uid;
    time_t since; /* held, or waited for */
};

/* Are there any?  Takes no mutex. */
bool lk_has_rows(struct inode *inode);
/* Calls fn for each, granted before waiting, under a mutex: it must not block.
 * Stops when fn returns false. */
void lk_rows_each(struct inode *inode,
                  bool (*fn)(void *arg, const struct lk_row *row), void *arg);

#endif
