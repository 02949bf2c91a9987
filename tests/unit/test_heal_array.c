/* SPDX-License-Identifier: BSD-2-Clause */
/* The arithmetic of XATTROP against a model, and which xattrs are watched. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/heal/array.h"
#include "server/heal/watch.h"

enum { ROUNDS = 20000, ELEMENTS_MAX = 6 };

static uint64_t state = 88172645463325252ULL;

static uint64_t
draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Mostly small, and zero often enough for what depends on that. */
static int64_t
draw_value(void)
{
    switch (draw() % 4) {
    case 0:
        return 0;
    case 1:
        return (int64_t)(draw() % 5) - 2;
    default:
        return (int64_t)draw();
    }
}

/* The model: signed integers, one at a time, byte by byte. */
static void
put(uint8_t *p, unsigned width, int64_t v)
{
    unsigned i;

    for (i = 0; i < width; i++)
        p[i] = (uint8_t)((uint64_t)v >> (8 * (width - 1 - i)));
}

static int64_t
get(const uint8_t *p, unsigned width)
{
    uint32_t word;
    uint64_t both = 0;
    unsigned i;

    for (i = 0; i < width; i++)
        both = both * 256 + p[i];
    if (width == 8)
        return (int64_t)both;
    word = (uint32_t)both;
    return (int32_t)word;
}

static int64_t
wrapped_sum(int64_t a, int64_t b, unsigned width)
{
    uint64_t sum = (uint64_t)a + (uint64_t)b;

    return width == 8 ? (int64_t)sum : (int32_t)(uint32_t)sum;
}

static void
one_round(enum array_op op)
{
    bool wide = op == ARRAY_ADD64 || op == ARRAY_ADD64_WITH_DEFAULT;
    bool with_default =
        op == ARRAY_ADD_WITH_DEFAULT || op == ARRAY_ADD64_WITH_DEFAULT;
    unsigned width = wide ? 8 : 4, i;
    uint32_t count = (uint32_t)(draw() % (ELEMENTS_MAX + 1)), bytes;
    uint32_t there = (uint32_t)(draw() % (count + 1));
    uint8_t request[2 * 8 * ELEMENTS_MAX], old[8 * ELEMENTS_MAX];
    uint8_t out[8 * ELEMENTS_MAX + 1];
    uint32_t request_bytes = count * width * (with_default ? 2 : 1);

    for (i = 0; i < request_bytes / width; i++)
        put(request + i * width, width, draw_value());
    for (i = 0; i < there; i++)
        put(old + i * width, width, draw_value());
    ck_assert_int_eq(array_result_bytes(op, request_bytes, &bytes), 0);
    ck_assert_uint_eq(bytes, count * width);
    out[bytes] = 0xa5;
    ck_assert_int_eq(array_apply(op, request, request_bytes, old,
                                 there * width, out),
                     0);
    ck_assert_uint_eq(out[bytes], 0xa5);
    for (i = 0; i < count; i++) {
        int64_t was = i < there ? get(old + i * width, width) : 0;

        if (with_default && was == 0)
            was = get(request + bytes + i * width, width);
        ck_assert_int_eq(
            get(out + i * width, width),
            wrapped_sum(was, get(request + i * width, width), width));
    }
}

START_TEST(sums_are_the_models)
{
    static const enum array_op ops[] = {ARRAY_ADD, ARRAY_ADD64,
                                        ARRAY_ADD_WITH_DEFAULT,
                                        ARRAY_ADD64_WITH_DEFAULT};
    int i;

    for (i = 0; i < ROUNDS; i++)
        one_round(ops[draw() % 4]);
}
END_TEST

/* What a sum adds, another one takes away again. */
START_TEST(what_is_added_can_be_taken_back)
{
    uint8_t old[12], add[12], back[12], sum[12], again[12];
    int round, i;

    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < 3; i++) {
            int64_t v = (int32_t)draw();

            put(old + 4 * i, 4, (int32_t)draw());
            put(add + 4 * i, 4, v);
            put(back + 4 * i, 4, -v);
        }
        ck_assert_int_eq(array_apply(ARRAY_ADD, add, 12, old, 12, sum), 0);
        ck_assert_int_eq(array_apply(ARRAY_ADD, back, 12, sum, 12, again), 0);
        ck_assert_mem_eq(again, old, 12);
    }
}
END_TEST

START_TEST(a_whole_number_of_elements)
{
    uint32_t n, bytes;

    for (n = 0; n < 70; n++) {
        ck_assert_int_eq(array_result_bytes(ARRAY_ADD, n, &bytes),
                         n % 4 == 0 ? 0 : -EINVAL);
        ck_assert_int_eq(array_result_bytes(ARRAY_ADD64, n, &bytes),
                         n % 8 == 0 ? 0 : -EINVAL);
        ck_assert_int_eq(array_result_bytes(ARRAY_ADD_WITH_DEFAULT, n, &bytes),
                         n % 8 == 0 ? 0 : -EINVAL);
        ck_assert_int_eq(
            array_result_bytes(ARRAY_ADD64_WITH_DEFAULT, n, &bytes),
            n % 16 == 0 ? 0 : -EINVAL);
        ck_assert_int_eq(array_result_bytes(ARRAY_GET_AND_SET, n, &bytes), 0);
        ck_assert_uint_eq(bytes, n);
    }
}
END_TEST

