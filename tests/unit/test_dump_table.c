/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a statedump is compared: ours, the peer's, and what is neither. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/dump_table.h"
#include "mem/alloc.h"
#include "mem/must.h"

static const char ours[] =
    "DUMP-START-TIME: 2026-11-25 08:00:00.000000 +0000\n"
    "\n[mallinfo]\nmallinfo_uordblks=1000\n"
    "\n[global.glusterfs - Memory usage]\nnum_types=2\n"
    "\n[server.inode - usage-type inode memusage]\n"
    "size=4000\nnum_allocs=10\nmax_size=9000\nmax_num_allocs=20\n"
    "\n[mem - usage-type heap slack memusage]\nsize=500\nnum_allocs=5\n"
    "\n[mempool]\n-----=-----\npool-name=call\nxlator-name=server.fop\n"
    "active-count=3\nsizeof-type=100\npadded-sizeof=128\nsize=384\n"
    "-----=-----\npool-name=inode\nxlator-name=server.inode\n"
    "active-count=0\nsize=0\n"
    "\n[clinker.memory]\naccounted=4500\nresident=9000\nunaccounted=-7\n"
    "\n[clinker.watermarks]\nresident=9000\n"
    "\nconn.0.bound_xl./b.active_size=4\nconn.0.bound_xl./b.lru_size=40\n"
    "\nDUMP-END-TIME: 2026-11-25 08:00:01.000000 +0000";

static int
read_text(struct dump_table *out, const char *text, size_t bytes)
{
    FILE *in = bytes > 0 ? fmemopen((void *)(uintptr_t)text, bytes, "r")
                         : fopen("/dev/null", "r");
    int ret;

    ck_assert_ptr_nonnull(in);
    ret = dump_table_read(out, in);
    ck_assert_int_eq(fclose(in), 0);
    return ret;
}

static const struct dump_row *
row(const struct dump_table *t, enum dump_kind kind, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].kind == kind && strcmp(t->rows[i].name, name) == 0)
            return &t->rows[i];
    return NULL;
}

static void
expect(const struct dump_table *t, enum dump_kind kind, const char *name,
       uint64_t size, uint64_t blocks)
{
    const struct dump_row *r = row(t, kind, name);

    ck_assert_msg(r != NULL, "there is no %s", name);
    ck_assert_uint_eq(r->size, size);
    ck_assert_uint_eq(r->blocks, blocks);
}

START_TEST(dump_is_read)
{
    struct dump_table t;

    ck_assert_int_eq(read_text(&t, ours, strlen(ours)), 0);
    expect(&t, DUMP_KIND_TYPE, "server.inode/inode", 4000, 10);
    expect(&t, DUMP_KIND_TYPE, "mem/heap slack", 500, 5);
    expect(&t, DUMP_KIND_POOL, "server.fop/call", 384, 3);
    expect(&t, DUMP_KIND_POOL, "server.inode/inode", 0, 0);
    expect(&t, DUMP_KIND_COUNT, "accounted", 4500, 0);
    expect(&t, DUMP_KIND_COUNT, "resident", 9000, 0); /* not the other one */
    expect(&t, DUMP_KIND_COUNT, "active_size", 4, 0);
    expect(&t, DUMP_KIND_COUNT, "lru_size", 40, 0);
    expect(&t, DUMP_KIND_COUNT, "mallinfo_uordblks", 1000, 0);
    ck_assert_ptr_null(row(&t, DUMP_KIND_COUNT, "unaccounted"));
    ck_assert_uint_eq(t.count, 9);
    dump_table_fini(&t);
}
END_TEST

START_TEST(rows_of_one_name_are_added_up)
{
    static const char text[] =
        "[protocol/server.v-server - usage-type gf_x memusage]\n"
        "size=1\nnum_allocs=2\n"
        "[protocol/server.v-server - usage-type gf_x memusage]\n"
        "size=10\nnum_allocs=20\n"
        "[protocol/server.v-server - usage-type gf_y memusage]\n"
        "size=18446744073709551615\n"
        "[protocol/server.v-server - usage-type gf_y memusage]\nsize=5\n";
    struct dump_table t;

    ck_assert_int_eq(read_text(&t, text, strlen(text)), 0);
    ck_assert_uint_eq(t.count, 2);
    expect(&t, DUMP_KIND_TYPE, "protocol/server.v-server/gf_x", 11, 22);
    expect(&t, DUMP_KIND_TYPE, "protocol/server.v-server/gf_y", UINT64_MAX, 0);
    dump_table_fini(&t);
}
END_TEST

