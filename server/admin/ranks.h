/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranks of the mutexes in admin/.  Private; doc/locking.md is the list. */
#ifndef CLINKER_SERVER_ADMIN_RANKS_H
#define CLINKER_SERVER_ADMIN_RANKS_H

enum {
    ADMIN_RANK_BACKGROUND = 770, /* jobs; nothing is taken under it */
    ADMIN_RANK_FAULTS = 772,     /* the last look at page faults */
};

#endif
