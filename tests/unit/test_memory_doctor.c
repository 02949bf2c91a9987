/* SPDX-License-Identifier: BSD-2-Clause */
/* The doctor's verdict, the sum of the resident memory, and which mapping is
 * what: pure functions of numbers and lines. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mem/clock.h"
#include "mem/must.h"
#include "server/admin/memory_balance.h"
#include "server/admin/memory_doctor.h"
#include "server/admin/memory_map.h"

enum { MIB = 1 << 20, MINUTE = 60 };

static struct memory_balance balance;
static struct mem_limit_stats limit;
static struct mem_type_stats types[2];
static struct mem_growth growth[3];
static struct mem_pool_stats pools[1];
static struct iobuf_stats buffers[2];
static struct mem_trace_site sites[2];
static struct doctor_facts facts;
static struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
static size_t findings_count;

static void
symbol(const void *frame, char *text, size_t bytes)
{
    (void)snprintf(text, bytes, "call_%d", (int)(uintptr_t)frame);
}

/* A daemon of 100 MiB with which nothing is wrong. */
static void
setup(void)
{
    balance = (struct memory_balance){
        .known = true, .resident = 100 * MIB, .accounted = 90 * MIB};
    balance.lines[MEMORY_LINE_PROGRAM] = 10 * MIB;
    limit = (struct mem_limit_stats){0};
    types[0] = (struct mem_type_stats){
        .module = "server.inode", .name = "inode", .size = 80 * MIB};
    types[1] = (struct mem_type_stats){
        .module = "server.core", .name = "options", .size = 1000};
    growth[0] = (struct mem_growth){.module = "server.inode",
                                    .name = "inode",
                                    .size = 80 * MIB,
                                    .num_allocs = 200000,
                                    .steps = 59};
    for (int i = 0; i < MEM_GROWTH_SPANS; i++) {
        growth[0].past[i].age_ns = 3600 * CLOCK_NS_PER_SEC;
        growth[0].past[i].size = 80 * MIB;
    }
    pools[0] = (struct mem_pool_stats){
        .module = "server.inode", .name = "inode", .padded_bytes = 400};
    memset(buffers, 0, sizeof(buffers));
    memset(sites, 0, sizeof(sites));
    facts = (struct doctor_facts){.balance = &balance,
                                  .limit = &limit,
                                  .types = types,
                                  .types_count = 2,
                                  .growth = growth,
                                  .growth_count = 1,
                                  .pools = pools,
                                  .pools_count = 1,
                                  .buffers = buffers,
                                  .buffers_count = 2,
                                  .sites = sites,
                                  .symbol = symbol};
}

/* The only finding of this weight that has all the words, or NULL. */
static const char *
finding(enum doctor_weight weight, const char *word)
{
    const char *found = NULL;

    for (size_t i = 0; i < findings_count; i++)
        if (findings[i].weight == weight &&
            strstr(findings[i].text, word) != NULL) {
            ck_assert_ptr_null(found);
            found = findings[i].text;
        }
    return found;
}

static unsigned
weighing(enum doctor_weight weight)
{
    unsigned n = 0;

    for (size_t i = 0; i < findings_count; i++)
        n += findings[i].weight == weight;
    return n;
}

static void
examine(void)
{
    findings_count = memory_doctor(&facts, findings);
    ck_assert_uint_gt(findings_count, 0);
    for (size_t i = 1; i < findings_count; i++)
        ck_assert_int_le(findings[i].weight, findings[i - 1].weight);
}

#define HAS(text_, word_)                                                      \
    do {                                                                       \
        ck_assert_ptr_nonnull(text_);                                          \
        ck_assert_msg(strstr((text_), (word_)) != NULL, "\"%s\" is not in %s", \
                      (word_), (text_));                                       \
    } while (0)

/* A steady leak in the growth's first row: 6 MiB in the hour. */
static void
leak(void)
{
    growth[0].past[MEM_GROWTH_MINUTES].size = 74 * MIB;
    growth[0].slope_bytes_per_s = 6.0 * MIB / 3600;
    growth[0].steps_up = 58;
}

