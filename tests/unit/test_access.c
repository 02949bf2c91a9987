/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access control: the rules as tables, then the kernel's own opinion on random
 * files and callers.
 */
#include "server/stage/access.h"

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"

enum { TAG_UO = 1, TAG_U = 2, TAG_GO = 4, TAG_G = 8, TAG_M = 16, TAG_O = 32 };
enum { NO_ID = -1, ACL_BYTES_MAX = 4 + 8 * 8 };

struct acl_entry {
    uint16_t tag, perm;
    int64_t id;
};

static uint32_t
acl_put(uint8_t out[ACL_BYTES_MAX], const struct acl_entry *e, size_t count)
{
    uint32_t version = htole32(2);
    uint8_t *p = out + 4;

    ck_assert_uint_le(count, 8);
    memcpy(out, &version, 4);
    for (size_t i = 0; i < count; i++, p += 8) {
        uint16_t tag = htole16(e[i].tag), perm = htole16(e[i].perm);
        uint32_t id = htole32((uint32_t)e[i].id);

        memcpy(p, &tag, 2);
        memcpy(p + 2, &perm, 2);
        memcpy(p + 4, &id, 4);
    }
    return (uint32_t)(p - out);
}

static const uint32_t groups_20_21[] = {20, 21};

static struct caller
caller_of(uint32_t uid, uint32_t gid)
{
    return (struct caller){.pid = 100,
                           .uid = uid,
                           .gid = gid,
                           .groups = groups_20_21,
                           .groups_count = 2};
}

/* --- permissions --- */

START_TEST(modes_decide_by_class)
{
    static const struct {
        uint32_t mode, uid, gid;
        unsigned want;
        int rc;
    } t[] = {
        {0640, 10, 1, ACCESS_R | ACCESS_W, 0},
        {0640, 10, 1, ACCESS_X, -EACCES},
        {0040, 10, 30, ACCESS_R, -EACCES}, /* the owner's class, no other */
        {0640, 11, 30, ACCESS_R, 0},
        {0640, 11, 30, ACCESS_W, -EACCES},
        {0604, 11, 30, ACCESS_R, -EACCES}, /* the group's class, no other */
        {0640, 11, 31, ACCESS_R, -EACCES},
        {0644, 11, 31, ACCESS_R, 0},
        {0644, 11, 31, ACCESS_R | ACCESS_W, -EACCES},
        {0000, 10, 30, 0, 0},
        {0000, 0, 0, ACCESS_R | ACCESS_W | ACCESS_X, 0},
        {0000, 77, 0, ACCESS_R | ACCESS_W | ACCESS_X, 0}, /* super_uid */
    };

    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct iatt st = {.mode = S_IFREG | t[i].mode, .uid = 10, .gid = 30};
        struct access_object o = {.stat = &st};
        struct caller c = caller_of(t[i].uid, t[i].gid);

        ck_assert_msg(access_check(&c, 77, &o, t[i].want) == t[i].rc,
                      "row %zu", i);
    }
}
END_TEST

START_TEST(supplementary_groups_count)
{
    struct iatt st = {.mode = S_IFREG | 0040, .uid = 10, .gid = 21};
    struct access_object o = {.stat = &st};
    struct caller c = caller_of(11, 1);

    ck_assert_int_eq(access_check(&c, 0, &o, ACCESS_R), 0);
    st.gid = 22;
    ck_assert_int_eq(access_check(&c, 0, &o, ACCESS_R), -EACCES);
}
END_TEST

START_TEST(internal_clients_pass_permissions)
{
    struct iatt st = {.mode = S_IFREG, .uid = 10, .gid = 30};
    struct access_object o = {.stat = &st};
    struct caller c = caller_of(2000, 2000);

    c.pid = CALLER_PID_SELF_HEAL;
    ck_assert(access_is_exempt(&c, 0));
    ck_assert_int_eq(access_check(&c, 0, &o, 7), 0);
    c.pid = CALLER_PID_NFS;
    ck_assert(!access_is_exempt(&c, 0));
    ck_assert_int_eq(access_check(&c, 0, &o, 1), -EACCES);
}
END_TEST

