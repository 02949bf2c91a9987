/* SPDX-License-Identifier: BSD-2-Clause */
/* Credentials of every flavour, and their limits to one past the end. */
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "mem/must.h"
#include "rpc/auth.h"

struct body {
    uint8_t bytes[512];
    uint32_t len;
};

static void
put(struct body *b, uint32_t v)
{
    v = htobe32(v);
    memcpy(b->bytes + b->len, &v, sizeof(v));
    b->len += 4;
}

static void
put_groups(struct body *b, uint32_t n)
{
    put(b, n);
    for (uint32_t i = 0; i < n; i++)
        put(b, 1000 + i);
}

static void
put_owner(struct body *b, uint32_t n)
{
    put(b, n);
    memset(b->bytes + b->len, 0xaa, n);
    b->len += (n + 3) / 4 * 4;
}

static struct body
make_v2(uint32_t groups, uint32_t owner)
{
    struct body b = {.len = 0};

    put(&b, (uint32_t)-6);
    put(&b, 501);
    put(&b, 502);
    put_groups(&b, groups);
    put_owner(&b, owner);
    return b;
}

static struct body
make_v3(uint32_t groups, uint32_t owner)
{
    struct body b = {.len = 0};

    put(&b, (uint32_t)-3);
    put(&b, 7);
    put(&b, 8);
    put(&b, 0x1f);
    put(&b, 999999999);
    put(&b, 1);
    put(&b, 2);
    put_groups(&b, groups);
    put_owner(&b, owner);
    return b;
}

static int
decode(struct rpc_cred *c, uint32_t flavor, const struct body *b)
{
    return rpc_cred_decode(c, flavor, b->bytes, b->len);
}

START_TEST(v2_tells_who_calls)
{
    struct body b = make_v2(3, 8);
    struct rpc_cred c;

    ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V2, &b), 0);
    ck_assert_uint_eq(c.flavor, RPC_AUTH_GLUSTERFS_V2);
    ck_assert_int_eq(c.pid, -6);
    ck_assert_uint_eq(c.uid, 501);
    ck_assert_uint_eq(c.gid, 502);
    ck_assert_uint_eq(c.groups_count, 3);
    ck_assert_uint_eq(c.groups[2], 1002);
    ck_assert_uint_eq(c.lk_owner_bytes, 8);
    ck_assert_ptr_eq(c.lk_owner, b.bytes + b.len - 8);
    ck_assert_ptr_eq(c.raw, b.bytes);
    ck_assert_uint_eq(c.raw_bytes, b.len);
    ck_assert_uint_eq(c.time_flags, 0);
}
END_TEST

START_TEST(v3_tells_times_too)
{
    struct body b = make_v3(0, 4);
    struct rpc_cred c;

    ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V3, &b), 0);
    ck_assert_int_eq(c.pid, -3);
    ck_assert_uint_eq(c.uid, 7);
    ck_assert_uint_eq(c.gid, 8);
    ck_assert_uint_eq(c.time_flags, 0x1f);
    ck_assert_uint_eq(c.ctime_nsec, 999999999);
    ck_assert_uint_eq(c.ctime_sec, ((uint64_t)1 << 32) + 2);
    ck_assert_uint_eq(c.groups_count, 0);
    ck_assert_uint_eq(c.lk_owner_bytes, 4);
}
END_TEST

static struct body
make_v1(uint32_t groups)
{
    struct body b = {.len = 0};

    put(&b, 0x01020304);
    put(&b, 0x05060708);
    put(&b, 9);
    put(&b, 10);
    put(&b, 11);
    put(&b, groups);
    for (uint32_t i = 0; i < 16; i++)
        put(&b, 100 + i);
    return b;
}

START_TEST(v1_has_an_owner_of_eight_bytes)
{
    struct body b = make_v1(16);
    struct rpc_cred c;

    ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V1, &b), 0);
    ck_assert_int_eq(c.pid, 9);
    ck_assert_uint_eq(c.uid, 10);
    ck_assert_uint_eq(c.gid, 11);
    ck_assert_uint_eq(c.groups_count, 16);
    ck_assert_uint_eq(c.groups[15], 115);
    ck_assert_uint_eq(c.lk_owner_bytes, 8);
    ck_assert_mem_eq(c.lk_owner, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    b = make_v1(17);
    ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V1, &b), -EINVAL);
}
END_TEST

static struct body
make_unix(uint32_t name, uint32_t groups)
{
    struct body b = {.len = 0};

    put(&b, 12345);
    put_owner(&b, name);
    put(&b, 20);
    put(&b, 21);
    put_groups(&b, groups);
    return b;
}