START_TEST(nothing_is_wrong_and_that_is_said)
{
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 0);
    ck_assert_uint_eq(weighing(DOCTOR_NOTE), 0);
    HAS(finding(DOCTOR_FINE, "Nothing is wrong"), "that shows.");
    HAS(finding(DOCTOR_FINE, "100 MiB are resident"), "90.0 MiB accounted");
    HAS(finding(DOCTOR_FINE, "largest type"), "server.inode/inode");
    HAS(finding(DOCTOR_FINE, "no limit"), "memory.limit");
}
END_TEST

START_TEST(young_daemon_says_that_growth_is_not_known)
{
    facts.growth_count = 0;
    examine();
    HAS(finding(DOCTOR_FINE, "Nothing is wrong"), "after some minutes");
}
END_TEST

START_TEST(leak_is_named_with_pace_and_next_step)
{
    const char *text;

    leak();
    growth[0].past[MEM_GROWTH_DAYS].size = 20 * MIB;
    growth[0].past[MEM_GROWTH_DAYS].age_ns =
        (uint64_t)10 * 86400 * CLOCK_NS_PER_SEC;
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 1);
    text = finding(DOCTOR_WARNING, "looks like a leak");
    HAS(text, "server.inode/inode");
    HAS(text, "grew by 60.0 MiB in the last 10d 0h");
    HAS(text, "to 80.0 MiB in 200000 blocks");
    HAS(text, "58 of 59 minutes");
    HAS(text, "102 KiB a minute");
    HAS(text, "clinkerctl memory trace 'server.inode/inode' on");
    ck_assert_ptr_null(finding(DOCTOR_FINE, "Nothing is wrong"));
}
END_TEST

START_TEST(leak_is_named_by_its_call_when_it_is_traced)
{
    const char *text;

    leak();
    sites[0] = (struct mem_trace_site){.module = "server.core",
                                       .name = "options",
                                       .frames = {(void *)9},
                                       .frames_count = 1,
                                       .live_bytes = 50 * MIB};
    sites[1] = (struct mem_trace_site){
        .module = "server.inode",
        .name = "inode",
        .frames = {(void *)1, (void *)2, (void *)3},
        .frames_count = 3,
        .live_bytes = 3 * MIB};
    facts.sites_count = 2;
    examine();
    text = finding(DOCTOR_WARNING, "looks like a leak");
    HAS(text, "100 % was allocated at call_1 < call_2 < call_3");
    ck_assert_ptr_null(strstr(text, "call_9"));
}
END_TEST

START_TEST(leak_says_when_it_meets_the_limit)
{
    leak();
    limit.limit_bytes = 106 * MIB;
    limit.used_bytes = 100 * MIB;
    examine();
    HAS(finding(DOCTOR_WARNING, "looks like a leak"),
        "meets the limit in 1h 0m");
    HAS(finding(DOCTOR_WARNING, "looks like a leak"),
        "grew by 6.0 MiB in the last 1h 0m");
    ck_assert_ptr_null(finding(DOCTOR_FINE, "no limit"));
}
END_TEST

START_TEST(what_does_not_grow_steadily_is_no_leak)
{
    leak();
    growth[0].steps_up = 47; /* of 59: 79 % */
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 0);
    /* 6 of 100 MiB: not worth a note. */
    ck_assert_uint_eq(weighing(DOCTOR_NOTE), 0);
    growth[0].past[MEM_GROWTH_DAYS].size = 69 * MIB;
    examine();
    HAS(finding(DOCTOR_NOTE, "not steadily"), "grew by 11.0 MiB");
    growth[0].steps_up = 48; /* 81 % */
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 1);
    growth[0].steps = growth[0].steps_up = DOCTOR_LEAK_STEPS_MIN - 1;
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 0);
    leak();
    growth[0].slope_bytes_per_s = -1;
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 0);
    leak();
    growth[0].past[MEM_GROWTH_MINUTES].size =
        growth[0].size - DOCTOR_LEAK_BYTES_MIN + 1;
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 0);
}
END_TEST