/* u::rw- u:11:rw- u:12:--x g::r-- g:20:-w- g:22:rwx m::rw- o::--x */
START_TEST(acls_decide_as_posix_has_it)
{
    static const struct acl_entry entries[] = {
        {TAG_UO, 6, NO_ID}, {TAG_U, 6, 11}, {TAG_U, 1, 12},
        {TAG_GO, 4, NO_ID}, {TAG_G, 2, 20}, {TAG_G, 7, 22},
        {TAG_M, 6, NO_ID},  {TAG_O, 1, NO_ID},
    };
    static const struct {
        uint32_t uid, gid;
        unsigned want;
        int rc;
    } t[] = {
        {10, 1, 6, 0},        /* the owner */
        {10, 22, 1, -EACCES}, /* whatever his groups have */
        {11, 1, 6, 0},        /* a named user */
        {11, 22, 1, -EACCES},
        {12, 1, 1, -EACCES}, /* masked */
        {12, 22, 6, -EACCES},
        {13, 30, 4, 0},       /* the owning group */
        {13, 1, 2, 0},        /* g:20, by supplementary group */
        {13, 30, 6, -EACCES}, /* no one group has both */
        {13, 22, 6, 0},
        {13, 22, 1, -EACCES}, /* g:22 has x, the mask has not */
        {14, 1, 1, -EACCES}, /* in some group: others' bits do not count */
    };
    uint8_t acl[ACL_BYTES_MAX];
    struct iatt st = {.mode = S_IFREG | 0661, .uid = 10, .gid = 30};
    struct access_object o = {
        .stat = &st,
        .acl = acl,
        .acl_bytes = acl_put(acl, entries, COUNT_OF(entries)),
    };
    struct caller nobody = caller_of(15, 99);

    ck_assert_int_eq(acl_check(acl, o.acl_bytes), 0);
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct caller c = caller_of(t[i].uid, t[i].gid);

        ck_assert_msg(access_check(&c, 0, &o, t[i].want) == t[i].rc, "row %zu",
                      i);
    }
    nobody.groups_count = 0;
    ck_assert_int_eq(access_check(&nobody, 0, &o, ACCESS_X), 0);
    ck_assert_int_eq(access_check(&nobody, 0, &o, ACCESS_R), -EACCES);
}
END_TEST

START_TEST(a_broken_acl_grants_nothing)
{
    uint8_t acl[ACL_BYTES_MAX] = {2, 0, 0, 0};
    struct iatt st = {.mode = S_IFREG | 0777, .uid = 10, .gid = 30};
    struct access_object o = {.stat = &st, .acl = acl};
    struct caller c = caller_of(11, 30), owner = caller_of(10, 1);

    for (o.acl_bytes = 0; o.acl_bytes < 12; o.acl_bytes++) {
        if (o.acl_bytes == 4)
            continue;
        ck_assert_int_eq(access_check(&c, 0, &o, ACCESS_R), -EACCES);
    }
    acl[0] = 3;
    o.acl_bytes = 12;
    ck_assert_int_eq(access_check(&c, 0, &o, ACCESS_R), -EACCES);
    ck_assert_int_eq(access_check(&owner, 0, &o, ACCESS_R), 0);
}
END_TEST

START_TEST(granted_bits_are_asked_for_one_by_one)
{
    struct iatt st = {.mode = S_IFREG | 0754, .uid = 10, .gid = 30};
    struct access_object o = {.stat = &st};
    struct caller c = caller_of(11, 30);

    ck_assert_uint_eq(access_granted(&c, 0, &o, 7), 5);
    ck_assert_uint_eq(access_granted(&c, 0, &o, 2), 0);
    ck_assert_uint_eq(access_granted(&c, 0, &o, 0), 0);
    c = caller_of(0, 0);
    ck_assert_uint_eq(access_granted(&c, 0, &o, 7), 7);
}
END_TEST

/* --- the rest of the rules --- */

START_TEST(sticky_directories_protect_entries)
{
    struct iatt parent = {.mode = S_IFDIR | 01777, .uid = 10};
    struct iatt child = {.mode = S_IFREG | 0666, .uid = 11};
    struct caller c = caller_of(12, 1);

    ck_assert_int_eq(access_sticky(&c, 0, &parent, &child), -EACCES);
    c.uid = 10;
    ck_assert_int_eq(access_sticky(&c, 0, &parent, &child), 0);
    c.uid = 11;
    ck_assert_int_eq(access_sticky(&c, 0, &parent, &child), 0);
    c.uid = 0;
    ck_assert_int_eq(access_sticky(&c, 0, &parent, &child), 0);
    c.uid = 12;
    c.pid = -1;
    ck_assert_int_eq(access_sticky(&c, 0, &parent, &child), 0);
    c.pid = 1;
    parent.mode = S_IFDIR | 0777;
    ck_assert_int_eq(access_sticky(&c, 0, &parent, &child), 0);
}
END_TEST

