/* SPDX-License-Identifier: BSD-2-Clause */
/* What a slow operation was about, found when somebody looks: its path costs
 * reads of the disk, which the operation itself should not have paid for. */
#ifndef CLINKER_SERVER_ADMIN_SLOW_PATH_H
#define CLINKER_SERVER_ADMIN_SLOW_PATH_H

#include <stddef.h>

#include "server/fop/brick.h"

enum { SLOW_PATH_BYTES = 4096 + SLOW_NAME_BYTES };

/* The path as it is now, from the volume's root; "<gfid:GFID>", with "/name"
 * where there is one, when the object has none any more.  On a thread that may
 * read the disk and the inode table.  Returns out. */
const char *slow_path(const struct brick *brick, const struct slow_op *op,
                      char out[SLOW_PATH_BYTES]);

/* Every slow operation, for slow_read(): SLOW_TOTAL of them, to be freed with
 * mem_free().  NULL and ENOMEM. */
struct slow_op *slow_rows(void);
/* The procedure of that name in whatever case, or -1. */
int slow_proc(const char *name);

#endif
