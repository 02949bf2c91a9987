/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranks of the mutexes in core/: options are read and lines are logged under
 * any other but those of mem/.  Private; doc/locking.md is the list. */
#ifndef CLINKER_SERVER_CORE_RANKS_H
#define CLINKER_SERVER_CORE_RANKS_H

enum {
    CORE_RANK_LOG_SINK = 780, /* opening, reopening and closing the log */
    CORE_RANK_OPTIONS = 790,  /* texts, users and subscribers */
};

#endif