START_TEST(operations_that_do_not_exist)
{
    static const uint32_t ops[] = {ARRAY_OR, ARRAY_AND,  7,
                                   99,       0x80000000, 0xffffffff};
    uint32_t bytes;
    size_t i;

    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        ck_assert_int_eq(array_result_bytes(ops[i], 8, &bytes), -EINVAL);
}
END_TEST

START_TEST(what_is_longer_is_not_cut_off)
{
    uint8_t four[4] = {0}, five[5] = {0}, out[4];

    ck_assert_int_eq(array_apply(ARRAY_ADD, four, 4, five, 5, out), -ERANGE);
    ck_assert_int_eq(array_apply(ARRAY_GET_AND_SET, four, 4, five, 5, out),
                     -ERANGE);
    ck_assert_int_eq(array_apply(ARRAY_ADD, four, 0, five, 1, out), -ERANGE);
    /* Nothing, of nothing. */
    ck_assert_int_eq(array_apply(ARRAY_ADD, NULL, 0, NULL, 0, NULL), 0);
}
END_TEST

START_TEST(setting_takes_the_request)
{
    uint8_t out[3];

    ck_assert_int_eq(array_apply(ARRAY_GET_AND_SET, (const uint8_t *)"new", 3,
                                 (const uint8_t *)"ol", 2, out),
                     0);
    ck_assert_mem_eq(out, "new", 3);
}
END_TEST

START_TEST(zero_is_zero)
{
    uint8_t bytes[64] = {0};
    unsigned i;

    ck_assert(array_is_zero(bytes, 0));
    ck_assert(array_is_zero(bytes, sizeof(bytes)));
    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = 1;
        ck_assert(!array_is_zero(bytes, sizeof(bytes)));
        ck_assert(array_is_zero(bytes, i));
        bytes[i] = 0;
    }
}
END_TEST

static const struct watch_lists lists = {
    .dirty = "trusted.afr.dirty",
    .pending = "trusted.afr.v-,,trusted.other.",
    .pending64 = "trusted.ec.dirty",
};

START_TEST(names_begin_with_words)
{
    static const struct {
        const char *name;
        enum watch_class class;
    } cases[] = {
        {"trusted.afr.dirty", WATCH_DIRTY},
        {"trusted.afr.dirty-2", WATCH_DIRTY},
        {"trusted.afr.dirt", WATCH_NONE},
        {"trusted.afr.v-client-0", WATCH_PENDING},
        {"trusted.afr.v-", WATCH_PENDING},
        {"trusted.afr.v", WATCH_NONE},
        {"trusted.afr.w-client-0", WATCH_NONE},
        {"trusted.other.x", WATCH_PENDING},
        {"trusted.ec.dirty", WATCH_PENDING},
        {"trusted.ec.version", WATCH_NONE},
        {"user.x", WATCH_NONE},
        {"", WATCH_NONE},
    };
    static const struct watch_lists all = {.dirty = "trusted.afr.dirty",
                                           .pending = "trusted.afr."};
    static const struct watch_lists none = {.dirty = "", .pending = ","};
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_msg(watch_class_of(&lists, cases[i].name) == cases[i].class,
                      "%s", cases[i].name);
        ck_assert_int_eq(watch_class_of(&none, cases[i].name), WATCH_NONE);
    }
    /* Of both lists: dirty. */
    ck_assert_int_eq(watch_class_of(&all, "trusted.afr.dirty"), WATCH_DIRTY);
    ck_assert_int_eq(watch_class_of(&all, "trusted.afr.x"), WATCH_PENDING);
}
END_TEST

START_TEST(views_add_up)
{
    static const uint8_t zero[4] = {0}, one[4] = {0, 0, 0, 1};
    struct watch_view views[WATCH_CLASSES] = {{false, false}};

    watch_note(&lists, views, "user.x", one, 4);
    ck_assert(!views[WATCH_PENDING].seen && !views[WATCH_DIRTY].seen);
    watch_note(&lists, views, "trusted.afr.v-1", zero, 4);
    ck_assert(views[WATCH_PENDING].seen && !views[WATCH_PENDING].not_zero);
    watch_note(&lists, views, "trusted.afr.v-2", one, 4);
    watch_note(&lists, views, "trusted.afr.v-3", zero, 4);
    ck_assert(views[WATCH_PENDING].not_zero);
    ck_assert(!views[WATCH_DIRTY].seen);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("heal_array");
    TCase *tc = tcase_create("array");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, sums_are_the_models);
    tcase_add_test(tc, what_is_added_can_be_taken_back);
    tcase_add_test(tc, a_whole_number_of_elements);
    tcase_add_test(tc, operations_that_do_not_exist);
    tcase_add_test(tc, what_is_longer_is_not_cut_off);
    tcase_add_test(tc, setting_takes_the_request);
    tcase_add_test(tc, zero_is_zero);
    tcase_add_test(tc, names_begin_with_words);
    tcase_add_test(tc, views_add_up);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
