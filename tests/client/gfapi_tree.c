/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gfapi_tree VOLFILE TREE TARGET
 * Copy a local tree into a volume through libgfapi and compare it back: what
 * a mount does in ./quickstart, for machines without /dev/fuse.  Exit status
 * 0 when every directory, file and symlink came back equal.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glusterfs/api/glfs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 128 * 1024 };

static glfs_t *fs;
static unsigned long names, differences;

static void
fail(const char *what, const char *path)
{
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static void
differs(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s differs\n", path, what);
    differences++;
}

static void
copy_file(const char *from, const char *to, mode_t mode)
{
    static char block[BLOCK_BYTES];
    int in = open(from, O_RDONLY);
    glfs_fd_t *out;
    ssize_t n;

    if (in < 0)
        fail("open", from);
    out = glfs_creat(fs, to, O_WRONLY | O_TRUNC, mode & 07777);
    if (out == NULL)
        fail("create", to);
    while ((n = read(in, block, sizeof(block))) > 0)
        if (glfs_write(out, block, (size_t)n, 0) != n)
            fail("write", to);
    if (n < 0)
        fail("read", from);
    if (glfs_close(out) != 0)
        fail("close", to);
    close(in);
}

static void
compare_file(const char *from, const char *to)
{
    static char mine[BLOCK_BYTES], theirs[BLOCK_BYTES];
    int in = open(from, O_RDONLY);
    glfs_fd_t *out = glfs_open(fs, to, O_RDONLY);
    ssize_t n, m;

    if (in < 0)
        fail("open", from);
    if (out == NULL)
        fail("open", to);
    do {
        n = read(in, mine, sizeof(mine));
        if (n < 0)
            fail("read", from);
        for (m = 0; m < n;) {
            ssize_t got = glfs_read(out, theirs + m, (size_t)(n - m), 0);

            if (got < 0)
                fail("read", to);
            if (got == 0)
                break;
            m += got;
        }
        if (m != n || memcmp(mine, theirs, (size_t)n) != 0) {
            differs(to, "content");
            break;
        }
    } while (n > 0);
    if (n == 0 && glfs_read(out, theirs, 1, 0) != 0)
        differs(to, "length");
    glfs_close(out);
    close(in);
}

static void
copy_link(const char *from, const char *to)
{
    char mine[PATH_MAX], theirs[PATH_MAX];
    ssize_t n = readlink(from, mine, sizeof(mine) - 1), m;

    if (n < 0)
        fail("readlink", from);
    mine[n] = '\0';
    if (glfs_symlink(fs, mine, to) != 0)
        fail("symlink", to);
    m = glfs_readlink(fs, to, theirs, sizeof(theirs) - 1);
    if (m != n || memcmp(mine, theirs, (size_t)n) != 0)
        differs(to, "target");
}

static void walk(const char *from, const char *to);

static void
one(const char *from, const char *to)
{
    struct stat st, got;

    if (lstat(from, &st) != 0)
        fail("stat", from);
    names++;
    if (S_ISDIR(st.st_mode)) {
        if (glfs_mkdir(fs, to, (st.st_mode & 07777) | 0700) != 0)
            fail("mkdir", to);
        walk(from, to);
        return;
    }
    if (S_ISLNK(st.st_mode)) {
        copy_link(from, to);
        return;
    }
    if (!S_ISREG(st.st_mode))
        return;
    copy_file(from, to, st.st_mode);
    if (glfs_lstat(fs, to, &got) != 0)
        fail("stat", to);
    if (got.st_size != st.st_size)
        differs(to, "size");
    compare_file(from, to);
}

static void
walk(const char *from, const char *to)
{
    DIR *dir = opendir(from);
    struct dirent *e;

    if (dir == NULL)
        fail("open", from);
    while ((e = readdir(dir)) != NULL) {
        char a[PATH_MAX], b[PATH_MAX];

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (snprintf(a, sizeof(a), "%s/%s", from, e->d_name) >=
                (int)sizeof(a) ||
            snprintf(b, sizeof(b), "%s/%s", to, e->d_name) >= (int)sizeof(b)) {
            errno = ENAMETOOLONG;
            fail("path", from);
        }
        one(a, b);
    }
    closedir(dir);
}

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: gfapi_tree VOLFILE TREE TARGET\n");
        return 2;
    }
    fs = glfs_new("clinker");
    if (fs == NULL || glfs_set_volfile(fs, argv[1]) != 0 ||
        glfs_set_logging(fs, "/dev/stderr", 4) != 0 || glfs_init(fs) != 0)
        fail("connect by", argv[1]);
    one(argv[2], argv[3]);
    glfs_fini(fs);
    printf("%lu names, %lu differences\n", names, differences);
    return differences == 0 ? 0 : 1;
}
