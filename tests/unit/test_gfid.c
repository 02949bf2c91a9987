/* SPDX-License-Identifier: BSD-2-Clause */
/* Gfids and their text; and who is in a group. */
#include "server/core/gfid.h"

#include <errno.h>
#include <string.h>

#include "server/core/caller.h"
#include "tests/unit/core_fixture.h"

static const char text[] = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

START_TEST(text_and_bytes_are_each_other)
{
    static const uint8_t bytes[] = {0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f,
                                    0x60, 0x71, 0x82, 0x93, 0xa4, 0xb5,
                                    0xc6, 0xd7, 0xe8, 0xf9};
    char out[GFID_TEXT_BYTES];
    struct gfid g;

    ck_assert_int_eq(gfid_parse(&g, text, strlen(text)), 0);
    ck_assert_mem_eq(g.b, bytes, sizeof(bytes));
    ck_assert_ptr_eq(gfid_format(&g, out), out);
    ck_assert_str_eq(out, text);
    ck_assert_str_eq(gfid_str(&g), text);
}
END_TEST

START_TEST(capitals_are_read_and_not_written)
{
    struct gfid g;

    ck_assert_int_eq(
        gfid_parse(&g, "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9", 36), 0);
    ck_assert_str_eq(gfid_str(&g), text);
}
END_TEST

START_TEST(nothing_but_the_canonical_form_is_read)
{
    static const char *const wrong[] = {
        "",
        "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f",
        "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f90",
        "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "0a1b2c3d-4e5f-6071-82930a4b5c6d7e8f9",
        "0a1b2c3-d4e5f-6071-8293-a4b5c6d7e8f9",
        "0a1b2c3g-4e5f-6071-8293-a4b5c6d7e8f9",
        "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f ",
        "{a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f}",
        "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8\xff"
        "f",
    };
    struct gfid g = gfid_root;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        ck_assert_msg(gfid_parse(&g, wrong[i], strlen(wrong[i])) == -EINVAL,
                      "'%s' was read", wrong[i]);
        ck_assert(gfid_is_root(&g)); /* left alone */
    }
}
END_TEST

START_TEST(null_and_root_are_themselves)
{
    ck_assert_str_eq(gfid_str(&gfid_null),
                     "00000000-0000-0000-0000-000000000000");
    ck_assert_str_eq(gfid_str(&gfid_root),
                     "00000000-0000-0000-0000-000000000001");
    ck_assert(gfid_is_null(&gfid_null) && !gfid_is_null(&gfid_root));
    ck_assert(gfid_is_root(&gfid_root) && !gfid_is_root(&gfid_null));
}
END_TEST

START_TEST(random_ones_are_of_version_4_and_differ)
{
    struct gfid a, b;

    gfid_random(&a);
    gfid_random(&b);
    ck_assert(!gfid_equal(&a, &b));
    for (int i = 0; i < 100; i++) {
        gfid_random(&a);
        ck_assert_uint_eq(a.b[6] >> 4, 4);
        ck_assert_uint_eq(a.b[8] >> 6, 2);
    }
}
END_TEST

START_TEST(the_inode_number_is_the_last_eight_bytes)
{
    struct gfid g;

    ck_assert_int_eq(gfid_parse(&g, text, 36), 0);
    ck_assert_uint_eq(gfid_ino(&g), 0x8293a4b5c6d7e8f9);
    ck_assert_uint_eq(gfid_ino(&gfid_root), 1);
}
END_TEST

START_TEST(a_caller_is_in_its_own_and_its_listed_groups)
{
    static const uint32_t groups[] = {7, 5, 0xffffffff};
    struct caller c = {.gid = 3, .groups = groups, .groups_count = 3};

    ck_assert(caller_in_group(&c, 3));
    ck_assert(caller_in_group(&c, 5));
    ck_assert(caller_in_group(&c, 0xffffffff));
    ck_assert(!caller_in_group(&c, 0));
    c.groups_count = 0;
    c.groups = NULL;
    ck_assert(!caller_in_group(&c, 5));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gfid");
    TCase *tc = core_tcase(suite, "gfid");

    tcase_add_test(tc, text_and_bytes_are_each_other);
    tcase_add_test(tc, capitals_are_read_and_not_written);
    tcase_add_test(tc, nothing_but_the_canonical_form_is_read);
    tcase_add_test(tc, null_and_root_are_themselves);
    tcase_add_test(tc, random_ones_are_of_version_4_and_differ);
    tcase_add_test(tc, the_inode_number_is_the_last_eight_bytes);
    tcase_add_test(tc, a_caller_is_in_its_own_and_its_listed_groups);
    return core_run(suite);
}
