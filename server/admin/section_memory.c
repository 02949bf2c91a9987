/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory in the statedump: the C library's view, each type's account, each
 * pool, each size of I/O buffers, and what the kernel counts. */
#include "server/admin/sections.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/iobuf.h"
#include "mem/must.h"
#include "mem/pool.h"
#include "mem/scope.h"
#include "server/admin/memory_balance.h"
#include "server/admin/memory_rows.h"

enum {
    IOBUF_CLASSES_MAX = 64,
    PEER_PAGE_BYTES = 128 * 1024, /* the peer's usual size of a buffer */
};

static void
dump_mallinfo(struct dump *d)
{
    struct mallinfo2 m = mallinfo2();

    dump_section(d, "mallinfo");
    dump_line(d, "mallinfo_arena", "%zu", m.arena);
    dump_line(d, "mallinfo_ordblks", "%zu", m.ordblks);
    dump_line(d, "mallinfo_smblks", "%zu", m.smblks);
    dump_line(d, "mallinfo_hblks", "%zu", m.hblks);
    dump_line(d, "mallinfo_hblkhd", "%zu", m.hblkhd);
    dump_line(d, "mallinfo_usmblks", "%zu", m.usmblks);
    dump_line(d, "mallinfo_fsmblks", "%zu", m.fsmblks);
    dump_line(d, "mallinfo_uordblks", "%zu", m.uordblks);
    dump_line(d, "mallinfo_fordblks", "%zu", m.fordblks);
    dump_line(d, "mallinfo_keepcost", "%zu", m.keepcost);
}

static void
dump_type(struct dump *d, const struct mem_type_stats *t)
{
    dump_section(d, "%s - usage-type %s memusage", t->module, t->name);
    dump_line(d, "size", "%" PRIu64, t->size);
    dump_line(d, "num_allocs", "%" PRIu64, t->num_allocs);
    dump_line(d, "max_size", "%" PRIu64, t->max_size);
    dump_line(d, "max_num_allocs", "%" PRIu64, t->max_num_allocs);
    dump_line(d, "total_allocs", "%" PRIu64, t->total_allocs);
    dump_line(d, "failures", "%" PRIu64, t->failures);
}

static void
dump_usage(struct dump *d)
{
    size_t count;
    AUTO_FREE struct mem_type_stats *rows = memory_rows_types(&count);

    dump_section(d, "global.glusterfs - Memory usage");
    if (rows == NULL) {
        dump_line(d, "Unable to dump memory usage", "(%s)", strerror(ENOMEM));
        return;
    }
    dump_line(d, "num_types", "%zu", count);
    for (size_t i = 0; i < count; i++)
        dump_type(d, &rows[i]);
}

static void
dump_pool(struct dump *d, const struct mem_pool_stats *p)
{
    dump_raw(d, "-----=-----");
    dump_line(d, "pool-name", "%s", p->name);
    dump_line(d, "xlator-name", "%s", p->module);
    dump_line(d, "active-count", "%" PRIu64, p->hot);
    dump_line(d, "sizeof-type", "%" PRIu64, p->object_bytes);
    dump_line(d, "padded-sizeof", "%" PRIu64, p->padded_bytes);
    dump_line(d, "size", "%" PRIu64, p->hot * p->padded_bytes);
    dump_line(d, "hot-count", "%" PRIu64, p->hot);
    dump_line(d, "cold-count", "%" PRIu64, p->cold);
    dump_line(d, "alloc-count", "%" PRIu64, p->total_gets);
    dump_line(d, "max-alloc", "%" PRIu64, p->hot_max);
    dump_line(d, "pool-misses", "%" PRIu64, p->misses);
}

static void
dump_pools(struct dump *d)
{
    size_t count;
    AUTO_FREE struct mem_pool_stats *rows = memory_rows_pools(&count);

    dump_section(d, "mempool");
    if (rows == NULL) {
        dump_line(d, "Unable to dump pools", "(%s)", strerror(ENOMEM));
        return;
    }
    for (size_t i = 0; i < count; i++)
        dump_pool(d, &rows[i]);
}

/* Ours: one key a line of the balance, its blanks as '-'. */
static void
dump_balance(struct dump *d)
{
    struct memory_balance b;
    char key[64];

    memory_balance_read(&b);
    dump_section(d, "clinker.memory");
    dump_line(d, "accounted", "%" PRIu64, b.accounted);
    dump_line(d, "resident", "%" PRIu64, b.resident);
    dump_line(d, "anonymous", "%" PRIu64, b.anonymous);
    dump_line(d, "file", "%" PRIu64, b.file);
    for (int i = 0; i < MEMORY_LINES; i++) {
        char *p = key;

        (void)snprintf(key, sizeof(key), "line.%s", memory_line_name[i]);
        while ((p = strchr(p, ' ')) != NULL)
            *p = '-';
        dump_line(d, key, "%" PRId64, b.lines[i]);
    }
    dump_line(d, "unaccounted", "%" PRId64, b.unaccounted);
    dump_line(d, "lines-known", "%d", b.known ? 1 : 0);
    dump_line(d, "stacks", "%u", b.stacks);
}

void
section_memory(struct dump *d)
{
    dump_mallinfo(d);
    dump_usage(d);
    dump_pools(d);
    dump_balance(d);
    section_pages(d);
    section_pressure(d);
}

static void
dump_arena(struct dump *d, size_t n, const struct iobuf_stats *row)
{
    char key[64];

#define ARENA_LINE(what_, format_, value_)                                     \
    do {                                                                       \
        (void)snprintf(key, sizeof(key), "arena.%zu." what_, n);               \
        dump_line(d, key, format_, value_);                                    \
    } while (0)
    dump_section(d, "arena.%zu", n);
    ARENA_LINE("active_cnt", "%" PRIu64, row->active);
    ARENA_LINE("passive_cnt", "%" PRIu64, row->cold);
    ARENA_LINE("alloc_cnt", "%" PRIu64, row->total);
    ARENA_LINE("max_active", "%" PRIu64, row->max_active);
    ARENA_LINE("page_size", "%zu", row->page_size);
#undef ARENA_LINE
}

void
section_iobufs(struct dump *d)
{
    struct iobuf_stats rows[IOBUF_CLASSES_MAX];
    size_t count = iobuf_read(rows, IOBUF_CLASSES_MAX);
    uint64_t bytes = 0;

    must(count <= IOBUF_CLASSES_MAX);
    for (size_t i = 0; i < count; i++)
        bytes += rows[i].page_size * (rows[i].active + rows[i].cold);
    dump_section(d, "iobuf.global");
    dump_line(d, "iobuf_pool.default_page_size", "%d", PEER_PAGE_BYTES);
    dump_line(d, "iobuf_pool.arena_size", "%" PRIu64, bytes);
    dump_line(d, "iobuf_pool.arena_cnt", "%zu", count);
    /* The last row is of what was too large for any class. */
    dump_line(d, "iobuf_pool.request_misses", "%" PRIu64,
              count > 0 ? rows[count - 1].total : 0);
    for (size_t i = 0; i < count; i++)
        dump_arena(d, i + 1, &rows[i]);
}
