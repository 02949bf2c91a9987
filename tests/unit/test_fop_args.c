/* SPDX-License-Identifier: BSD-2-Clause */
/* The file operations' codec: captured messages, every letter both ways, and
 * what must not decode. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem/account.h"
#include "mem/must.h"
#include "rpc/program.h"
#include "server/wire/args.h"
#include "server/wire/reply.h"

MEM_TYPE(mt_test, "tests", "arena");

static struct arena arena;
static struct fop_args args;

static void
setup(void)
{
    arena_init(&arena, &mt_test, NULL, 0);
}

static void
teardown(void)
{
    struct mem_type_stats st;

    arena_release(&arena);
    mem_account_read_one("tests", "arena", &st);
    ck_assert_uint_eq(st.size, 0);
}

/* Hex text to bytes; blanks do not count. */
static size_t
unhex(const char *text, uint8_t *out)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        unsigned v;

        if (*text == ' ')
            continue;
        ck_assert_int_eq(sscanf(text, "%2x", &v), 1);
        out[n++] = (uint8_t)v;
        text++;
    }
    return n;
}

static int
decode(unsigned proc, const char *hex)
{
    static uint8_t bytes[4096];
    size_t n = unhex(hex, bytes);

    return fop_args_decode(&args, &fop_table[proc], bytes, n, &arena);
}

#define ROOT "00000000 00000000 00000000 00000001 "
#define NOBODY "00000000 00000000 00000000 00000000 "
#define NO_DICT "00000000 ffffffff 00000000 "
#define EMPTY_DICT "00000000 00000000 00000000 "

START_TEST(lookup_of_the_root_decodes)
{
    ck_assert_int_eq(decode(FOP_LOOKUP, ROOT NOBODY "00000000 00000000 "
                                        EMPTY_DICT), 0);
    ck_assert(gfid_is_root(&args.gfid));
    ck_assert(gfid_is_null(&args.gfid2));
    ck_assert_str_eq(args.name, "");
    ck_assert(!args.xdata.null);
    ck_assert_uint_eq(args.xdata.count, 0);
}
END_TEST

START_TEST(lookup_of_a_name_with_gfid_req_decodes)
{
    struct gfid g;

    ck_assert_int_eq(
        decode(FOP_LOOKUP,
               NOBODY ROOT "00000000 00000001 64000000 00000024 00000001 "
               "00000001 00000009 67666964 2d726571 00000000 00000007 "
               "1bf5bd3e c1884834 b4ec15c5 53fa134b"), 0);
    ck_assert_str_eq(args.name, "d");
    ck_assert_int_eq(dict_gfid(&args.xdata, "gfid-req", &g), 0);
    ck_assert_uint_eq(g.b[0], 0x1b);
    ck_assert_uint_eq(g.b[15], 0x4b);
}
END_TEST

START_TEST(no_dictionary_is_not_an_empty_one)
{
    ck_assert_int_eq(decode(FOP_STAT, ROOT NO_DICT), 0);
    ck_assert(args.xdata.null);
}
END_TEST

START_TEST(write_decodes_and_splits)
{
    static uint8_t bytes[256];
    size_t n = unhex("f489c428 54614183 9c535523 cb2ca02e 00000000 00000000 "
                     "00000000 00000000 0000000b 00000000 " NO_DICT
                     "68656c6c 6f20776f 726c64",
                     bytes);
    size_t head = 0;

    ck_assert_int_eq(fop_write_split(bytes, 51, &head), -EAGAIN);
    ck_assert_uint_eq(head, 52);
    ck_assert_int_eq(fop_write_split(bytes, n, &head), 0);
    ck_assert_uint_eq(head, 52);
    ck_assert_int_eq(fop_args_decode(&args, &fop_table[FOP_WRITE], bytes, head,
                                     &arena), 0);
    ck_assert_uint_eq(args.size, 11);
    ck_assert_int_eq(args.fd, 0);
}
END_TEST

START_TEST(a_write_whose_xdata_is_too_long_is_not_split)
{
    uint8_t bytes[52] = {0};
    size_t head = 0;

    bytes[41] = 1; /* xdr_size 65536: the bound itself, still to come */
    ck_assert_int_eq(fop_write_split(bytes, sizeof(bytes), &head), -EAGAIN);
    ck_assert_uint_eq(head, sizeof(bytes) + 65536);
    bytes[43] = 1; /* one past it */
    ck_assert_int_eq(fop_write_split(bytes, sizeof(bytes), &head), -EINVAL);
}
END_TEST

