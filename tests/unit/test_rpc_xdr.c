/* SPDX-License-Identifier: BSD-2-Clause */
/* XDR views and builders. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "mem/must.h"
#include "rpc/program.h"
#include "rpc/xdr.h"

static const uint8_t record[] = {
    0x80, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8,
    0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 0, 0, 0, 0, 9,
};

START_TEST(fields_are_read_at_any_address)
{
    for (size_t shift = 0; shift < 4; shift++) {
        uint8_t buf[sizeof(record) + 4];
        struct xdr_in in;
        const uint8_t *p;
        uint32_t n;

        memcpy(buf + shift, record, sizeof(record));
        xdr_in_init(&in, buf + shift, sizeof(record));
        ck_assert_uint_eq(xdr_in_u32(&in), 0x80000001);
        ck_assert_int_eq(xdr_in_i32(&in), -2);
        ck_assert(xdr_in_u64(&in) == UINT64_C(0x0102030405060708));
        p = xdr_in_opaque(&in, &n, 5);
        ck_assert_ptr_eq(p, buf + shift + 20);
        ck_assert_uint_eq(n, 5);
        ck_assert_uint_eq(xdr_in_pos(&in), 28);
        ck_assert_uint_eq(xdr_in_u32(&in), 9);
        ck_assert_uint_eq(xdr_in_left(&in), 0);
        ck_assert(!in.bad);
        ck_assert_uint_eq(xdr_in_u32(&in), 0);
        ck_assert(in.bad);
    }
}
END_TEST

START_TEST(an_error_sticks)
{
    struct xdr_in in;
    uint32_t n = 1;

    xdr_in_init(&in, record, sizeof(record));
    ck_assert_ptr_null(xdr_in_fixed(&in, sizeof(record) + 1));
    ck_assert(in.bad);
    ck_assert_uint_eq(xdr_in_u32(&in), 0);
    ck_assert(xdr_in_i64(&in) == 0);
    ck_assert_ptr_null(xdr_in_opaque(&in, &n, 100));
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(an_opaque_has_its_bound)
{
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4};
    struct xdr_in in;
    uint32_t n;

    xdr_in_init(&in, record + 16, 12);
    ck_assert_ptr_null(xdr_in_opaque(&in, &n, 4));
    ck_assert(in.bad);
    xdr_in_init(&in, huge, sizeof(huge));
    ck_assert_ptr_null(xdr_in_opaque(&in, &n, UINT32_MAX));
    ck_assert(in.bad);
}
END_TEST

START_TEST(padding_may_be_missing_at_the_end)
{
    struct xdr_in in;
    uint32_t n;

    for (size_t len = 9; len <= 12; len++) {
        xdr_in_init(&in, record + 16, len);
        ck_assert_ptr_nonnull(xdr_in_opaque(&in, &n, 100));
        ck_assert_uint_eq(xdr_in_left(&in), 0);
        ck_assert(!in.bad);
    }
    xdr_in_init(&in, record + 16, 8);
    ck_assert_ptr_null(xdr_in_opaque(&in, &n, 100));
    xdr_in_init(&in, NULL, 0);
    ck_assert_ptr_nonnull(xdr_in_fixed(&in, 0));
    ck_assert_uint_eq(xdr_in_u32(&in), 0);
    ck_assert(in.bad);
}
END_TEST

START_TEST(what_is_written_is_read)
{
    struct xdr_out out;
    struct xdr_in in;
    struct iobuf *buf;
    size_t bytes, at;
    uint32_t n;

    ck_assert_int_eq(xdr_out_init(&out, 28, 0), 0);
    at = out.pos;
    xdr_out_u32(&out, 0);
    xdr_out_i64(&out, INT64_MIN);
    for (int i = 0; i < 2000; i++) /* grows several times */
        xdr_out_opaque(&out, "hello", (size_t)i % 6);
    memcpy(xdr_out_reserve(&out, 4), "\0\0\0\7", 4);
    xdr_out_patch_u32(&out, at, 0xabcdef01);
    buf = xdr_out_take(&out, &bytes);
    ck_assert_ptr_nonnull(buf);
    xdr_in_init(&in, buf->data + 28, bytes - 28);
    ck_assert_uint_eq(xdr_in_u32(&in), 0xabcdef01);
    ck_assert(xdr_in_i64(&in) == INT64_MIN);
    for (int i = 0; i < 2000; i++) {
        const uint8_t *p = xdr_in_opaque(&in, &n, 5);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq(n, (uint32_t)i % 6);
        ck_assert_mem_eq(p, "hello", n);
    }
    ck_assert_uint_eq(xdr_in_u32(&in), 7);
    ck_assert_uint_eq(xdr_in_left(&in), 0);
    iobuf_put(buf);
}
END_TEST

START_TEST(a_builder_has_the_protocols_bound)
{
    struct xdr_out out;
    size_t bytes;

    ck_assert_int_eq(xdr_out_init(&out, 0, 16), 0);
    ck_assert_ptr_null(xdr_out_reserve(&out, RPC_RECORD_BYTES_MAX + 1));
    ck_assert(out.failed);
    xdr_out_u32(&out, 1);
    xdr_out_opaque(&out, "x", SIZE_MAX);
    ck_assert_ptr_null(xdr_out_take(&out, &bytes));
    ck_assert_ptr_null(out.buf);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        fields_are_read_at_any_address,
        an_error_sticks,
        an_opaque_has_its_bound,
        padding_may_be_missing_at_the_end,
        what_is_written_is_read,
        a_builder_has_the_protocols_bound,
    };
    Suite *s = suite_create("rpc_xdr");
    TCase *tc = tcase_create("rpc_xdr");
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
