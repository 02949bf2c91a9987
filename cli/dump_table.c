/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Line by line: a header says what the pairs behind it are about.  Rows with
 * one name (types of several modules of one name, inode tables of several
 * bricks) are added up.
 */
#include "cli/dump_table.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "mem/alloc.h"
#include "mem/must.h"

MEM_TYPE(mt_rows, "cli", "dump rows");

enum { LINE_BYTES = 4096 };

/* Keys that say how much there is of something, wherever they are. */
static const char *const counts[] = {
    "callpool.cnt",    "mallinfo_uordblks", "mallinfo_fordblks",
    "mallinfo_hblkhd", "active_size",       "lru_size",
};

/* SECTION_MEMORY is [clinker.memory], of which every number is a count. */
enum section { SECTION_OTHER, SECTION_TYPE, SECTION_POOLS, SECTION_MEMORY };

struct reader {
    struct dump_table *table;
    enum section section;
    char name[DUMP_TABLE_NAME_BYTES]; /* of the type, or the pool so far */
    struct dump_row row;              /* what is known of it */
    bool any;                         /* there is something of a row */
    bool is_dump;
    int err;
};

/* --- rows --- */

static void
add_row(struct reader *r, enum dump_kind kind, const char *name, uint64_t size,
        uint64_t blocks)
{
    struct dump_table *t = r->table;

    if (t->count == DUMP_TABLE_ROWS_MAX) {
        r->err = -E2BIG;
        return;
    }
    if (t->count == t->room) {
        t->room = t->room > 0 ? t->room * 2 : 256;
        t->rows = memory_check(
            mem_realloc(&mt_rows, t->rows, t->room * sizeof(*t->rows)));
    }
    t->rows[t->count++] =
        (struct dump_row){.kind = kind,
                          .name = memory_check(mem_strdup(&mt_rows, name)),
                          .size = size,
                          .blocks = blocks};
}

static void
add_count(struct reader *r, const char *name, uint64_t n)
{
    char key[DUMP_TABLE_NAME_BYTES];

    (void)snprintf(key, sizeof(key), "%.*s", (int)sizeof(key) - 1, name);
    add_row(r, DUMP_KIND_COUNT, key, n, 0);
}

/* The type or pool that was read is whole. */
static void
end_row(struct reader *r)
{
    if (r->any && r->name[0] != '\0')
        add_row(r, r->section == SECTION_POOLS ? DUMP_KIND_POOL
                                               : DUMP_KIND_TYPE,
                r->name, r->row.size, r->row.blocks);
    r->row = (struct dump_row){0};
    r->name[0] = '\0';
    r->any = false;
}

/* --- lines --- */

/* Without the newline; what is behind LINE_BYTES is passed over, and a NUL
 * ends a line for us.  false: there is none. */
static bool
next_line(FILE *in, char line[LINE_BYTES])
{
    size_t used = 0;
    int c = getc(in);

    if (c == EOF)
        return false;
    for (; c != EOF && c != '\n'; c = getc(in))
        if (used < LINE_BYTES - 1)
            line[used++] = (char)c;
    line[used] = '\0';
    return true;
}

/* false: it is no number that we have. */
static bool
number(const char *text, uint64_t *out)
{
    unsigned long long n;
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    n = strtoull(text, &end, 10);
    *out = n;
    return errno == 0 && *end == '\0';
}

static void
put_name(struct reader *r, const char *module, const char *name)
{
    enum { HALF = DUMP_TABLE_NAME_BYTES / 2 - 1 };
    char whole[DUMP_TABLE_NAME_BYTES];

    (void)snprintf(whole, sizeof(whole), "%.*s/%.*s", HALF, module, HALF,
                   name);
    memcpy(r->name, whole, sizeof(whole));
}

/* "[MODULE - usage-type NAME memusage]", which the peer's modules may follow
 * with an address or nothing. */
static void
take_header(struct reader *r, char *line)
{
    static const char middle[] = " - usage-type ", tail[] = " memusage";
    size_t bytes = strlen(line);
    char *name, *end;

    end_row(r);
    line[bytes - 1] = '\0'; /* the bracket */
    r->section = SECTION_OTHER;
    if (strcmp(line + 1, "mempool") == 0) {
        r->section = SECTION_POOLS;
        r->is_dump = true;
        return;
    }
    if (strcmp(line + 1, "clinker.memory") == 0) {
        r->section = SECTION_MEMORY;
        return;
    }
    name = strstr(line + 1, middle);
    end = name != NULL ? strstr(name, tail) : NULL;
    if (end == NULL)
        return;
    *name = *end = '\0';
    put_name(r, line + 1, name + strlen(middle));
    r->section = SECTION_TYPE;
    r->is_dump = true;
}

static void
take_of_type(struct reader *r, const char *key, uint64_t n)
{
    if (strcmp(key, "size") == 0)
        r->row.size = n;
    else if (strcmp(key, "num_allocs") == 0)
        r->row.blocks = n;
    else
        return;
    r->any = true;
}