START_TEST(shrunken_type_has_not_grown)
{
    leak();
    growth[0].past[MEM_GROWTH_MINUTES].size = UINT64_MAX;
    growth[0].past[MEM_GROWTH_DAYS].size = UINT64_MAX;
    examine();
    HAS(finding(DOCTOR_FINE, "Nothing is wrong"), ".");
}
END_TEST

START_TEST(unaccounted_memory_is_told_of)
{
    balance.unaccounted = 3 * MIB;
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 0);
    balance.unaccounted = 3 * MIB + 1;
    examine();
    HAS(finding(DOCTOR_WARNING, "no account and no line"), "3.0 MiB");
    balance.unaccounted = -4 * MIB;
    examine();
    HAS(finding(DOCTOR_NOTE, "more than is resident"), "4.0 MiB");
    balance.known = false;
    examine();
    HAS(finding(DOCTOR_NOTE, "page tables"), "4.0 MiB");
    ck_assert_uint_eq(findings_count, 3);
}
END_TEST

START_TEST(shortage_and_refusals_are_told_of)
{
    limit = (struct mem_limit_stats){.limit_bytes = 64 * MIB,
                                     .used_bytes = 61 * MIB,
                                     .low_bytes = 4 * MIB,
                                     .min_bytes = 2 * MIB,
                                     .level = MEM_BELOW_LOW,
                                     .direct_reclaims = 7};
    limit.refusals[MEM_FOR_INTERNAL] = 5;
    limit.refusals[MEM_FOR_USERS] = 1;
    types[1].failures = 6; /* the same ones */
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 2);
    HAS(finding(DOCTOR_WARNING, "Memory is short"), "61.0 MiB of 64.0 MiB");
    HAS(finding(DOCTOR_WARNING, "Memory is short"), "than 4.0 MiB");
    HAS(finding(DOCTOR_WARNING, "6 allocations were refused"),
        "5 of internal clients, 0 of slow work, 1 of users");
    HAS(finding(DOCTOR_NOTE, "reclaim by itself"), "7 times");
    types[1].failures = 9;
    examine();
    HAS(finding(DOCTOR_WARNING, "9 allocations failed"),
        "server.core/options");
}
END_TEST

START_TEST(slack_is_told_of_by_what_it_is)
{
    balance.lines[MEMORY_LINE_FREE] = 11 * MIB;
    pools[0].cold = 12 * MIB / 400 + 1;
    buffers[0].page_size = MIB;
    buffers[0].cold = 13;
    types[1] = (struct mem_type_stats){
        .module = "mem", .name = "heap slack", .size = 14 * MIB};
    facts.libc_free_bytes = 15 * MIB;
    facts.major_faults_per_s = 10;
    examine();
    HAS(finding(DOCTOR_NOTE, "free pages"), "11.0 MiB");
    HAS(finding(DOCTOR_NOTE, "pools keep"), "12.0 MiB");
    HAS(finding(DOCTOR_NOTE, "I/O buffers"), "13.0 MiB");
    HAS(finding(DOCTOR_NOTE, "free blocks"), "14.0 MiB");
    HAS(finding(DOCTOR_NOTE, "C library's heap"), "15.0 MiB");
    HAS(finding(DOCTOR_WARNING, "swaps"), "10 page faults");
    balance.lines[MEMORY_LINE_FREE] = 9 * MIB;
    examine();
    ck_assert_ptr_null(finding(DOCTOR_NOTE, "free pages"));
}
END_TEST

