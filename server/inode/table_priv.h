/* SPDX-License-Identifier: BSD-2-Clause */
/* What held.c needs of a table.  Private to server/inode/. */
#ifndef CLINKER_SERVER_INODE_TABLE_PRIV_H
#define CLINKER_SERVER_INODE_TABLE_PRIV_H

#include "server/inode/table.h"

/* How many descriptors the table's inodes hold, to be counted on. */
_Atomic(uint64_t) *inode_table_path_fd_count(struct inode_table *table);

#endif