START_TEST(changes_are_sorted_by_growth)
{
    static const char newer[] =
        "[server.inode - usage-type inode memusage]\nsize=4100\nnum_allocs=9\n"
        "[mem - usage-type heap slack memusage]\nsize=400\nnum_allocs=5\n"
        "[server.wire - usage-type value memusage]\nsize=300\nnum_allocs=1\n"
        "[mempool]\n-----=-----\npool-name=call\nxlator-name=server.fop\n"
        "active-count=4\nsize=512\n";
    static const struct {
        enum dump_kind kind;
        const char *name;
        uint64_t from, to;
    } wanted[] = {
        {DUMP_KIND_TYPE, "server.wire/value", 0, 300},
        {DUMP_KIND_TYPE, "server.inode/inode", 4000, 4100},
        {DUMP_KIND_TYPE, "mem/heap slack", 500, 400},
        {DUMP_KIND_POOL, "server.fop/call", 384, 512},
        {DUMP_KIND_COUNT, "active_size", 4, 0},
        {DUMP_KIND_COUNT, "lru_size", 40, 0},
        {DUMP_KIND_COUNT, "mallinfo_uordblks", 1000, 0},
        {DUMP_KIND_COUNT, "accounted", 4500, 0},
        {DUMP_KIND_COUNT, "resident", 9000, 0},
    };
    struct dump_table a, b;
    struct dump_change *c;
    size_t count;

    ck_assert_int_eq(read_text(&a, ours, strlen(ours)), 0);
    ck_assert_int_eq(read_text(&b, newer, strlen(newer)), 0);
    c = dump_table_diff(&a, &b, &count);
    ck_assert_uint_eq(count, COUNT_OF(wanted));
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(c[i].kind, wanted[i].kind);
        ck_assert_str_eq(c[i].name, wanted[i].name);
        ck_assert_uint_eq(c[i].old_size, wanted[i].from);
        ck_assert_uint_eq(c[i].size, wanted[i].to);
    }
    ck_assert_uint_eq(c[1].old_blocks, 10);
    ck_assert_uint_eq(c[1].blocks, 9);
    mem_free(c);
    c = dump_table_diff(&b, &b, &count);
    ck_assert_uint_eq(count, 0);
    mem_free(c);
    dump_table_fini(&a);
    dump_table_fini(&b);
}
END_TEST

