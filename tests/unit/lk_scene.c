/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/lk_scene.h"

#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "mem/account.h"
#include "mem/must.h"
#include "server/lock/domain.h"

static _Atomic(unsigned) answers;
static struct mutex answered_mtx = MUTEX_INITIALIZER("answered", 0);
static struct cond answered;
static pthread_once_t answered_once = PTHREAD_ONCE_INIT;

static void
answered_init(void)
{
    cond_init(&answered);
}

static void
inode_released(void *arg, struct inode *inode)
{
    struct scene *s = arg;

    lk_inode_release(inode);
    s->inodes_released++;
}

static void
open_fd(struct scene *s, unsigned i)
{
    int os_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    ck_assert_int_ge(os_fd, 0);
    s->fds[i] = fd_new(s->inode, os_fd, O_RDWR, 1000 + (int)i, &s->fds[i],
                       false);
    ck_assert_ptr_nonnull(s->fds[i]);
    s->numbers[i] = fd_table_install(s->fd_table, s->fds[i]);
    ck_assert_int_ge(s->numbers[i], 0);
}

void
scene_open(struct scene *s)
{
    struct inode_table_ops ops = {.arg = s, .release = inode_released};
    struct gfid gfid = {.b = {[15] = 42}};

    memset(s, 0, sizeof(*s));
    pthread_once(&answered_once, answered_init);
    s->table = inode_table_new(0, &ops);
    ck_assert_ptr_nonnull(s->table);
    s->inode = inode_link(s->table, &gfid, S_IFREG);
    ck_assert_ptr_nonnull(s->inode);
    s->fd_table = fd_table_new();
    ck_assert_ptr_nonnull(s->fd_table);
    for (unsigned i = 0; i < SCENE_FDS; i++)
        open_fd(s, i);
}

void
scene_release_fd(struct scene *s, unsigned i)
{
    struct fd *fd = fd_table_remove(s->fd_table, s->numbers[i]);

    ck_assert_ptr_eq(fd, s->fds[i]);
    lk_release_fd(fd);
    fd_put(fd);
    s->numbers[i] = -1;
}

void
scene_reopen_fd(struct scene *s, unsigned i)
{
    ck_assert_int_lt(s->numbers[i], 0);
    fd_put(s->fds[i]);
    open_fd(s, i);
}

static void
no_fd(void *arg, struct fd *fd)
{
    ck_abort_msg("an fd was left");
}

static void
check_accounts(void)
{
    static const char *const names[] = {"record lock", "record lock waiter",
                                        "lock domain", "lock dump"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct mem_type_stats stats;

        mem_account_read_one("server.lock", names[i], &stats);
        ck_assert_msg(stats.num_allocs == 0, "%s left", names[i]);
    }
}

void
scene_close(struct scene *s)
{
    for (unsigned i = 0; i < SCENE_FDS; i++) {
        if (s->numbers[i] >= 0)
            scene_release_fd(s, i);
        fd_put(s->fds[i]);
    }
    ck_assert_uint_eq(lk_count(s->inode), 0);
    fd_table_close(s->fd_table, no_fd, NULL);
    fd_table_destroy(&s->fd_table);
    /* Locks that have gone keep nothing: the inode goes now. */
    inode_forget(s->inode);
    inode_put(s->inode);
    inode_table_destroy(&s->table);
    ck_assert_uint_eq(s->inodes_released, 1);
    check_accounts();
}

void
answer_done(void *arg, int err, const struct lk_desc *granted)
{
    struct answer *a = arg;

    mutex_lock(&answered_mtx);
    a->err = err;
    if (granted)
        memcpy(&a->desc, granted, sizeof(a->desc));
    a->order = ++answers;
    a->calls++;
    cond_broadcast(&answered);
    mutex_unlock(&answered_mtx);
}

void
answer_wait(struct answer *a)
{
    mutex_lock(&answered_mtx);
    while (a->calls == 0)
        cond_wait(&answered, &answered_mtx);
    mutex_unlock(&answered_mtx);
}

struct lk_request
scene_request(struct scene *s, unsigned i, char owner, enum lk_type type,
              int64_t start, int64_t len)
{
    static const char owners[] = "abcdefghijklmnopqrstuvwxyz";

    return (struct lk_request){
        .fd = s->fds[i],
        .client = &s->fds[i],
        .client_uid = "CTX_ID:test-client-0",
        .caller_pid = 1000 + (int)i,
        .owner = (const uint8_t *)strchr(owners, owner),
        .owner_bytes = 1,
        .type = type,
        .start = start,
        .len = len,
        .pid = 2000 + i,
    };
}

int
scene_set(struct scene *s, unsigned i, char owner, enum lk_type type,
          int64_t start, int64_t len)
{
    struct lk_request req = scene_request(s, i, owner, type, start, len);

    return lk_set(&req, NULL, NULL);
}

int
scene_set_wait(struct scene *s, unsigned i, char owner, enum lk_type type,
               int64_t start, int64_t len, struct answer *a)
{
    struct lk_request req = scene_request(s, i, owner, type, start, len);
    struct lk_wait wait = {answer_done, a};

    return lk_set(&req, &wait, NULL);
}

static void
put_word(FILE *f, const struct lk_lock *lock)
{
    fprintf(f, "%s%c%" PRIu64 "-", ftell(f) > 0 ? " " : "",
            lock->type == LK_READ ? 'R' : 'W', lock->range.start);
    if (lock->range.end != INT64_MAX)
        fprintf(f, "%" PRIu64, lock->range.end);
    fprintf(f, ":%c%s", lock->owner[0], lock->waiter ? "?" : "");
}

const char *
scene_text(struct scene *s)
{
    static char buf[8192];
    struct lock_domain *domain = lock_domain_find(s->inode);
    FILE *f = fmemopen(buf, sizeof(buf), "w");
    const struct lk_lock *lock;

    ck_assert_ptr_nonnull(f);
    if (domain) {
        mutex_lock(&domain->mtx);
        cds_list_for_each_entry(lock, &domain->records.granted, node)
            put_word(f, lock);
        cds_list_for_each_entry(lock, &domain->records.waiting, node)
            put_word(f, lock);
        mutex_unlock(&domain->mtx);
    }
    fputc('\0', f);
    ck_assert_int_eq(fclose(f), 0);
    return buf;
}
