/* SPDX-License-Identifier: BSD-2-Clause */
/* The binary dictionary: real ones, and ones whose lengths lie. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "mem/account.h"
#include "mem/alloc.h"
#include "mem/must.h"
#include "rpc/dict.h"

MEM_TYPE(mt_test, "test", "dict");

static struct arena arena;
static struct rpc_dict d;

static void
begin(void)
{
    arena_init(&arena, &mt_test, NULL, 0);
    rpc_dict_init(&d, &arena);
}

static void
end(void)
{
    arena_release(&arena);
}

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

START_TEST(a_real_dictionary_decodes)
{
    begin();
    ck_assert_int_eq(
        rpc_dict_decode(&d, BYTES("\0\0\0\2"
                                  "\0\0\0\x09\0\0\0\x07opversion\0"
                                  "100000\0"
                                  "\0\0\0\x0f\0\0\0\2clnt-lk-version\0"
                                  "1\0")),
        0);
    ck_assert_uint_eq(d.count, 2);
    ck_assert_str_eq(rpc_dict_str(&d, "opversion"), "100000");
    ck_assert_str_eq(rpc_dict_str(&d, "clnt-lk-version"), "1");
    ck_assert_ptr_null(rpc_dict_str(&d, "clnt-lk-versio"));
    end();
}
END_TEST

START_TEST(empty_is_not_absent)
{
    begin();
    ck_assert_int_eq(rpc_dict_decode(&d, BYTES("\0\0\0\0")), 0);
    ck_assert_uint_eq(d.count, 0);
    ck_assert_int_eq(rpc_dict_decode(&d, NULL, 0), -EINVAL);
    ck_assert_int_eq(rpc_dict_decode(&d, BYTES("\0\0\0")), -EINVAL);
    end();
}
END_TEST

START_TEST(what_follows_the_last_pair_is_ignored)
{
    begin();
    ck_assert_int_eq(rpc_dict_decode(&d, BYTES("\0\0\0\1"
                                               "\0\0\0\1\0\0\0\0k\0rest")),
                     0);
    ck_assert_uint_eq(d.pairs[0].value_bytes, 0);
    ck_assert_ptr_nonnull(rpc_dict_find(&d, "k"));
    ck_assert_ptr_null(rpc_dict_str(&d, "k"));
    end();
}
END_TEST

START_TEST(lengths_that_lie_are_refused)
{
    static const struct {
        const char *p;
        size_t n;
    } bad[] = {
#define BAD(s) {s, sizeof(s) - 1}
        BAD("\xff\xff\xff\xff\0\0\0\1\0\0\0\1k\0v"), /* count < 0 */
        BAD("\0\0\0\2\0\0\0\1\0\0\0\1k\0v"), /* count too large */
        BAD("\0\0\0\1\0\0\0\0\0\0\0\2\0vv"), /* empty key */
        BAD("\0\0\0\1\0\0\0\2\0\0\0\1k\0v"), /* NUL in the key */
        BAD("\0\0\0\1\0\0\0\1\0\0\0\1kxv"), /* key without its NUL */
        BAD("\0\0\0\1\0\0\0\x03\0\0\0\0kkk"), /* … at the end */
        BAD("\0\0\0\1\0\0\0\1\0\0\0\2k\0v"), /* value too long */
        BAD("\0\0\0\1\0\0\0\1\x7f\xff\xff\xffk\0v"),
        BAD("\0\0\0\1\0\0\0\1\xff\xff\xff\xffk\0v"),
        BAD("\0\0\0\1\x7f\xff\xff\xff\0\0\0\1k\0v"),
        BAD("\0\0\0\1\xff\xff\xff\xff\0\0\0\1k\0v"),
        BAD("\0\0\0\1\0\0\0\1\0\0\0"), /* cut short */
    };

    begin();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert_int_eq(
            rpc_dict_decode(&d, (const uint8_t *)bad[i].p, bad[i].n),
            -EINVAL);
        ck_assert_uint_eq(d.count, 0);
    }
    end();
}
END_TEST