START_TEST(long_names_and_many_leaks_fit)
{
    static char name[2000];
    static struct mem_growth many[100];

    memset(name, 'n', sizeof(name) - 1);
    leak();
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        many[i] = growth[0];
        many[i].name = many[i].module = name;
    }
    facts.growth = many;
    facts.growth_count = COUNT_OF(many);
    examine();
    ck_assert_uint_eq(weighing(DOCTOR_WARNING), 5);
    for (size_t i = 0; i < findings_count; i++)
        ck_assert_uint_lt(strlen(findings[i].text), DOCTOR_TEXT_BYTES);
}
END_TEST

/* --- the sum --- */

START_TEST(sum_adds_up)
{
    struct memory_balance b = {.known = true};
    uint64_t *in = b.map.resident;
    int64_t sum = 0;

    in[MEMORY_MAP_FILES] = 6000;
    in[MEMORY_MAP_STACKS] = 200;
    in[MEMORY_MAP_HEAP] = 50;
    in[MEMORY_MAP_PAGES] = 1000;
    in[MEMORY_MAP_OTHER] = 300;
    b.resident = 7550;
    b.pages.free_dirty_bytes = 70;
    b.pages.mapped_bytes = 100;
    /* Accounted: 930 in arenas, 100 in a run of its own, 160 elsewhere, of
     * which 60 are not touched; the C library has mapped 90, and 10 are
     * nobody's. */
    memory_balance_sum(&b, 90, 930 + 100 + 160, 160);
    ck_assert_int_eq(b.lines[MEMORY_LINE_PROGRAM], 6000);
    ck_assert_int_eq(b.lines[MEMORY_LINE_STACKS], 200);
    ck_assert_int_eq(b.lines[MEMORY_LINE_LIBC], 140);
    ck_assert_int_eq(b.lines[MEMORY_LINE_FREE], 70);
    ck_assert_int_eq(b.lines[MEMORY_LINE_UNTOUCHED], -50);
    for (int i = 0; i < MEMORY_LINES; i++)
        sum += b.lines[i];
    ck_assert_int_eq((int64_t)(b.accounted + b.unaccounted) + sum,
                     (int64_t)b.resident);
    ck_assert_int_eq(b.unaccounted, 0);
    /* 25 more in arenas that no account has. */
    in[MEMORY_MAP_PAGES] += 25;
    b.resident += 25;
    memory_balance_sum(&b, 90, 930 + 100 + 160, 160);
    ck_assert_int_eq(b.unaccounted, 25);
}
END_TEST

/* --- mappings --- */

static int
judge(struct memory_map_state *s, const char *text)
{
    struct memory_map_line line;

    ck_assert(memory_map_parse(text, &line));
    return memory_map_judge(s, &line);
}

START_TEST(mappings_are_told_apart)
{
    struct memory_map_state s = {.arenas = 0x7f0010000000,
                                 .arenas_end = 0x7f0020000000,
                                 .last_kind = MEMORY_MAP_KINDS};

    ck_assert_int_eq(judge(&s, "400000-500000 r-xp 0 08:01 12345     /bin/x y"),
                     MEMORY_MAP_FILES);
    ck_assert_int_eq(judge(&s, "500000-600000 rw-p 00000000 00:00 0 "),
                     MEMORY_MAP_FILES);
    ck_assert_int_eq(judge(&s, "700000-800000 rw-p 00000000 00:00 0 "),
                     MEMORY_MAP_OTHER);
    ck_assert_int_eq(judge(&s, "900000-a00000 rw-p 0 00:00 0      [heap]"),
                     MEMORY_MAP_HEAP);
    /* A heap of the C library's, known by what follows it. */
    ck_assert_int_eq(judge(&s, "7f0004000000-7f0004021000 rw-p 0 00:00 0"),
                     MEMORY_MAP_OTHER);
    ck_assert_int_eq(judge(&s, "7f0004021000-7f0008000000 ---p 0 00:00 0"),
                     MEMORY_MAP_LAST_WAS_HEAP);
    ck_assert_int_eq(judge(&s, "7f0008000000-7f0008001000 ---p 0 00:00 0"),
                     MEMORY_MAP_NONE);
    ck_assert_int_eq(judge(&s, "7f0008001000-7f0008801000 rw-p 0 00:00 0"),
                     MEMORY_MAP_STACKS);
    /* A guard object has a closed page before it, and is small. */
    ck_assert_int_eq(judge(&s, "7f0009000000-7f0009001000 ---p 0 00:00 0"),
                     MEMORY_MAP_NONE);
    ck_assert_int_eq(judge(&s, "7f0009001000-7f0009002000 rw-p 0 00:00 0"),
                     MEMORY_MAP_OTHER);
    ck_assert_int_eq(judge(&s, "7f0010000000-7f0010400000 rw-p 0 00:00 0"),
                     MEMORY_MAP_PAGES);
    ck_assert_int_eq(judge(&s, "7f0010400000-7f0020000000 ---p 0 00:00 0"),
                     MEMORY_MAP_NONE);
    ck_assert_int_eq(judge(&s, "7fff0000-7fff8000 rw-p 0 0:0 0 [stack]"),
                     MEMORY_MAP_STACKS);
    ck_assert_int_eq(judge(&s, "7fff10000000-7fff10002000 r-xp 0 0:0 0 [vdso]"),
                     MEMORY_MAP_NONE);
}
END_TEST

