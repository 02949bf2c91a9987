/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each kind of operation through libgfapi.  Reads and writes of an open file
 * are kept in flight by the asynchronous calls, everything else is
 * synchronous.
 */
#include "tests/bench/gfapi_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "mem/must.h"
#include "tests/bench/measure.h"

int
gfapi_failed(void)
{
    return errno > 0 ? -errno : -EIO;
}

static void
file_name(char name[NAME_BYTES], uint64_t i, bool renamed)
{
    snprintf(name, NAME_BYTES, "%s%08" PRIu64, renamed ? "renamed-" : "file-",
             i);
}

int
gfapi_check_count(ssize_t got, size_t want)
{
    if (got < 0)
        return gfapi_failed();
    return (size_t)got == want ? 0 : -EIO;
}

/* --- the kinds of operation --- */

static int
run_create(struct worker *w, uint64_t i)
{
    char name[NAME_BYTES];
    struct stat st;
    glfs_fd_t *fd = NULL;
    glfs_object_t *object;
    int rc;

    file_name(name, i, false);
    object = glfs_h_creat_open(w->fs, w->dir, name,
                               O_CREAT | O_EXCL | O_RDWR, 0644, &st, &fd);
    if (object == NULL)
        return gfapi_failed();
    w->files = i + 1;
    rc = gfapi_check_count(
        glfs_pwrite(fd, w->buf, SMALL_BYTES, 0, 0, NULL, NULL), SMALL_BYTES);
    if (glfs_close(fd) != 0 && rc == 0)
        rc = gfapi_failed();
    if (glfs_h_close(object) != 0 && rc == 0)
        rc = gfapi_failed();
    return rc;
}

static int
run_lookup(struct worker *w, uint64_t i)
{
    char name[NAME_BYTES];
    struct stat st;
    glfs_object_t *object;

    file_name(name, i % w->files, false);
    object = glfs_h_lookupat(w->fs, w->dir, name, &st, 0);
    if (object == NULL)
        return gfapi_failed();
    if (st.st_size != SMALL_BYTES) {
        (void)glfs_h_close(object);
        return -EIO;
    }
    return glfs_h_close(object) == 0 ? 0 : gfapi_failed();
}

static int
run_stat(struct worker *w, uint64_t i)
{
    struct stat st;

    if (glfs_h_stat(w->fs, w->handles[i % w->handles_count], &st) != 0)
        return gfapi_failed();
    return st.st_size == SMALL_BYTES ? 0 : -EIO;
}

static int
run_open_read(struct worker *w, uint64_t i)
{
    glfs_fd_t *fd;
    int rc;

    fd = glfs_h_open(w->fs, w->handles[i % w->handles_count], O_RDONLY);
    if (fd == NULL)
        return gfapi_failed();
    rc = gfapi_check_count(glfs_pread(fd, w->buf, SMALL_BYTES, 0, 0, NULL),
                           SMALL_BYTES);
    if (glfs_close(fd) != 0 && rc == 0)
        rc = gfapi_failed();
    return rc;
}

/* One entry. */
static int
run_readdirp(struct worker *w, uint64_t i)
{
    struct stat st;
    union {
        struct dirent entry;
        char room[512]; /* what glfs.h asks for */
    } place;
    struct dirent *found = NULL;

    if (w->listing == NULL) {
        w->listing = glfs_h_opendir(w->fs, w->dir);
        if (w->listing == NULL)
            return gfapi_failed();
    }
    if (glfs_readdirplus_r(w->listing, &st, &place.entry, &found) != 0)
        return gfapi_failed();
    if (found != NULL)
        return 0;
    if (glfs_closedir(w->listing) != 0) {
        w->listing = NULL;
        return gfapi_failed();
    }
    w->listing = NULL;
    /* The directory is never empty: this goes one level deep. */
    return run_readdirp(w, i);
}

static int
run_setxattr(struct worker *w, uint64_t i)
{
    return glfs_h_setxattrs(w->fs, w->handles[i % w->handles_count],
                            "user.bench", w->buf, XATTR_BYTES, 0) == 0
               ? 0
               : gfapi_failed();
}

static int
run_getxattr(struct worker *w, uint64_t i)
{
    return gfapi_check_count(
        glfs_h_getxattrs(w->fs, w->handles[i % w->handles_count], "user.bench",
                         w->buf, SMALL_BYTES),
        XATTR_BYTES);
}

static int
run_statfs(struct worker *w, uint64_t i)
{
    struct statvfs sv;

    return glfs_h_statfs(w->fs, w->root, &sv) == 0 ? 0 : gfapi_failed();
}

static int
run_rename(struct worker *w, uint64_t i)
{
    char from[NAME_BYTES], to[NAME_BYTES];

    file_name(from, i, false);
    file_name(to, i, true);
    if (glfs_h_rename(w->fs, w->dir, from, w->dir, to) != 0)
        return gfapi_failed();
    w->renamed = i + 1;
    return 0;
}

static int
run_unlink(struct worker *w, uint64_t i)
{
    char name[NAME_BYTES];

    file_name(name, i, i < w->renamed);
    if (glfs_h_unlink(w->fs, w->dir, name) != 0)
        return gfapi_failed();
    w->unlinked = i + 1;
    return 0;
}