START_TEST(open_flags_want_what_they_say)
{
    static const struct {
        int flags;
        unsigned want;
    } t[] = {
        {0, ACCESS_R},
        {1, ACCESS_W},
        {2, ACCESS_R | ACCESS_W},
        {3, ACCESS_R | ACCESS_W},
        {040, ACCESS_X},
        {01000, ACCESS_R | ACCESS_W},
        {02000, ACCESS_R | ACCESS_W},
        {01001, ACCESS_W},
        {040 | 01000, ACCESS_X | ACCESS_W},
        {0100000 | 04000, ACCESS_R},
    };

    for (size_t i = 0; i < COUNT_OF(t); i++)
        ck_assert_msg(access_for_open(t[i].flags) == t[i].want, "row %zu", i);
}
END_TEST

/* A file 0644 of 10:20; callers are in 20 and 21 besides their gid. */
START_TEST(attributes_are_the_owners)
{
    static const struct {
        uint32_t uid;
        int32_t pid;
        uint32_t valid;
        uint32_t new_uid, new_gid;
        int rc;
    } t[] = {
        {10, 1, SETATTR_MODE, 0, 0, 0},
        {11, 1, SETATTR_MODE, 0, 0, -EPERM},
        {2000, -6, SETATTR_MODE, 0, 0, -EPERM}, /* internal is no owner */
        {0, 1, SETATTR_MODE | SETATTR_UID | SETATTR_GID, 5, 5, 0},
        {77, 1, SETATTR_UID, 5, 5, 0}, /* super_uid */
        {10, 1, SETATTR_ATIME | SETATTR_MTIME, 0, 0, 0},
        {11, 1, SETATTR_ATIME, 0, 0, -EACCES},
        {11, 1, SETATTR_MTIME, 0, 0, -EACCES},
        {2000, -6, SETATTR_MTIME, 0, 0, 0}, /* passes the test for w */
        {11, 1, SETATTR_CTIME, 0, 0, 0},
        {11, 1, SETATTR_SIZE, 0, 0, 0}, /* ignored */
        {10, 1, SETATTR_UID, 10, 0, 0},
        {10, 1, SETATTR_UID, 11, 0, -EPERM},
        {11, 1, SETATTR_UID, 11, 0, -EPERM},
        {10, 1, SETATTR_GID, 0, 21, 0},
        {10, 1, SETATTR_GID, 0, 20, 0},
        {10, 1, SETATTR_GID, 0, 22, -EPERM},
        {11, 1, SETATTR_GID, 0, 21, -EPERM},
        {11, 1, SETATTR_GID, 0, 20, -EPERM},
        {11, 1, 0, 0, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct iatt st = {.mode = S_IFREG | 0644, .uid = 10, .gid = 20};
        struct iatt set = {.mode = 0600,
                           .uid = t[i].new_uid,
                           .gid = t[i].new_gid};
        struct access_object o = {.stat = &st};
        struct caller c = caller_of(t[i].uid, 1);

        c.pid = t[i].pid;
        ck_assert_msg(access_setattr(&c, 77, &o, &set, t[i].valid) == t[i].rc,
                      "row %zu", i);
    }
}
END_TEST

START_TEST(who_may_write_may_set_times)
{
    struct iatt st = {.mode = S_IFREG | 0666, .uid = 10, .gid = 20};
    struct iatt set = {0};
    struct access_object o = {.stat = &st};
    struct caller c = caller_of(11, 1);

    ck_assert_int_eq(access_setattr(&c, 0, &o, &set, SETATTR_MTIME), 0);
}
END_TEST

START_TEST(setgid_is_for_members)
{
    static const struct {
        uint32_t uid, file_gid, valid, new_gid;
        bool kept;
    } t[] = {
        {10, 20, SETATTR_MODE, 0, true},
        {10, 30, SETATTR_MODE, 0, false},
        {10, 20, SETATTR_MODE | SETATTR_GID, 21, true},
        {10, 30, SETATTR_MODE | SETATTR_GID, 21, false},
        {0, 30, SETATTR_MODE, 0, true},
    };

    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct iatt st = {.mode = S_IFREG | 0755,
                          .uid = 10,
                          .gid = t[i].file_gid};
        struct iatt set = {.mode = 02755, .gid = t[i].new_gid};
        struct access_object o = {.stat = &st};
        struct caller c = caller_of(t[i].uid, 1);

        ck_assert_int_eq(access_setattr(&c, 0, &o, &set, t[i].valid), 0);
        ck_assert_msg(set.mode == (t[i].kept ? 02755 : 0755), "row %zu", i);
    }
}
END_TEST