START_TEST(what_is_no_mapping_is_refused)
{
    static const char *const bad[] = {
        "", "-", "x", "400000", "400000-", "400000-400000 rw-p 0 0 0",
        "500000-400000 rw-p 0 0 0 x", "400000-500000", "400000-500000 rw-p",
        "400000-500000 rw-p 0 0", "zz-yy rw-p 0 0 0 x"};
    struct memory_map_line line;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ck_assert_msg(!memory_map_parse(bad[i], &line), "%s", bad[i]);
}
END_TEST

START_TEST(this_process_adds_up)
{
    struct memory_map map;
    struct memory_balance b;
    uint64_t sum = 0;
    int err = memory_map_read(&map);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    ck_assert_int_eq(err, -EFBIG); /* their shadows */
    ck_assert_uint_eq(map.anonymous + map.file, 0);
    memory_balance_read(&b);
    ck_assert(!b.known);
    ck_assert_uint_gt(b.resident, 0);
    return;
#endif
    ck_assert_int_eq(err, 0);
    for (int i = 0; i < MEMORY_MAP_KINDS; i++)
        sum += map.resident[i];
    ck_assert_uint_eq(sum, map.anonymous + map.file);
    ck_assert_uint_gt(map.resident[MEMORY_MAP_FILES], 0);
    ck_assert_uint_gt(map.resident[MEMORY_MAP_STACKS], 0);
    ck_assert_uint_ge(map.stacks, 1);
    memory_balance_read(&b);
    ck_assert(b.known);
    ck_assert_int_lt(b.unaccounted < 0 ? -b.unaccounted : b.unaccounted, MIB);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("memory_doctor");
    TCase *t = tcase_create("memory_doctor");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, nothing_is_wrong_and_that_is_said);
    tcase_add_test(t, young_daemon_says_that_growth_is_not_known);
    tcase_add_test(t, leak_is_named_with_pace_and_next_step);
    tcase_add_test(t, leak_is_named_by_its_call_when_it_is_traced);
    tcase_add_test(t, leak_says_when_it_meets_the_limit);
    tcase_add_test(t, what_does_not_grow_steadily_is_no_leak);
    tcase_add_test(t, shrunken_type_has_not_grown);
    tcase_add_test(t, unaccounted_memory_is_told_of);
    tcase_add_test(t, shortage_and_refusals_are_told_of);
    tcase_add_test(t, slack_is_told_of_by_what_it_is);
    tcase_add_test(t, long_names_and_many_leaks_fit);
    tcase_add_test(t, sum_adds_up);
    tcase_add_test(t, mappings_are_told_apart);
    tcase_add_test(t, what_is_no_mapping_is_refused);
    tcase_add_test(t, this_process_adds_up);
    suite_add_tcase(s, t);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
