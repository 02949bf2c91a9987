/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking locks away by order of an administrator: "clear-locks".  Orders are
 * texts:
 *   tinode|tentry|tposix.kblocked|kgranted|kall[.WHENCE,START-LEN | .NAME]
 */
#ifndef CLINKER_SERVER_LOCK_CLEAR_H
#define CLINKER_SERVER_LOCK_CLEAR_H

#include "server/lock/internal.h"

enum lk_family { LK_FAMILY_INODE, LK_FAMILY_ENTRY, LK_FAMILY_POSIX };

struct lk_clear {
    enum lk_family family;
    bool blocked, granted; /* which of them; neither: none */
    bool one_range;        /* only locks on exactly this one */
    uint32_t whence;
    struct lk_range range;
    const char *name;      /* only locks on this one; NULL: any */
    /* Record locks that wait, of one client's process alone; client NULL: of
     * anybody. */
    const void *client;
    int32_t caller_pid;
};

/* Read an order; out->name points into text.  0; -EINVAL. */
int lk_clear_parse(const char *text, struct lk_clear *out);
/* "inode", "entry", "posix" */
const char *lk_family_name(enum lk_family family);

struct lk_cleared {
    uint32_t blocked, granted;
};
/* Internal locks that waited are answered -EAGAIN, record locks -EINTR. */
void lk_clear(struct inode *inode, const struct lk_clear *order,
              const struct lk_rules *rules, struct lk_cleared *out);

#endif