const struct op gfapi_ops[] = {
    {.name = "create", .scale = 1, .run = run_create, .needed = true},
    {.name = "lookup", .scale = 2, .run = run_lookup},
    {.name = "stat", .scale = 4, .run = run_stat, .by_handle = true},
    {.name = "open-read", .scale = 1, .run = run_open_read, .by_handle = true},
    {.name = "write-4k", .scale = 4, .block_bytes = SMALL_BYTES,
     .writes = true},
    {.name = "read-4k", .scale = 4, .block_bytes = SMALL_BYTES},
    {.name = "write-128k", .scale = 1, .block_bytes = LARGE_BYTES,
     .writes = true},
    {.name = "read-128k", .scale = 1, .block_bytes = LARGE_BYTES},
    {.name = "readdirp", .scale = 10, .run = run_readdirp},
    {.name = "setxattr", .scale = 2, .run = run_setxattr, .by_handle = true},
    {.name = "getxattr", .scale = 4, .run = run_getxattr, .by_handle = true},
    {.name = "statfs", .scale = 2, .run = run_statfs},
    {.name = "rename", .scale = 1, .run = run_rename, .uses_up = true},
    {.name = "unlink", .scale = 1, .run = run_unlink, .uses_up = true},
};
const size_t gfapi_ops_count = COUNT_OF(gfapi_ops);

/* --- asynchronous data --- */

static uint64_t
random_next(uint64_t *state) /* xorshift64 */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void
slot_free_locked(struct slot *slot)
{
    slot->next = slot->worker->free_slots;
    slot->worker->free_slots = slot;
    slot->worker->busy--;
    must(pthread_cond_signal(&slot->worker->freed) == 0);
}

static void
on_data(glfs_fd_t *fd, ssize_t ret, struct glfs_stat *before,
        struct glfs_stat *after, void *data)
{
    struct slot *slot = data;
    struct worker *w = slot->worker;
    int rc = gfapi_check_count(ret, w->op->block_bytes);

    must(pthread_mutex_lock(&w->mtx) == 0);
    if (rc == 0)
        w->done++;
    else if (w->error == 0)
        w->error = rc;
    slot_free_locked(slot);
    must(pthread_mutex_unlock(&w->mtx) == 0);
}

/* NULL once a call has failed. */
static struct slot *
slot_get(struct worker *w)
{
    struct slot *slot = NULL;

    must(pthread_mutex_lock(&w->mtx) == 0);
    while (w->free_slots == NULL && w->error == 0)
        must(pthread_cond_wait(&w->freed, &w->mtx) == 0);
    if (w->error == 0) {
        slot = w->free_slots;
        w->free_slots = slot->next;
        w->busy++;
    }
    must(pthread_mutex_unlock(&w->mtx) == 0);
    return slot;
}

static void
run_data(struct worker *w)
{
    const struct op *op = w->op;

    for (uint64_t i = 0; i < w->quota; i++) {
        struct slot *slot;
        off_t offset = (off_t)(random_next(&w->random) %
                               (DATA_BYTES / op->block_bytes) *
                               op->block_bytes);
        int rc;

        if (measure_now_ns() >= w->deadline_ns)
            break;
        slot = slot_get(w);
        if (slot == NULL)
            break;
        if (op->writes)
            rc = glfs_pwrite_async(w->data, slot->buf, (int)op->block_bytes,
                                   offset, 0, on_data, slot);
        else
            rc = glfs_pread_async(w->data, slot->buf, op->block_bytes, offset,
                                  0, on_data, slot);
        if (rc != 0) {
            rc = gfapi_failed();
            must(pthread_mutex_lock(&w->mtx) == 0);
            w->error = rc;
            slot_free_locked(slot);
            must(pthread_mutex_unlock(&w->mtx) == 0);
        }
    }
    must(pthread_mutex_lock(&w->mtx) == 0);
    while (w->busy > 0)
        must(pthread_cond_wait(&w->freed, &w->mtx) == 0);
    must(pthread_mutex_unlock(&w->mtx) == 0);
}

static void
run_calls(struct worker *w)
{
    for (uint64_t i = 0; i < w->quota && w->error == 0; i++) {
        if (measure_now_ns() >= w->deadline_ns)
            break;
        w->error = w->op->run(w, i);
        if (w->error == 0)
            w->done++;
    }
}

void
gfapi_op_run(struct worker *w)
{
    if (w->op->block_bytes > 0)
        run_data(w);
    else
        run_calls(w);
}

int
gfapi_handles(struct worker *w)
{
    while (w->handles_count < HANDLES_MAX && w->handles_count < w->files) {
        char name[NAME_BYTES];
        struct stat st;
        uint64_t i = w->handles_count;
        int rc;

        file_name(name, i, false);
        w->handles[i] =
            glfs_h_lookupat(w->fs, w->dir, name, &st, 0);
        if (w->handles[i] == NULL)
            return gfapi_failed();
        w->handles_count++;
        rc = run_setxattr(w, i);
        if (rc != 0)
            return rc;
    }
    return 0;
}