START_TEST(acls_are_the_owners)
{
    struct iatt st = {.mode = S_IFREG | 0777, .uid = 10};
    struct caller c = caller_of(10, 1);

    ck_assert_int_eq(access_own(&c, 77, &st), 0);
    c.uid = 77;
    ck_assert_int_eq(access_own(&c, 77, &st), 0);
    c.uid = 0;
    ck_assert_int_eq(access_own(&c, 77, &st), 0);
    c.uid = 11;
    ck_assert_int_eq(access_own(&c, 77, &st), -EPERM);
    c.pid = -6;
    ck_assert_int_eq(access_own(&c, 77, &st), -EPERM);
}
END_TEST

/* --- against the kernel --- */

enum { FILES = 60, CALLERS_PER_FILE = 4, FIRST_ID = 3000, IDS = 4 };

struct opinion {
    uint8_t access[8]; /* by wanted bits: 1 granted */
    uint8_t open[3];   /* by access mode */
};

static uint32_t
any_id(unsigned *seed)
{
    return FIRST_ID + (uint32_t)rand_r(seed) % IDS;
}

/* An ACL with up to two users and two groups, in order. */
static uint32_t
any_acl(unsigned *seed, uint8_t out[ACL_BYTES_MAX])
{
    struct acl_entry e[8];
    size_t n = 0;
    uint32_t id;

    e[n++] = (struct acl_entry){TAG_UO, rand_r(seed) & 7, NO_ID};
    for (id = FIRST_ID; id < FIRST_ID + IDS; id++)
        if (n < 3 && rand_r(seed) % 3 == 0)
            e[n++] = (struct acl_entry){TAG_U, rand_r(seed) & 7, id};
    e[n++] = (struct acl_entry){TAG_GO, rand_r(seed) & 7, NO_ID};
    for (id = FIRST_ID; id < FIRST_ID + IDS; id++)
        if (n < 6 && rand_r(seed) % 3 == 0)
            e[n++] = (struct acl_entry){TAG_G, rand_r(seed) & 7, id};
    e[n++] = (struct acl_entry){TAG_M, rand_r(seed) & 7, NO_ID};
    e[n++] = (struct acl_entry){TAG_O, rand_r(seed) & 7, NO_ID};
    return acl_put(out, e, n);
}

static void
ask_as_caller(const char *path, const struct caller *c, int to)
{
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    struct opinion op = {{0}, {0}};

    if (setgroups(c->groups_count, c->groups) != 0 || setgid(c->gid) != 0 ||
        setuid(c->uid) != 0)
        _exit(1);
    for (int want = 1; want < 8; want++)
        op.access[want] = access(path, want) == 0;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        int fd = open(path, modes[i]);

        op.open[i] = fd >= 0;
        if (fd >= 0)
            close(fd);
    }
    _exit(write(to, &op, sizeof(op)) == sizeof(op) ? 0 : 1);
}