/* A pool's name comes first, then its module; sizes are of what is in use. */
static void
take_of_pool(struct reader *r, const char *key, const char *value)
{
    uint64_t n;

    if (strcmp(key, "pool-name") == 0) {
        end_row(r);
        (void)snprintf(r->name, sizeof(r->name), "%.*s",
                       (int)sizeof(r->name) - 1, value);
        r->any = true;
    } else if (strcmp(key, "xlator-name") == 0) {
        put_name(r, value, r->name);
    } else if (strcmp(key, "active-count") == 0 && number(value, &n)) {
        r->row.blocks = n;
    } else if (strcmp(key, "size") == 0 && number(value, &n)) {
        r->row.size = n;
    }
}

static void
take_count(struct reader *r, const char *key, uint64_t n)
{
    const char *dot = strrchr(key, '.');

    for (size_t i = 0; i < COUNT_OF(counts); i++)
        if (strcmp(dot != NULL ? dot + 1 : key, counts[i]) == 0 ||
            strcmp(key, counts[i]) == 0)
            add_count(r, counts[i], n);
}

static void
take_pair(struct reader *r, char *line)
{
    char *value = strchr(line, '=');
    uint64_t n;

    if (value == NULL)
        return;
    *value++ = '\0';
    if (r->section == SECTION_POOLS)
        take_of_pool(r, line, value);
    else if (!number(value, &n))
        return;
    else if (r->section == SECTION_TYPE)
        take_of_type(r, line, n);
    else if (r->section == SECTION_MEMORY)
        add_count(r, line, n);
    else
        take_count(r, line, n);
}

static void
take_line(struct reader *r, char *line)
{
    size_t bytes = strlen(line);

    if (strncmp(line, "DUMP-START-TIME:", 16) == 0)
        r->is_dump = true;
    else if (bytes >= 2 && line[0] == '[' && line[bytes - 1] == ']')
        take_header(r, line);
    else
        take_pair(r, line);
}

/* --- the table --- */

static int
compare_rows(const void *a, const void *b)
{
    const struct dump_row *x = a, *y = b;

    return x->kind != y->kind ? (int)x->kind - (int)y->kind
                              : strcmp(x->name, y->name);
}

static uint64_t
sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void
merge(struct dump_table *t)
{
    size_t kept = 0;

    if (t->count == 0)
        return;
    qsort(t->rows, t->count, sizeof(*t->rows), compare_rows);
    for (size_t i = 1; i < t->count; i++) {
        struct dump_row *last = &t->rows[kept];

        if (compare_rows(last, &t->rows[i]) != 0) {
            t->rows[++kept] = t->rows[i];
            continue;
        }
        last->size = sum(last->size, t->rows[i].size);
        last->blocks = sum(last->blocks, t->rows[i].blocks);
        mem_free(t->rows[i].name);
    }
    t->count = kept + 1;
}

int
dump_table_read(struct dump_table *out, FILE *in)
{
    struct reader r = {.table = out};
    char line[LINE_BYTES];

    *out = (struct dump_table){0};
    while (r.err == 0 && next_line(in, line))
        take_line(&r, line);
    end_row(&r);
    merge(out);
    if (r.err < 0)
        return r.err;
    if (ferror(in))
        return -EIO;
    return r.is_dump ? 0 : -EBADMSG;
}

void
dump_table_fini(struct dump_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        mem_free(table->rows[i].name);
    mem_free(table->rows);
    *table = (struct dump_table){0};
}

/* --- two of them --- */

/* Growth as a signed number; sizes of a bad dump may be anything. */
static int64_t
grown(const struct dump_change *c)
{
    uint64_t more = c->size - c->old_size, less = c->old_size - c->size;

    if (c->size >= c->old_size)
        return more > INT64_MAX ? INT64_MAX : (int64_t)more;
    return less > INT64_MAX ? -INT64_MAX : -(int64_t)less;
}

static int
compare_changes(const void *a, const void *b)
{
    const struct dump_change *x = a, *y = b;
    int64_t p = grown(x), q = grown(y);

    if (x->kind != y->kind)
        return (int)x->kind - (int)y->kind;
    if (p != q)
        return p < q ? 1 : -1;
    return strcmp(x->name, y->name);
}

static struct dump_change
change(const struct dump_row *old, const struct dump_row *new)
{
    struct dump_change c = {0};

    if (old != NULL)
        c = (struct dump_change){.kind = old->kind,
                                 .name = old->name,
                                 .old_size = old->size,
                                 .old_blocks = old->blocks};
    if (new != NULL) {
        c.kind = new->kind;
        c.name = new->name;
        c.size = new->size;
        c.blocks = new->blocks;
    }
    return c;
}

struct dump_change *
dump_table_diff(const struct dump_table *older, const struct dump_table *newer,
                size_t *count)
{
    struct dump_change *out = memory_check(mem_calloc(
        &mt_rows, older->count + newer->count + 1, sizeof(*out)));
    size_t i = 0, j = 0;

    *count = 0;
    while (i < older->count || j < newer->count) {
        const struct dump_row *old = i < older->count ? &older->rows[i] : NULL;
        const struct dump_row *new = j < newer->count ? &newer->rows[j] : NULL;
        int order = old == NULL ? 1 : new == NULL ? -1 : compare_rows(old, new);
        struct dump_change c =
            change(order <= 0 ? old : NULL, order >= 0 ? new : NULL);

        i += order <= 0;
        j += order >= 0;
        if (c.size != c.old_size || c.blocks != c.old_blocks)
            out[(*count)++] = c;
    }
    qsort(out, *count, sizeof(*out), compare_changes);
    return out;
}
