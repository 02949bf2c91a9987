/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "cli/memory.h"
#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/escape.h"

enum { GAP = 2 };

MEM_TYPE(mt_table, "cli", "table");

struct table {
    unsigned columns, right;
    size_t width[TABLE_COLUMNS_MAX];
    char **cells;
    size_t count, room;
};

struct table *
table_new(unsigned columns, unsigned right)
{
    struct table *t = memory_check(mem_zalloc(&mt_table, sizeof(*t)));

    must(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    t->columns = columns;
    t->right = right;
    return t;
}

void
table_free(struct table **tp)
{
    struct table *t = *tp;

    *tp = NULL;
    for (size_t i = 0; i < t->count; i++)
        mem_free(t->cells[i]);
    mem_free(t->cells);
    mem_free(t);
}

/* Characters, of UTF-8. */
static size_t
width(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        if (((unsigned char)*text & 0xc0) != 0x80)
            n++;
    return n;
}

void
table_add(struct table *t, const char *fmt, ...)
{
    AUTO_FREE char *text = NULL;
    char *cell;
    size_t room, *widest;
    va_list ap;

    va_start(ap, fmt);
    text = memory_check(mem_vasprintf(&mt_table, fmt, ap));
    va_end(ap);
    if (t->count == t->room) {
        t->room = t->room > 0 ? t->room * 2 : 64;
        t->cells = memory_check(mem_realloc(&mt_table, t->cells,
                                            t->room * sizeof(*t->cells)));
    }
    room = strlen(text) * 4 + 1;
    cell = memory_check(mem_alloc(&mt_table, room));
    (void)escape_line(cell, room, text, strlen(text), NULL);
    widest = &t->width[t->count % t->columns];
    if (width(cell) > *widest)
        *widest = width(cell);
    t->cells[t->count++] = cell;
}

static void
pad(FILE *out, size_t n)
{
    while (n-- > 0)
        (void)fputc(' ', out);
}

void
table_print(const struct table *t, FILE *out)
{
    must(t->count % t->columns == 0);
    for (size_t i = 0; i < t->count; i++) {
        unsigned column = (unsigned)(i % t->columns);
        size_t fill = t->width[column] - width(t->cells[i]);
        bool right = (t->right & 1u << column) != 0;
        bool last = column + 1 == t->columns;

        if (right)
            pad(out, fill);
        (void)fputs(t->cells[i], out);
        if (!last)
            pad(out, (right ? 0 : fill) + GAP);
        else
            (void)fputc('\n', out);
    }
}
