/* SPDX-License-Identifier: BSD-2-Clause */
/* Record marks, the assembler of fragments, and call and reply headers. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "mem/must.h"
#include "rpc/message.h"
#include "rpc/record.h"

enum { BOUND = 1000 };

static void
mark(uint8_t *p, uint32_t bytes, bool last)
{
    record_mark_encode(p, bytes);
    if (!last)
        p[0] &= 0x7f;
}

START_TEST(marks_say_length_and_last)
{
    uint8_t p[4];
    struct record_mark m;

    record_mark_encode(p, 0x12345678);
    ck_assert_mem_eq(p, "\x92\x34\x56\x78", 4);
    m = record_mark_decode(p);
    ck_assert(m.last);
    ck_assert_uint_eq(m.bytes, 0x12345678);
    m = record_mark_decode((const uint8_t *)"\x7f\xff\xff\xff");
    ck_assert(!m.last);
    ck_assert_uint_eq(m.bytes, 0x7fffffff);
}
END_TEST

START_TEST(buffers_follow_what_has_arrived)
{
    const size_t gib = (size_t)1 << 30;

    ck_assert_uint_eq(record_buffer_bytes(0, 100), 100);
    ck_assert_uint_eq(record_buffer_bytes(0, gib), RECORD_FIRST_BYTES);
    ck_assert_uint_eq(record_buffer_bytes(100000, gib), 400000);
    ck_assert_uint_eq(record_buffer_bytes(100000, 100001), 100001);
}
END_TEST

/* Feed in pieces of `step` bytes; returns the last result. */
static int
feed(struct record_asm *a, const uint8_t *p, size_t bytes, size_t step,
     size_t *total)
{
    int r = 0;

    *total = 0;
    while (*total < bytes && r == 0) {
        size_t n = bytes - *total < step ? bytes - *total : step, used;

        r = record_asm_feed(a, BOUND, p + *total, n, &used);
        ck_assert_uint_le(used, n);
        ck_assert(r != 0 || used == n);
        *total += used;
    }
    return r;
}

START_TEST(fragments_are_joined_however_they_arrive)
{
    uint8_t stream[64];
    size_t bytes = 0, used, got;

    mark(stream, 5, false);
    memcpy(stream + 4, "Hello", 5);
    mark(stream + 9, 0, false);
    mark(stream + 13, 2, false);
    memcpy(stream + 17, ", ", 2);
    mark(stream + 19, 6, true);
    memcpy(stream + 23, "world.", 6);
    memcpy(stream + 29, "next", 4);
    bytes = 33;
    for (size_t step = 1; step <= bytes; step++) {
        struct record_asm a = {.open = false};
        struct iobuf *buf;

        ck_assert_int_eq(feed(&a, stream, bytes, step, &used), 1);
        ck_assert_uint_eq(used, 29);
        buf = record_asm_take(&a, &got);
        ck_assert(!a.open);
        ck_assert_uint_eq(got, 13);
        ck_assert_mem_eq(buf->data, "Hello, world.", 13);
        iobuf_put(buf);
    }
}
END_TEST

START_TEST(the_bound_is_on_the_whole_record)
{
    uint8_t stream[4 + BOUND + 4] = {0};
    struct record_asm a = {.open = false};
    size_t used;

    mark(stream, BOUND, false);
    mark(stream + 4 + BOUND, 0, true);
    ck_assert_int_eq(feed(&a, stream, sizeof(stream), 77, &used), 1);
    record_asm_reset(&a);
    mark(stream + 4 + BOUND, 1, true);
    ck_assert_int_eq(feed(&a, stream, sizeof(stream), 77, &used), -EMSGSIZE);
    record_asm_reset(&a);
    mark(stream, BOUND + 1, true);
    ck_assert_int_eq(feed(&a, stream, 4, 4, &used), -EMSGSIZE);
    record_asm_reset(&a);
    ck_assert(!a.open);
}
END_TEST

START_TEST(empty_fragments_are_bounded)
{
    static const uint8_t marks[4 * (RECORD_EMPTY_FRAGMENTS_MAX + 1)];
    struct record_asm a = {.open = false};
    size_t used;

    ck_assert_int_eq(feed(&a, marks, sizeof(marks) - 4, 1000, &used), 0);
    ck_assert_int_eq(feed(&a, marks, 4, 4, &used), -EMSGSIZE);
    record_asm_reset(&a);
}
END_TEST

/* --- messages --- */

/* A real client's DUMP call, without its mark. */
static const uint8_t dump_call[] = {
    0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0x07, 0x5b, 0xb8, 0x6d,
    0, 0, 0, 1, 0, 0, 0, 1, 0, 5, 0xf3, 0x97, 0, 0, 0, 0x18,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0xca, 0xed,
};