static struct opinion
ask_kernel(const char *path, const struct caller *c)
{
    struct opinion op;
    int pipe_fds[2], status;
    pid_t pid;

    ck_assert_int_eq(pipe(pipe_fds), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        ask_as_caller(path, c, pipe_fds[1]);
    close(pipe_fds[1]);
    ck_assert_int_eq(read(pipe_fds[0], &op, sizeof(op)), sizeof(op));
    close(pipe_fds[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    return op;
}

/* Its attributes as we would have them. */
static void
load_object(const char *path, struct iatt *st, uint8_t *acl,
            struct access_object *o)
{
    struct stat s;
    ssize_t n = getxattr(path, "system.posix_acl_access", acl, ACL_BYTES_MAX);

    ck_assert_int_eq(stat(path, &s), 0);
    *st = (struct iatt){.mode = s.st_mode, .uid = s.st_uid, .gid = s.st_gid};
    *o = (struct access_object){.stat = st};
    if (n > 0) {
        ck_assert_int_eq(acl_check(acl, (uint32_t)n), 0);
        o->acl = acl;
        o->acl_bytes = (uint32_t)n;
    }
}

/* Linux does not read an ACL whose mask is empty, and so gives those that it
 * names the rights of others.  POSIX and the peer give them none, as we do:
 * there we may only be the stricter one. */
static bool
is_as_the_kernel(const struct access_object *o, bool ours, bool kernels)
{
    if (o->acl != NULL && (o->stat->mode & 070) == 0 && !ours)
        return true;
    return ours == kernels;
}

static void
compare(const char *path, const struct caller *c, const struct access_object *o)
{
    struct opinion op = ask_kernel(path, c);

    for (unsigned want = 1; want < 8; want++) {
        bool ours = access_check(c, 0, o, want) == 0;

        ck_assert_msg(is_as_the_kernel(o, ours, op.access[want]),
                      "mode %o of %u:%u, acl %u bytes; %u:%u wants %u",
                      o->stat->mode, o->stat->uid, o->stat->gid, o->acl_bytes,
                      c->uid, c->gid, want);
    }
    for (int mode = 0; mode < 3; mode++) {
        bool ours = access_check(c, 0, o, access_for_open(mode)) == 0;

        ck_assert(is_as_the_kernel(o, ours, op.open[mode]));
    }
}

START_TEST(decisions_are_the_kernels)
{
    char dir[] = "/var/tmp/clinker-access-XXXXXX", path[64];
    unsigned seed = 20, with_acl = 0;

    if (geteuid() != 0) {
        fprintf(stderr, "skipped: comparison with the kernel needs root\n");
        return;
    }
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chmod(dir, 0755), 0);
    snprintf(path, sizeof(path), "%s/f", dir);
    for (unsigned i = 0; i < FILES; i++) {
        uint8_t acl[ACL_BYTES_MAX];
        struct access_object o;
        struct iatt st;
        int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fchown(fd, any_id(&seed), any_id(&seed)), 0);
        ck_assert_int_eq(fchmod(fd, (mode_t)rand_r(&seed) & 0777), 0);
        if (i % 3 != 0) {
            uint32_t n = any_acl(&seed, acl);

            if (fsetxattr(fd, "system.posix_acl_access", acl, n, 0) != 0)
                ck_assert_int_eq(errno, EOPNOTSUPP);
        }
        close(fd);
        load_object(path, &st, acl, &o);
        with_acl += o.acl != NULL;
        for (unsigned k = 0; k < CALLERS_PER_FILE; k++) {
            uint32_t groups[2] = {any_id(&seed), any_id(&seed)};
            struct caller c = {.pid = 1,
                               .uid = any_id(&seed),
                               .gid = any_id(&seed),
                               .groups = groups,
                               .groups_count = (uint32_t)rand_r(&seed) % 3};

            compare(path, &c, &o);
        }
        ck_assert_int_eq(unlink(path), 0);
    }
    ck_assert_int_eq(rmdir(dir), 0);
    if (with_acl == 0)
        fprintf(stderr, "skipped: no ACLs on the file system of %s\n", dir);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("access");
    TCase *tc = tcase_create("rules");
    TCase *kernel = tcase_create("kernel");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, modes_decide_by_class);
    tcase_add_test(tc, supplementary_groups_count);
    tcase_add_test(tc, internal_clients_pass_permissions);
    tcase_add_test(tc, acls_decide_as_posix_has_it);
    tcase_add_test(tc, a_broken_acl_grants_nothing);
    tcase_add_test(tc, granted_bits_are_asked_for_one_by_one);
    tcase_add_test(tc, sticky_directories_protect_entries);
    tcase_add_test(tc, open_flags_want_what_they_say);
    tcase_add_test(tc, attributes_are_the_owners);
    tcase_add_test(tc, who_may_write_may_set_times);
    tcase_add_test(tc, setgid_is_for_members);
    tcase_add_test(tc, acls_are_the_owners);
    suite_add_tcase(s, tc);
    tcase_add_test(kernel, decisions_are_the_kernels);
    tcase_set_timeout(kernel, 60);
    suite_add_tcase(s, kernel);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