static int
round_trip(uint32_t pairs, size_t key_bytes)
{
    char key[RPC_DICT_KEY_BYTES_MAX + 2];
    struct rpc_dict in;
    uint8_t *bytes;
    size_t n;
    int err;

    begin();
    memset(key, 'k', sizeof(key));
    key[key_bytes] = '\0';
    for (uint32_t i = 0; i < pairs; i++) {
        key[0] = (char)('a' + i % 26);
        key[1] = (char)('a' + i / 26 % 26);
        key[2] = (char)('a' + i / 676);
        ck_assert_int_eq(rpc_dict_set(&d, key, &i, sizeof(i)), 0);
    }
    ck_assert_uint_eq(d.count, pairs);
    n = rpc_dict_encoded_bytes(&d);
    ck_assert_uint_eq(n, 4 + pairs * (8 + key_bytes + 1 + 4));
    bytes = mem_alloc(&mt_test, n);
    ck_assert_ptr_nonnull(bytes);
    rpc_dict_encode(&d, bytes);
    rpc_dict_init(&in, &arena);
    err = rpc_dict_decode(&in, bytes, n);
    if (err == 0) {
        ck_assert_uint_eq(in.count, pairs);
        for (uint32_t i = 0; i < pairs; i++)
            ck_assert_mem_eq(in.pairs[i].value, &i, sizeof(i));
    }
    mem_free(bytes);
    end();
    return err;
}

START_TEST(bounds_hold_to_one_past_the_end)
{
    struct mem_type_stats st;

    ck_assert_int_eq(round_trip(RPC_DICT_PAIRS_MAX, 5), 0);
    ck_assert_int_eq(round_trip(RPC_DICT_PAIRS_MAX + 1, 5), -EINVAL);
    ck_assert_int_eq(round_trip(1, RPC_DICT_KEY_BYTES_MAX), 0);
    ck_assert_int_eq(round_trip(1, RPC_DICT_KEY_BYTES_MAX + 1), -EINVAL);
    mem_account_read_one("test", "dict", &st);
    ck_assert_uint_eq(st.size, 0);
}
END_TEST

START_TEST(values_are_texts_and_numbers)
{
    int64_t v = 0;

    begin();
    ck_assert_int_eq(rpc_dict_set_str(&d, "text", "x"), 0);
    ck_assert_int_eq(rpc_dict_set_fmt(&d, "n", "%d", -42), 0);
    ck_assert_int_eq(rpc_dict_set_str(&d, "empty", ""), 0);
    ck_assert_int_eq(rpc_dict_set_str(&d, "blank", " 1"), 0);
    ck_assert_int_eq(rpc_dict_set_str(&d, "trail", "1x"), 0);
    ck_assert_int_eq(rpc_dict_set_str(&d, "big", "9223372036854775808"), 0);
    ck_assert_int_eq(rpc_dict_set_str(&d, "min", "-9223372036854775808"), 0);
    ck_assert_int_eq(rpc_dict_set(&d, "raw", "12", 2), 0);
    ck_assert_int_eq(rpc_dict_set(&d, "nul", "1\0" "2", 4), 0);
    ck_assert_int_eq(rpc_dict_i64(&d, "n", &v), 0);
    ck_assert_int_eq(v, -42);
    ck_assert_int_eq(rpc_dict_i64(&d, "min", &v), 0);
    ck_assert(v == INT64_MIN);
    ck_assert_int_eq(rpc_dict_i64(&d, "none", &v), -ENOENT);
    ck_assert_int_eq(rpc_dict_i64(&d, "text", &v), -EINVAL);
    ck_assert_int_eq(rpc_dict_i64(&d, "empty", &v), -EINVAL);
    ck_assert_int_eq(rpc_dict_i64(&d, "blank", &v), -EINVAL);
    ck_assert_int_eq(rpc_dict_i64(&d, "trail", &v), -EINVAL);
    ck_assert_int_eq(rpc_dict_i64(&d, "big", &v), -EINVAL);
    ck_assert_int_eq(rpc_dict_i64(&d, "raw", &v), -EINVAL);
    ck_assert_ptr_null(rpc_dict_str(&d, "nul"));
    ck_assert_int_eq(rpc_dict_set_str(&d, "n", "7"), 0);
    ck_assert_int_eq(rpc_dict_i64(&d, "n", &v), 0);
    ck_assert_int_eq(v, 7);
    ck_assert_uint_eq(d.count, 9);
    end();
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        a_real_dictionary_decodes,
        empty_is_not_absent,
        what_follows_the_last_pair_is_ignored,
        lengths_that_lie_are_refused,
        bounds_hold_to_one_past_the_end,
        values_are_texts_and_numbers,
    };
    Suite *s = suite_create("rpc_dict");
    TCase *tc = tcase_create("rpc_dict");
    SRunner *sr = srunner_create(s);
    int failed;

    for (size_t i = 0; i < COUNT_OF(tests); i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