START_TEST(cut_short_anywhere_does_not_decode)
{
    static const char whole[] =
        NOBODY ROOT "00000000 00000001 64000000 00000024 00000001 00000001 "
        "00000009 67666964 2d726571 00000000 00000007 1bf5bd3e c1884834 "
        "b4ec15c5 53fa134b";
    static uint8_t bytes[256];
    size_t n = unhex(whole, bytes), i;

    for (i = 0; i < n; i++) {
        /* A copy of the exact size, so that a sanitizer sees any overrun. */
        uint8_t *cut = malloc(i > 0 ? i : 1);

        memcpy(cut, bytes, i);
        ck_assert_int_eq(fop_args_decode(&args, &fop_table[FOP_LOOKUP], cut, i,
                                         &arena), -EINVAL);
        free(cut);
    }
}
END_TEST

START_TEST(lying_dictionaries_do_not_decode)
{
    /* more pairs than the record can hold */
    ck_assert_int_eq(decode(FOP_STAT, ROOT "00000000 7fffffff 7fffffff"),
                     -EINVAL);
    /* key longer than what is left */
    ck_assert_int_eq(decode(FOP_STAT, ROOT "00000010 00000001 00000001 "
                                      "7ffffff0 61000000 00000002 00000000"),
                     -EINVAL);
    /* key without its NUL */
    ck_assert_int_eq(decode(FOP_STAT, ROOT "00000014 00000001 00000001 "
                                      "00000004 61616161 00000002 00000000 "
                                      "00000001"),
                     -EINVAL);
    /* empty key */
    ck_assert_int_eq(decode(FOP_STAT, ROOT "00000014 00000001 00000001 "
                                      "00000001 00000000 00000002 00000000 "
                                      "00000001"),
                     -EINVAL);
    /* a NUL inside the key */
    ck_assert_int_eq(decode(FOP_STAT, ROOT "00000014 00000001 00000001 "
                                      "00000004 61006100 00000002 00000000 "
                                      "00000001"),
                     -EINVAL);
    /* type tags 0 and 10 */
    ck_assert_int_eq(decode(FOP_STAT, ROOT "00000014 00000001 00000001 "
                                      "00000002 61000000 00000000 00000000 "
                                      "00000001"),
                     -EINVAL);
    ck_assert_int_eq(decode(FOP_STAT, ROOT "00000014 00000001 00000001 "
                                      "00000002 61000000 0000000a 00000000 "
                                      "00000001"),
                     -EINVAL);
}
END_TEST

START_TEST(a_nul_inside_a_name_is_told)
{
    ck_assert_int_eq(decode(FOP_MKDIR, ROOT "000001ed 00000012 00000003 "
                                       "61006200 " EMPTY_DICT), 0);
    ck_assert(args.nul_in_name);
}
END_TEST

START_TEST(a_string_value_gets_its_nul)
{
    const struct dict_pair *p;

    ck_assert_int_eq(decode(FOP_STAT, ROOT "00000014 00000001 00000001 "
                                      "00000002 61000000 00000005 00000004 "
                                      "79657373"), 0);
    p = dict_find(&args.xdata, "a");
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(p->bytes, 5);
    ck_assert_str_eq((const char *)p->data, "yess");
}
END_TEST

/* --- replies --- */

static struct iobuf *
encode(struct fop_reply *r, unsigned proc, size_t *bytes)
{
    struct iobuf *buf = fop_reply_encode(r, &fop_table[proc], bytes);

    ck_assert_ptr_nonnull(buf);
    return buf;
}

START_TEST(a_failed_lookup_has_the_whole_structure)
{
    struct fop_reply r;
    struct iobuf *buf;
    size_t bytes, i;
    static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2,
                                   0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
                                   0, 0, 0, 0};

    fop_reply_init(&r, &arena);
    fop_reply_fail(&r, ENOENT);
    buf = encode(&r, FOP_LOOKUP, &bytes);
    ck_assert_uint_eq(bytes, RPC_REPLY_HEAD_BYTES + sizeof(head) + 296);
    ck_assert_mem_eq(buf->data + RPC_REPLY_HEAD_BYTES, head, sizeof(head));
    for (i = RPC_REPLY_HEAD_BYTES + sizeof(head); i < bytes; i++)
        ck_assert_uint_eq(buf->data[i], 0);
    iobuf_put(buf);
    fop_reply_fini(&r);
}
END_TEST

START_TEST(read_has_its_xdata_last)
{
    struct fop_reply r;
    struct iobuf *buf;
    size_t bytes;

    fop_reply_init(&r, &arena);
    r.op_ret = 7;
    r.payload_bytes = 7;
    r.iatt[0].flags = IATT_ALL;
    buf = encode(&r, FOP_READ, &bytes);
    ck_assert_uint_eq(bytes, RPC_REPLY_HEAD_BYTES + 172);
    ck_assert_uint_eq(buf->data[RPC_REPLY_HEAD_BYTES + 8 + 148 + 3], 7);
    ck_assert_uint_eq(buf->data[bytes - 8], 0xff);
    iobuf_put(buf);
}
END_TEST

