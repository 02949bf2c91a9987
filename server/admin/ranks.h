/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranks of the mutexes in admin/.  Private; doc/locking.md is the list. */
#ifndef CLINKER_SERVER_ADMIN_RANKS_H
#define CLINKER_SERVER_ADMIN_RANKS_H

enum {
    ADMIN_RANK_STATEDUMP = 770, /* what is to be dumped; nothing is taken
                                   under it but memory */
};

#endif
