/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranks of the mutexes inside rpc/: above the server's, which may answer while
 * it holds its own, and below mem's.  Private; doc/locking.md is the list. */
#ifndef CLINKER_RPC_RANKS_H
#define CLINKER_RPC_RANKS_H

enum {
    RPC_RANK_RESIZE = 690,  /* starting and ending event threads */
    RPC_RANK_SERVICE = 700, /* lists of connections and threads */
    RPC_RANK_TX = 710,      /* a connection's socket and reply queue */
};

#endif