START_TEST(a_dictionary_survives_the_way_out_and_in)
{
    static const uint8_t bin[3] = {1, 0, 2};
    struct iatt ia = {.flags = IATT_ALL, .size = 1u << 31, .mode = 0100644,
                      .mtime = {.tv_sec = -5, .tv_nsec = 999999999}};
    struct fop_reply r;
    struct iobuf *buf;
    struct xdr_in in;
    struct dict d;
    struct gfid g = {.b = {1, 2, 3}};
    int64_t v;
    size_t bytes;

    fop_reply_init(&r, &arena);
    ck_assert_int_eq(dict_set_i64(&r.xdata, "i", -3), 0);
    ck_assert_int_eq(dict_set_u64(&r.xdata, "u", UINT64_MAX), 0);
    ck_assert_int_eq(dict_set_str(&r.xdata, "s", "text"), 0);
    ck_assert_int_eq(dict_set_ptr(&r.xdata, "p", bin, sizeof(bin)), 0);
    ck_assert_int_eq(dict_set_gfid(&r.xdata, "g", &g), 0);
    ck_assert_int_eq(dict_set_iatt(&r.xdata, "a", &ia), 0);
    ck_assert_int_eq(dict_set_double(&r.xdata, "d", 2.5), 0);
    buf = encode(&r, FOP_FLUSH, &bytes);
    xdr_in_init(&in, buf->data + RPC_REPLY_HEAD_BYTES + 8,
                bytes - RPC_REPLY_HEAD_BYTES - 8);
    ck_assert_int_eq(wire_in_dict(&in, &d, &arena), 0);
    ck_assert(!in.bad);
    ck_assert_uint_eq(xdr_in_left(&in), 0);
    ck_assert_uint_eq(d.count, 7);
    ck_assert_int_eq(dict_i64(&d, "i", &v), 0);
    ck_assert_int_eq(v, -3);
    ck_assert_uint_eq(dict_find(&d, "u")->u, UINT64_MAX);
    ck_assert_str_eq(dict_str(&d, "s"), "text");
    ck_assert_uint_eq(dict_find(&d, "p")->bytes, 3);
    ck_assert_mem_eq(dict_find(&d, "p")->data, bin, 3);
    ck_assert_int_eq(dict_find(&d, "a")->iatt->mtime.tv_sec, -5);
    ck_assert_int_eq(dict_find(&d, "a")->iatt->mtime.tv_nsec, 999999999);
    ck_assert_uint_eq(dict_find(&d, "a")->iatt->size, 1u << 31);
    ck_assert_double_eq(dict_find(&d, "d")->d, 2.5);
    iobuf_put(buf);
}
END_TEST

/* `count` pairs, key i being "k<i modulo distinct>" and its value i. */
static int
decode_many(uint32_t count, uint32_t distinct, struct dict *d)
{
    struct xdr_out out;
    struct xdr_in in;
    uint32_t i;
    int err;

    ck_assert_int_eq(xdr_out_init(&out, 0, 4096), 0);
    xdr_out_u32(&out, 0);
    xdr_out_i32(&out, (int32_t)count);
    xdr_out_u32(&out, count);
    for (i = 0; i < count; i++) {
        char key[16];
        int bytes = snprintf(key, sizeof(key), "k%u", i % distinct) + 1;

        xdr_out_opaque(&out, key, (uint32_t)bytes);
        xdr_out_i32(&out, DICT_INT);
        xdr_out_i64(&out, i);
    }
    ck_assert(!out.failed);
    /* Keys and values stay where they were decoded. */
    xdr_in_init(&in, arena_memdup(&arena, out.buf->data, out.pos), out.pos);
    xdr_out_drop(&out);
    err = wire_in_dict(&in, d, &arena);
    ck_assert(err != 0 || in.bad || xdr_in_left(&in) == 0);
    return in.bad ? -EINVAL : err;
}

START_TEST(of_a_key_sent_twice_the_later_value_holds)
{
    static const uint32_t sizes[][2] = {
        {1, 1},   {2, 1},   {16, 5},    {16, 16}, {17, 17},    {17, 3},
        {33, 32}, {512, 9}, {1000, 1},  {1024, 700}, {1024, 1024},
    };
    size_t s;

    for (s = 0; s < COUNT_OF(sizes); s++) {
        uint32_t count = sizes[s][0], distinct = sizes[s][1], i;
        struct dict d;

        ck_assert_int_eq(decode_many(count, distinct, &d), 0);
        ck_assert_uint_eq(d.count, distinct);
        for (i = 0; i < distinct; i++) {
            uint32_t last = i + (count - 1 - i) / distinct * distinct;
            char key[16];

            (void)snprintf(key, sizeof(key), "k%u", i);
            ck_assert_str_eq(d.pairs[i].key, key);
            ck_assert_int_eq(d.pairs[i].i, last);
        }
    }
}
END_TEST

