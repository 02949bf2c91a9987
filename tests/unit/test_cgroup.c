/* SPDX-License-Identifier: BSD-2-Clause */
/* What the machine and control groups allow, on files planted here. */
#include "mem/cgroup.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/limit.h"
#include "mem/must.h"

#define MIB (UINT64_C(1) << 20)
#define V2_MOUNT \
    "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n"
#define V1_MOUNT                                                  \
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"           \
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" \
    "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"

static char root[] = "/tmp/test_cgroup.XXXXXX";

static void
plant(const char *path, const char *text)
{
    char full[512];
    char *slash;
    FILE *f;

    ck_assert_int_lt(snprintf(full, sizeof(full), "%s/%s", root, path),
                     (int)sizeof(full));
    for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL;
         slash++) {
        *slash = '\0';
        ck_assert(mkdir(full, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    f = fopen(full, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static void
setup(void)
{
    strcpy(root, "/tmp/test_cgroup.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    plant("proc/meminfo", "MemTotal:        1048576 kB\nMemFree: 1 kB\n");
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void
teardown(void)
{
    ck_assert_int_eq(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static uint64_t
limit_mib(const char *part_of_from)
{
    const char *from = NULL;
    uint64_t bytes = cgroup_limit_of_machine(root, &from);

    ck_assert_msg(strstr(from, part_of_from) != NULL, "from %s, not %s", from,
                  part_of_from);
    ck_assert_uint_eq(bytes % MIB, 0);
    return bytes / MIB;
}

START_TEST(a_machine_without_groups_has_its_memory)
{
    ck_assert_uint_eq(limit_mib("machine"), 1024);
}
END_TEST

START_TEST(a_machine_that_says_nothing_is_asked_otherwise)
{
    const char *from = NULL;

    plant("proc/meminfo", "MemTotal: lots\n");
    ck_assert_uint_eq(cgroup_limit_of_machine(root, &from),
                      (uint64_t)sysconf(_SC_PHYS_PAGES) *
                          (uint64_t)sysconf(_SC_PAGESIZE));
}
END_TEST

START_TEST(version_2_has_the_lowest_of_all_levels)
{
    plant("proc/self/mountinfo", V2_MOUNT);
    plant("proc/self/cgroup", "0::/a.slice/b.service\n");
    plant("sys/fs/cgroup/a.slice/b.service/memory.max", "314572800\n");
    ck_assert_uint_eq(limit_mib("memory.max"), 300);
    plant("sys/fs/cgroup/a.slice/memory.max", "104857600\n");
    ck_assert_uint_eq(limit_mib("memory.max"), 100);
    plant("sys/fs/cgroup/memory.max", "52428800\n");
    ck_assert_uint_eq(limit_mib("memory.max"), 50);
    /* Another group's is not ours. */
    plant("sys/fs/cgroup/a.slice/c.service/memory.max", "1048576\n");
    ck_assert_uint_eq(limit_mib("memory.max"), 50);
}
END_TEST

START_TEST(version_2_throttles_at_high)
{
    plant("proc/self/mountinfo", V2_MOUNT);
    plant("proc/self/cgroup", "0::/b\n");
    plant("sys/fs/cgroup/b/memory.max", "314572800\n");
    plant("sys/fs/cgroup/b/memory.high", "209715200\n");
    ck_assert_uint_eq(limit_mib("memory.high"), 200);
}
END_TEST

START_TEST(version_1_has_the_lowest_of_all_levels)
{
    plant("proc/self/mountinfo", V1_MOUNT);
    plant("proc/self/cgroup", "9:cpu:/x\n4:hugetlb,memory:/a/b\n0::/z\n");
    plant("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes",
          "9223372036854771712\n");
    ck_assert_uint_eq(limit_mib("machine"), 1024);
    plant("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "104857600\n");
    ck_assert_uint_eq(limit_mib("memory.limit_in_bytes"), 100);
    plant("sys/fs/cgroup/memory/a/b/memory.stat",
          "cache 1\nhierarchical_memory_limit 52428800\nx 1\n");
    ck_assert_uint_eq(limit_mib("hierarchical_memory_limit"), 50);
    /* cpu's hierarchy has no say. */
    plant("sys/fs/cgroup/cpu/x/memory.limit_in_bytes", "1048576\n");
    ck_assert_uint_eq(limit_mib("hierarchical_memory_limit"), 50);
}
END_TEST

START_TEST(with_both_versions_the_lower_counts)
{
    plant("proc/self/mountinfo", V1_MOUNT
          "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n");
    plant("proc/self/cgroup", "4:memory:/a\n0::/b\n");
    plant("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "104857600\n");
    ck_assert_uint_eq(limit_mib("limit_in_bytes"), 100);
    plant("sys/fs/cgroup/unified/b/memory.max", "52428800\n");
    ck_assert_uint_eq(limit_mib("memory.max"), 50);
}
END_TEST

START_TEST(a_container_sees_its_group_at_the_top)
{
    plant("proc/self/mountinfo",
          "33 31 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup c "
          "rw,memory\n");
    plant("proc/self/cgroup", "4:memory:/docker/abc\n");
    plant("sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n");
    ck_assert_uint_eq(limit_mib("limit_in_bytes"), 100);
    /* A group below that. */
    plant("proc/self/cgroup", "4:memory:/docker/abc/d\n");
    plant("sys/fs/cgroup/memory/d/memory.limit_in_bytes", "52428800\n");
    ck_assert_uint_eq(limit_mib("limit_in_bytes"), 50);
    /* One whose name only begins alike, and one from elsewhere. */
    plant("proc/self/cgroup", "4:memory:/docker/abcd\n");
    ck_assert_uint_eq(limit_mib("limit_in_bytes"), 100);
    plant("proc/self/cgroup", "4:memory:/../d\n");
    ck_assert_uint_eq(limit_mib("limit_in_bytes"), 100);
}
END_TEST

START_TEST(a_mount_may_have_blanks_in_its_name)
{
    plant("proc/self/mountinfo",
          "31 23 0:28 / /my\\040groups\\1 rw - cgroup2 cgroup2 rw\n");
    plant("proc/self/cgroup", "0::/\n");
    plant("my groups\\1/memory.max", "104857600\n");
    ck_assert_uint_eq(limit_mib("memory.max"), 100);
}
END_TEST

START_TEST(what_is_no_number_is_no_limit)
{
    static const char *const words[] = {
        "max\n",
        "",
        "\n",
        "-1\n",
        "0\n",
        "12x\n",
        "0x10\n",
        "1e6\n",
        "18446744073709551616\n",
        "99999999999999999999999\n",
        "1048576.5\n",
        "18446744073709551615\n",
    };

    plant("proc/self/mountinfo", V2_MOUNT);
    plant("proc/self/cgroup", "0::/b\n");
    plant("sys/fs/cgroup/b/memory.max", words[_i]);
    plant("sys/fs/cgroup/b/memory.high", words[_i]);
    ck_assert_int_lt(_i, (int)COUNT_OF(words));
    ck_assert_uint_eq(limit_mib("machine"), 1024);
}
END_TEST

START_TEST(nonsense_in_the_kernels_files_is_passed_over)
{
    static const char *const mounts[] = {
        "\n\n - \n",
        "1 2 3 4 5 - cgroup2 x rw\n",
        "1 2 3 / / rw -\n",
        "1 2 3 / / rw - cgroup\n",
        "1 2 3 / / rw - cgroup x\n",
        "- - - -\n",
        "1 2 3 / /x\\04 rw - cgroup2 x rw",
        " - cgroup2 x rw,memory\n",
    };
    static const char *const groups[] = {
        "", "0", "0:", "0::", "::\n", "0:memory\n", "x:memory:y\n", ":memory:",
    };

    for (size_t i = 0; i < COUNT_OF(mounts); i++) {
        for (size_t j = 0; j < COUNT_OF(groups); j++) {
            plant("proc/self/mountinfo", mounts[i]);
            plant("proc/self/cgroup", groups[j]);
            ck_assert_uint_eq(limit_mib("machine"), 1024);
        }
    }
}
END_TEST

START_TEST(a_line_beyond_all_bounds_is_skipped)
{
    static char text[20000];
    const char mount[] = V2_MOUNT;

    /* At every place where a buffer could end. */
    for (size_t len = 4000; len < 4200; len++) {
        memset(text, 'x', len);
        text[len] = '\n';
        memcpy(text + len + 1, mount, sizeof(mount));
        plant("proc/self/mountinfo", text);
        plant("proc/self/cgroup", "0::/b\n");
        plant("sys/fs/cgroup/b/memory.max", "104857600\n");
        ck_assert_uint_eq(limit_mib("memory.max"), 100);
    }
    memset(text, 'x', sizeof(text) - 1);
    plant("proc/self/mountinfo", text);
    ck_assert_uint_eq(limit_mib("machine"), 1024);
    text[0] = '0';
    text[1] = text[2] = ':';
    text[3] = '/';
    plant("proc/self/mountinfo", V2_MOUNT);
    plant("proc/self/cgroup", text);
    ck_assert_uint_eq(limit_mib("machine"), 1024);
}
END_TEST

START_TEST(a_deep_group_ends_the_walk)
{
    char path[1024] = "0::";

    for (int i = 0; i < 200; i++)
        strcat(path, "/a");
    strcat(path, "\n");
    plant("proc/self/mountinfo", V2_MOUNT);
    plant("proc/self/cgroup", path);
    ck_assert_uint_eq(limit_mib("machine"), 1024);
}
END_TEST

START_TEST(this_machine_has_a_limit)
{
    const char *from = NULL;
    uint64_t bytes = mem_limit_of_machine(&from);

    ck_assert_uint_gt(bytes, 0);
    ck_assert_uint_lt(bytes, UINT64_MAX);
    ck_assert_uint_gt(strlen(from), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("cgroup");
    TCase *tc = tcase_create("planted");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_machine_without_groups_has_its_memory);
    tcase_add_test(tc, a_machine_that_says_nothing_is_asked_otherwise);
    tcase_add_test(tc, version_2_has_the_lowest_of_all_levels);
    tcase_add_test(tc, version_2_throttles_at_high);
    tcase_add_test(tc, version_1_has_the_lowest_of_all_levels);
    tcase_add_test(tc, with_both_versions_the_lower_counts);
    tcase_add_test(tc, a_container_sees_its_group_at_the_top);
    tcase_add_test(tc, a_mount_may_have_blanks_in_its_name);
    tcase_add_loop_test(tc, what_is_no_number_is_no_limit, 0, 12);
    tcase_add_test(tc, nonsense_in_the_kernels_files_is_passed_over);
    tcase_add_test(tc, a_line_beyond_all_bounds_is_skipped);
    tcase_add_test(tc, a_deep_group_ends_the_walk);
    tcase_add_test(tc, this_machine_has_a_limit);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