START_TEST(a_real_call_decodes_at_any_address)
{
    for (size_t shift = 0; shift < 4; shift++) {
        uint8_t buf[80];
        struct message_call c;

        memcpy(buf + shift, dump_call, sizeof(dump_call));
        ck_assert_int_eq(message_type(buf + shift, sizeof(dump_call)),
                         MESSAGE_CALL);
        ck_assert_int_eq(
            message_decode_call(&c, buf + shift, sizeof(dump_call)), 0);
        ck_assert_uint_eq(c.xid, 2);
        ck_assert_uint_eq(c.program, 123451501);
        ck_assert_uint_eq(c.version, 1);
        ck_assert_uint_eq(c.procedure, 1);
        ck_assert_uint_eq(c.cred_flavor, 390039);
        ck_assert_uint_eq(c.cred_bytes, 24);
        ck_assert_ptr_eq(c.cred, buf + shift + 32);
        ck_assert_uint_eq(c.head_bytes, 64);
    }
}
END_TEST

START_TEST(the_end_of_a_head_is_found_early)
{
    size_t need;

    for (size_t avail = 0; avail < 64; avail++) {
        ck_assert_int_eq(message_call_head_bytes(dump_call, avail, &need),
                         -EAGAIN);
        ck_assert_uint_gt(need, avail);
        ck_assert_uint_le(need, 64);
    }
    ck_assert_int_eq(message_call_head_bytes(dump_call, 64, &need), 0);
    ck_assert_uint_eq(need, 64);
}
END_TEST

START_TEST(a_call_cut_short_does_not_decode)
{
    struct message_call c;

    for (size_t n = 0; n < 64; n++)
        ck_assert_int_eq(message_decode_call(&c, dump_call, n), -EINVAL);
    ck_assert_int_eq(message_type(dump_call, 7), -EPROTO);
}
END_TEST

START_TEST(credential_and_verifier_end_at_400_bytes)
{
    uint8_t buf[1000] = {0};
    struct message_call c;
    size_t need;

    memcpy(buf, dump_call, 32);
    buf[30] = 1;
    buf[31] = 0x90; /* 400 */
    buf[32 + 400 + 6] = 1;
    buf[32 + 400 + 7] = 0x90;
    ck_assert_int_eq(message_decode_call(&c, buf, 32 + 400 + 8 + 400), 0);
    ck_assert_uint_eq(c.cred_bytes, 400);
    ck_assert_uint_eq(c.head_bytes, 840);
    ck_assert_int_eq(message_call_head_bytes(buf, 840, &need), 0);
    ck_assert_uint_eq(need, 840);
    buf[32 + 400 + 7] = 0x91;
    ck_assert_int_eq(message_decode_call(&c, buf, sizeof(buf)), -EINVAL);
    ck_assert_int_eq(message_call_head_bytes(buf, sizeof(buf), &need),
                     -EINVAL);
    buf[31] = 0x91;
    ck_assert_int_eq(message_decode_call(&c, buf, sizeof(buf)), -EINVAL);
    ck_assert_int_eq(message_call_head_bytes(buf, 40, &need), -EINVAL);
}
END_TEST

START_TEST(replies_are_written_as_real_servers_do)
{
    static const uint8_t ok[24] = {0, 0, 0, 3, 0, 0, 0, 1};
    static const uint8_t mismatch[32] = {0, 0, 0, 3, 0, 0, 0, 1, [23] = 2};
    static const uint8_t denied[20] = {0, 0, 0, 3, 0, 0, 0, 1,
                                       [11] = 1, [15] = 1, [19] = 2};
    uint8_t out[MESSAGE_REPLY_BYTES_MAX];

    ck_assert_uint_eq(message_encode_accepted(out, 3, RPC_SUCCESS), 24);
    ck_assert_mem_eq(out, ok, 24);
    ck_assert_uint_eq(message_encode_accepted(out, 3, RPC_PROG_MISMATCH), 32);
    ck_assert_mem_eq(out, mismatch, 32);
    ck_assert_int_eq(message_check_reply(out, 32), 0);
    ck_assert_uint_eq(message_encode_auth_error(out, 3, 2), 20);
    ck_assert_mem_eq(out, denied, 20);
    ck_assert_int_eq(message_check_reply(out, 20), 0);
    ck_assert_int_eq(message_check_reply(out, 19), -EINVAL);
}
END_TEST

START_TEST(one_way_calls_are_written_as_real_servers_do)
{
    static const uint8_t head[40] = {
        0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0x24, 0xcc, 0x42,
        0, 0, 0, 1, 0, 0, 0, 10};
    uint8_t out[40];

    ck_assert_uint_eq(message_encode_call(out, 1, 52743234, 1, 10), 40);
    ck_assert_mem_eq(out, head, 40);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        marks_say_length_and_last,
        buffers_follow_what_has_arrived,
        fragments_are_joined_however_they_arrive,
        the_bound_is_on_the_whole_record,
        empty_fragments_are_bounded,
        a_real_call_decodes_at_any_address,
        the_end_of_a_head_is_found_early,
        a_call_cut_short_does_not_decode,
        credential_and_verifier_end_at_400_bytes,
        replies_are_written_as_real_servers_do,
        one_way_calls_are_written_as_real_servers_do,
    };
    Suite *s = suite_create("rpc_record");
    TCase *tc = tcase_create("rpc_record");
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