START_TEST(auth_unix_is_understood)
{
    struct body b = make_unix(255, 16);
    struct rpc_cred c;

    ck_assert_int_eq(decode(&c, RPC_AUTH_UNIX, &b), 0);
    ck_assert_uint_eq(c.uid, 20);
    ck_assert_uint_eq(c.gid, 21);
    ck_assert_uint_eq(c.groups_count, 16);
    ck_assert_uint_eq(c.lk_owner_bytes, 0);
    ck_assert_int_eq(c.pid, 0);
    b = make_unix(256, 0);
    ck_assert_int_eq(decode(&c, RPC_AUTH_UNIX, &b), -EINVAL);
    b = make_unix(5, 17);
    ck_assert_int_eq(decode(&c, RPC_AUTH_UNIX, &b), -EINVAL);
}
END_TEST

START_TEST(groups_and_owner_share_a_bound)
{
    struct rpc_cred c;

    for (uint32_t groups = 0; groups <= 95; groups += 19) {
        uint32_t owner = 95 - groups;
        struct body b = make_v2(groups, owner);

        if (b.len <= RPC_CRED_BYTES_MAX)
            ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V2, &b), 0);
        b = make_v2(groups, owner + 1);
        ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V2, &b), -EINVAL);
        ck_assert_uint_eq(c.groups_count, 0);
        ck_assert_uint_eq(c.lk_owner_bytes, 0);
    }
    for (uint32_t groups = 0; groups <= 91; groups += 13) {
        uint32_t owner = 91 - groups;
        struct body b = make_v3(groups, owner);

        if (b.len <= RPC_CRED_BYTES_MAX)
            ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V3, &b), 0);
        b = make_v3(groups, owner + 1);
        ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V3, &b), -EINVAL);
    }
}
END_TEST

START_TEST(most_groups_decode_and_one_more_does_not)
{
    struct body b = make_v2(95, 0);
    struct rpc_cred c;

    ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V2, &b), 0);
    ck_assert_uint_eq(c.groups_count, 95);
    ck_assert_uint_eq(c.groups[94], 1094);
    b = make_v2(96, 0);
    ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V2, &b), -EINVAL);
    b = make_v3(91, 0);
    ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V3, &b), 0);
    ck_assert_uint_eq(c.groups_count, 91);
    b = make_v3(92, 0);
    ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V3, &b), -EINVAL);
}
END_TEST

START_TEST(counts_that_lie_are_refused)
{
    static const uint32_t lies[] = {0x7fffffff, 0x80000000, 0xffffffff,
                                    0x40000000, 99, 100};
    struct rpc_cred c;

    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        struct body b = make_v3(0, 0);
        uint32_t v = htobe32(lies[i]);

        memcpy(b.bytes + 28, &v, 4); /* groups */
        ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V3, &b), -EINVAL);
        b = make_v3(0, 0);
        memcpy(b.bytes + 32, &v, 4); /* lk_owner */
        ck_assert_int_eq(decode(&c, RPC_AUTH_GLUSTERFS_V3, &b), -EINVAL);
    }
}
END_TEST

START_TEST(a_body_cut_short_is_refused)
{
    static const uint32_t flavors[] = {
        RPC_AUTH_UNIX, RPC_AUTH_GLUSTERFS_V1, RPC_AUTH_GLUSTERFS_V2,
        RPC_AUTH_GLUSTERFS_V3};
    struct body bodies[] = {make_unix(8, 2), make_v1(2), make_v2(2, 4),
                            make_v3(2, 4)};
    struct rpc_cred c;

    for (size_t i = 0; i < COUNT_OF(flavors); i++) {
        ck_assert_int_eq(decode(&c, flavors[i], &bodies[i]), 0);
        for (uint32_t n = 0; n < bodies[i].len; n++)
            ck_assert_int_eq(
                rpc_cred_decode(&c, flavors[i], bodies[i].bytes, n), -EINVAL);
    }
}
END_TEST

START_TEST(an_unknown_flavour_is_nobody)
{
    struct body b = make_v3(2, 4);
    struct rpc_cred c;

    ck_assert_int_eq(decode(&c, 4711, &b), 0);
    ck_assert_uint_eq(c.flavor, RPC_AUTH_NULL);
    ck_assert_uint_eq(c.uid, 0);
    ck_assert_uint_eq(c.groups_count, 0);
    ck_assert_uint_eq(c.lk_owner_bytes, 0);
    ck_assert_int_eq(rpc_cred_decode(&c, 0, NULL, 0), 0);
    ck_assert_int_eq(
        rpc_cred_decode(&c, 0, b.bytes, RPC_CRED_BYTES_MAX + 1), -EINVAL);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        v2_tells_who_calls,
        v3_tells_times_too,
        v1_has_an_owner_of_eight_bytes,
        auth_unix_is_understood,
        groups_and_owner_share_a_bound,
        most_groups_decode_and_one_more_does_not,
        counts_that_lie_are_refused,
        a_body_cut_short_is_refused,
        an_unknown_flavour_is_nobody,
    };
    Suite *s = suite_create("rpc_auth");
    TCase *tc = tcase_create("rpc_auth");
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
