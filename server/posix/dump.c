/* SPDX-License-Identifier: BSD-2-Clause */
/* The brick's own section of the statedump. */
#include "server/posix/internal.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "mem/must.h"

void
posix_dump(struct posix *px, struct dump *d)
{
    struct inode_table_stats stats;
    const char *name;

    OBJ_CHECK(px, POSIX_MAGIC);
    if (!dump_wants(d, DUMP_PRIV))
        return;
    name = options_const(px->options, OPT_BRICK_NAME);
    dump_section(d, "storage/posix.%s", name != NULL ? name : px->directory);
    dump_line(d, "base_path", "%s", px->directory);
    dump_line(d, "base_path_length", "%zu", strlen(px->directory));
    inode_table_read(px->table, &stats);
    dump_line(d, "path_fds", "%" PRIu64, stats.path_fds);
    dump_line(d, "path_fds_max", "%" PRIu64, px->path_fds_max);
    posix_health_dump(px, d);
}