START_TEST(sizes_without_sense_are_ordered_all_the_same)
{
    static const char older[] =
        "[a - usage-type x memusage]\nsize=18446744073709551615\n"
        "[a - usage-type y memusage]\nsize=0\n";
    static const char newer[] =
        "[a - usage-type x memusage]\nsize=0\n"
        "[a - usage-type y memusage]\nsize=18446744073709551615\n";
    struct dump_table a, b;
    struct dump_change *c;
    size_t count;

    ck_assert_int_eq(read_text(&a, older, strlen(older)), 0);
    ck_assert_int_eq(read_text(&b, newer, strlen(newer)), 0);
    c = dump_table_diff(&a, &b, &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(c[0].name, "a/y");
    mem_free(c);
    dump_table_fini(&a);
    dump_table_fini(&b);
}
END_TEST

START_TEST(what_is_no_dump_is_refused)
{
    static const char *const none[] = {
        "", "\n", "x", "hello=1\n", "[section]\nsize=4\n", "[]\n", "[", "]",
        "[ - usage-type  memusag]\nsize=1\n"};
    struct dump_table t;

    for (size_t i = 0; i < COUNT_OF(none); i++) {
        ck_assert_msg(read_text(&t, none[i], strlen(none[i])) == -EBADMSG,
                      "%s", none[i]);
        dump_table_fini(&t);
    }
}
END_TEST

START_TEST(values_that_are_no_numbers_are_passed_over)
{
    static const char text[] =
        "DUMP-START-TIME: now\n"
        "[a - usage-type x memusage]\nsize=-1\nnum_allocs=0x10\nsize=\n"
        "size= 5\nsize=18446744073709551616\nsize=5 \nsize\n=5\n==\n"
        "[a - usage-type y memusage]\nsize=7\nnum_allocs=many\n"
        "[mempool]\nactive-count=1\nsize=3\nxlator-name=nobody\n"
        "pool-name=\nsize=4\npool-name=p\nactive-count=no\n";
    struct dump_table t;

    ck_assert_int_eq(read_text(&t, text, strlen(text)), 0);
    ck_assert_ptr_null(row(&t, DUMP_KIND_TYPE, "a/x"));
    expect(&t, DUMP_KIND_TYPE, "a/y", 7, 0);
    expect(&t, DUMP_KIND_POOL, "p", 0, 0);
    ck_assert_uint_eq(t.count, 2);
    dump_table_fini(&t);
}
END_TEST

START_TEST(long_lines_and_names_are_cut)
{
    size_t bytes = 3 << 20;
    char *text = malloc(bytes);
    struct dump_table t;
    int n;

    ck_assert_ptr_nonnull(text);
    n = sprintf(text, "DUMP-START-TIME: x\n[mempool]\npool-name=");
    memset(text + n, 'p', bytes - (size_t)n);
    strcpy(text + bytes - 30, "\nxlator-name=x\nsize=5\n");
    ck_assert_int_eq(read_text(&t, text, strlen(text)), 0);
    ck_assert_uint_eq(t.count, 1);
    ck_assert_uint_eq(t.rows[0].size, 5);
    ck_assert_uint_lt(strlen(t.rows[0].name), DUMP_TABLE_NAME_BYTES);
    dump_table_fini(&t);
    free(text);
}
END_TEST

START_TEST(rows_are_bounded)
{
    static const char pair[] = "lru_size=1\n";
    size_t bytes = (DUMP_TABLE_ROWS_MAX + 1) * (sizeof(pair) - 1);
    char *text = malloc(bytes);
    struct dump_table t;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i <= DUMP_TABLE_ROWS_MAX; i++)
        memcpy(text + i * (sizeof(pair) - 1), pair, sizeof(pair) - 1);
    ck_assert_int_eq(read_text(&t, text, bytes), -E2BIG);
    dump_table_fini(&t);
    free(text);
}
END_TEST

/* Bits of a dump are changed, doubled and cut; whatever comes, it ends. */
START_TEST(garbage_is_survived)
{
    char text[2 * sizeof(ours)];
    unsigned seed = 1;

    for (int round = 0; round < 20000; round++) {
        size_t bytes = sizeof(ours) - 1;
        struct dump_table t;
        int ret;

        memcpy(text, ours, bytes);
        for (int i = 0; i < 1 + round % 8; i++) {
            size_t at = (size_t)rand_r(&seed) % bytes;
            size_t from = (size_t)rand_r(&seed) % bytes;
            size_t n = (size_t)rand_r(&seed) % 64;

            switch (rand_r(&seed) % 3) {
            case 0:
                text[at] = (char)rand_r(&seed);
                break;
            case 1:
                bytes = at + 1;
                break;
            default:
                n = n < bytes - from ? n : bytes - from;
                n = n < bytes - at ? n : bytes - at;
                memmove(text + at, text + from, n);
            }
        }
        ret = read_text(&t, text, bytes);
        ck_assert(ret == 0 || ret == -EBADMSG);
        for (size_t i = 1; i < t.count; i++)
            ck_assert(t.rows[i - 1].kind < t.rows[i].kind ||
                      (t.rows[i - 1].kind == t.rows[i].kind &&
                       strcmp(t.rows[i - 1].name, t.rows[i].name) < 0));
        dump_table_fini(&t);
    }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("dump_table");
    TCase *t = tcase_create("dump_table");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, dump_is_read);
    tcase_add_test(t, rows_of_one_name_are_added_up);
    tcase_add_test(t, changes_are_sorted_by_growth);
    tcase_add_test(t, sizes_without_sense_are_ordered_all_the_same);
    tcase_add_test(t, what_is_no_dump_is_refused);
    tcase_add_test(t, values_that_are_no_numbers_are_passed_over);
    tcase_add_test(t, long_lines_and_names_are_cut);
    tcase_add_test(t, rows_are_bounded);
    tcase_add_test(t, garbage_is_survived);
    suite_add_tcase(s, t);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