START_TEST(a_full_dictionary_has_room_for_what_we_add)
{
    struct dict d;
    uint32_t i;

    ck_assert_int_eq(decode_many(DICT_PAIRS_WIRE_MAX + 1, 1, &d), -EINVAL);
    ck_assert_int_eq(decode_many(DICT_PAIRS_WIRE_MAX, DICT_PAIRS_WIRE_MAX, &d),
                     0);
    for (i = DICT_PAIRS_WIRE_MAX; i < DICT_PAIRS_MAX; i++)
        ck_assert_int_eq(
            dict_set_i64(&d, arena_printf(&arena, "added %u", i), 0), 0);
    ck_assert_int_eq(dict_set_i64(&d, "no more", 0), -E2BIG);
    ck_assert(dict_has(&d, "k1023"));
}
END_TEST

/* SETACTIVELK with so many locks, less the last bytes. */
static int
decode_locks(uint32_t count, size_t cut)
{
    static const uint8_t owner[8] = {1};
    struct wire_flock fl = {.owner = owner, .owner_bytes = sizeof(owner)};
    struct xdr_out out;
    uint32_t i;
    int err;

    ck_assert_int_eq(xdr_out_init(&out, 0, 4096), 0);
    wire_out_gfid(&out, &gfid_root);
    for (i = 0; i < count; i++) {
        xdr_out_u32(&out, 1);
        wire_out_flock(&out, &fl);
        xdr_out_opaque(&out, "client", 6);
        xdr_out_u32(&out, 0);
    }
    xdr_out_u32(&out, 0);
    for (i = 0; i < 3; i++) /* no xdata */
        xdr_out_u32(&out, i == 1 ? UINT32_MAX : 0);
    ck_assert(!out.failed);
    err = fop_args_decode(&args, &fop_table[FOP_SETACTIVELK], out.buf->data,
                          out.pos - cut, &arena);
    xdr_out_drop(&out);
    return err;
}

START_TEST(a_list_of_locks_is_decoded_to_its_end)
{
    size_t cut;

    ck_assert_int_eq(decode_locks(0, 0), 0);
    ck_assert_int_eq(decode_locks(3, 0), 0);
    ck_assert(args.xdata.null);
    for (cut = 4; cut <= 16 + 2 * 64; cut += 4)
        ck_assert_int_eq(decode_locks(3, cut), -EINVAL);
    ck_assert_int_eq(decode_locks(WIRE_LOCKS_MAX, 0), 0);
    ck_assert_int_eq(decode_locks(WIRE_LOCKS_MAX + 1, 0), -EINVAL);
}
END_TEST

START_TEST(every_operation_encodes_a_failure)
{
    unsigned proc;

    for (proc = 0; proc < FOP_PROCS; proc++) {
        struct fop_reply r;
        struct iobuf *buf;
        size_t bytes;

        if (fop_table[proc].name == NULL)
            continue;
        ck_assert_uint_eq(fop_table[proc].proc, proc);
        fop_reply_init(&r, &arena);
        fop_reply_fail(&r, EIO);
        buf = encode(&r, proc, &bytes);
        ck_assert_uint_eq(buf->data[RPC_REPLY_HEAD_BYTES + 7], EIO);
        iobuf_put(buf);
    }
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("fop_args");
    TCase *t = tcase_create("codec");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, lookup_of_the_root_decodes);
    tcase_add_test(t, lookup_of_a_name_with_gfid_req_decodes);
    tcase_add_test(t, no_dictionary_is_not_an_empty_one);
    tcase_add_test(t, write_decodes_and_splits);
    tcase_add_test(t, a_write_whose_xdata_is_too_long_is_not_split);
    tcase_add_test(t, cut_short_anywhere_does_not_decode);
    tcase_add_test(t, lying_dictionaries_do_not_decode);
    tcase_add_test(t, a_nul_inside_a_name_is_told);
    tcase_add_test(t, a_string_value_gets_its_nul);
    tcase_add_test(t, a_failed_lookup_has_the_whole_structure);
    tcase_add_test(t, read_has_its_xdata_last);
    tcase_add_test(t, a_dictionary_survives_the_way_out_and_in);
    tcase_add_test(t, of_a_key_sent_twice_the_later_value_holds);
    tcase_add_test(t, a_full_dictionary_has_room_for_what_we_add);
    tcase_add_test(t, a_list_of_locks_is_decoded_to_its_end);
    tcase_add_test(t, every_operation_encodes_a_failure);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    SRunner *r = srunner_create(suite());
    int failed;

    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
