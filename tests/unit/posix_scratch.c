/* SPDX-License-Identifier: BSD-2-Clause */
#include "posix_scratch.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/account.h"

MEM_TYPE(mt_test, "test", "arena");

static void
release(void *arg, struct inode *inode)
{
    struct scratch *s = arg;

    if (s->px != NULL)
        posix_inode_release(s->px, inode);
}

void
scratch_new_call(struct scratch *s)
{
    arena_release(&s->arena);
    dict_init(&s->xdata, &s->arena);
    dict_init(&s->reply, &s->arena);
    s->call = (struct posix_call){
        .px = s->px,
        .caller = &s->caller,
        .xdata = &s->xdata,
        .reply = &s->reply,
        .arena = &s->arena,
    };
}

void
scratch_begin(struct scratch *s)
{
    const struct inode_table_ops ops = {.arg = s, .release = release};
    const char *tmp = getenv("TMPDIR");

    memset(s, 0, sizeof(*s));
    urcu_memb_register_thread();
    (void)snprintf(s->directory, sizeof(s->directory), "%s/brick.XXXXXX",
                   tmp != NULL ? tmp : "/var/tmp");
    ck_assert_ptr_nonnull(mkdtemp(s->directory));
    s->options = options_new();
    ck_assert_ptr_nonnull(s->options);
    scratch_set(s, "posix.directory", s->directory);
    scratch_set(s, "posix.health-check-interval", "0");
    scratch_set(s, "posix.reserve", "0");
    s->table = inode_table_new(1000, &ops);
    ck_assert_ptr_nonnull(s->table);
    arena_init(&s->arena, &mt_test, NULL, 0);
    scratch_new_call(s);
}

void
scratch_set(struct scratch *s, const char *key, const char *value)
{
    char err[OPTION_ERROR_BYTES];

    ck_assert_msg(options_set(s->options, key, value, false, err) == 0, "%s",
                  err);
}

int
scratch_open(struct scratch *s)
{
    int err = posix_open(&s->px, s->options, s->table, s->err);

    ck_assert((err == 0) == (s->err[0] == '\0'));
    ck_assert(err == 0 || s->px == NULL);
    scratch_new_call(s);
    return err;
}

void
scratch_close(struct scratch *s)
{
    struct posix *px = s->px;

    posix_close(&px);
    s->px = NULL;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    return remove(path);
}

void
scratch_end(struct scratch *s)
{
    struct mem_type_stats stats;

    scratch_close(s);
    inode_table_destroy(&s->table);
    options_free(&s->options);
    arena_release(&s->arena);
    ck_assert_int_eq(
        nftw(s->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    mem_account_read_one("server.inode", "inode", &stats);
    ck_assert_uint_eq(stats.num_allocs, 0);
    mem_account_read_one("server.inode", "path fd", &stats);
    ck_assert_uint_eq(stats.num_allocs, 0);
    mem_account_read_one("server.posix", "brick", &stats);
    ck_assert_uint_eq(stats.num_allocs, 0);
    mem_account_read_one("server.posix", "directory chain", &stats);
    ck_assert_uint_eq(stats.num_allocs, 0);
    urcu_memb_unregister_thread();
}

const char *
at(const struct scratch *s, const char *path)
{
    static char buf[8][PATH_MAX];
    static unsigned next;
    char *to = buf[next++ % 8];

    (void)snprintf(to, PATH_MAX, "%s/%s", s->directory, path);
    return to;
}

const char *
handle_at(const struct scratch *s, const struct gfid *gfid)
{
    char text[GFID_TEXT_BYTES], path[128];

    (void)gfid_format(gfid, text);
    (void)snprintf(path, sizeof(path), ".glusterfs/%.2s/%.2s/%s", text,
                   text + 2, text);
    return at(s, path);
}

void
put_file(const struct scratch *s, const char *path, const char *text)
{
    int fd = open(at(s, path), O_CREAT | O_WRONLY | O_TRUNC, 0644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
    ck_assert_int_eq(close(fd), 0);
}

void
put_gfid(const struct scratch *s, const char *path, const struct gfid *gfid)
{
    ck_assert_int_eq(
        lsetxattr(at(s, path), "trusted.gfid", gfid->b, GFID_BYTES, 0), 0);
}
