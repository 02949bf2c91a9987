/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on file data. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "server/fop/handlers.h"
#include "server/fop/locks.h"
#include "server/fop/permit.h"
#include "server/fop/resolve.h"
#include "server/lock/posixlk.h"

enum {
    READ_BYTES_MAX = 16 << 20, /* of one request; a longer one is short */
    /* The largest window of self-heal, and about a second of one worker. */
    RCHECKSUM_BYTES_MAX = 128 << 20,
};

int64_t
fop_open(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int flags = (int)c->args.flags;
    int err = resolve_inode(c);

    if (err == 0 && (flags & (O_ACCMODE | O_TRUNC)) != 0 &&
        c->caller.pid >= 0 && options_bool(c->brick->options, OPT_READ_ONLY))
        err = -EROFS;
    if (err == 0)
        err = permit_inode(c, c->inode, access_for_open(flags));
    if (err == 0 && (flags & O_TRUNC) != 0)
        err = lock_truncates(c, c->inode);
    if (err == 0)
        err = call_reserve_fd(c);
    if (err == 0)
        err = posix_open_file(&pc, c->inode, flags, c->client, &c->fd);
    return err != 0 ? err : call_install_fd(c);
}

int64_t
fop_read(struct call *c)
{
    struct posix_call pc = call_posix(c);
    uint32_t size = (uint32_t)c->args.size;
    bool eof = false;
    int64_t got;
    int err = resolve_fd(c);

    if (err == 0)
        err = lock_access(c, c->fd->inode, c->fd, false, c->args.offset,
                          c->args.size);
    if (err != 0)
        return lock_result(err);
    if (size > READ_BYTES_MAX)
        size = READ_BYTES_MAX;
    got = posix_readv(&pc, c->fd, c->args.offset, size, false,
                      &c->reply.payload, &c->reply.iatt[0], &eof);
    if (got < 0)
        return got;
    c->reply.payload_bytes = (size_t)got;
    /* How clients learn that they have reached the end. */
    if (eof)
        c->reply.op_errno = ENOENT;
    return got;
}

int64_t
fop_write(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err == 0)
        err = lock_access(c, c->fd->inode, c->fd, true, c->args.offset,
                          c->args.size);
    if (err != 0)
        return lock_result(err);
    call_answer_xdata(c);
    return posix_writev(&pc, c->fd, c->args.offset, c->rpc.payload_data,
                        (uint32_t)c->args.size, (int)c->args.flags,
                        &c->reply.iatt[0], &c->reply.iatt[1]);
}

int64_t
fop_flush(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err != 0)
        return err;
    lk_flush(c->fd, c->client, c->caller.lk_owner, c->caller.lk_owner_bytes);
    return posix_flush(&pc, c->fd);
}

int64_t
fop_fsync(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err != 0)
        return err;
    return posix_fsync(&pc, c->fd, c->args.flags != 0, &c->reply.iatt[0],
                       &c->reply.iatt[1]);
}

int64_t
fop_truncate(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_inode(c);

    if (err == 0)
        err = permit_inode(c, c->inode, ACCESS_W);
    /* NFS servers check on open; for them the owner may always. */
    if (err == -EACCES && c->caller.pid == CALLER_PID_NFS)
        err = permit_owner(c, c->inode) == 0 ? 0 : -EACCES;
    if (err == 0)
        err = lock_access(c, c->inode, NULL, true, c->args.offset,
                          LOCK_TO_INFINITY);
    if (err != 0)
        return lock_result(err);
    return posix_truncate(&pc, c->inode, NULL, c->args.offset,
                          &c->reply.iatt[0], &c->reply.iatt[1]);
}

int64_t
fop_ftruncate(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err == 0)
        err = lock_access(c, c->fd->inode, c->fd, true, c->args.offset,
                          LOCK_TO_INFINITY);
    if (err != 0)
        return lock_result(err);
    return posix_truncate(&pc, c->fd->inode, c->fd, c->args.offset,
                          &c->reply.iatt[0], &c->reply.iatt[1]);
}

int64_t
fop_fallocate(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err != 0)
        return err;
    return posix_allocate(&pc, c->fd, c->args.flags != 0, c->args.offset,
                           c->args.size, &c->reply.iatt[0],
                           &c->reply.iatt[1]);
}

int64_t
fop_discard(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err == 0)
        err = lock_access(c, c->fd->inode, c->fd, true, c->args.offset,
                          c->args.size);
    if (err != 0)
        return lock_result(err);
    return posix_discard(&pc, c->fd, c->args.offset, c->args.size,
                         &c->reply.iatt[0], &c->reply.iatt[1]);
}

int64_t
fop_zerofill(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err == 0)
        err = lock_access(c, c->fd->inode, c->fd, true, c->args.offset,
                          c->args.size);
    if (err != 0)
        return lock_result(err);
    return posix_zerofill(&pc, c->fd, c->args.offset, c->args.size,
                          &c->reply.iatt[0], &c->reply.iatt[1]);
}

int64_t
fop_seek(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err;

    if (c->args.what != 0 && c->args.what != 1)
        return -ENOTSUP;
    err = resolve_fd(c);
    if (err != 0)
        return err;
    return posix_seek(&pc, c->fd, c->args.offset,
                      c->args.what == 0 ? SEEK_DATA : SEEK_HOLE,
                      &c->reply.offset);
}

int64_t
fop_rchecksum(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err != 0)
        return err;
    if (c->args.size > RCHECKSUM_BYTES_MAX)
        return -ENOMEM; /* as the peer, which has no room for it */
    c->reply.xdata.null = false;
    return posix_rchecksum(&pc, c->fd, c->args.offset, (uint32_t)c->args.size,
                           &c->reply.weak, c->reply.strong);
}

int64_t
fop_copy_file_range(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err == 0)
        err = resolve_fd2(c);
    if (err != 0)
        return err;
    return posix_copy_file_range(&pc, c->fd, c->args.offset, c->fd2,
                                 c->args.offset2, (uint32_t)c->args.size,
                                 &c->reply.iatt[0], &c->reply.iatt[1],
                                 &c->reply.iatt[2]);
}

/* Files and directories.  A number that is not in use is no error: the client
 * has nothing to do about it. */
int64_t
fop_release(struct call *c)
{
    struct fd *fd = NULL;

    if (c->args.fd >= 0)
        fd = fd_table_remove(c->client->fds, c->args.fd);
    if (fd != NULL) {
        lk_release_fd(fd);
        fd_put(fd);
    }
    c->reply.xdata.null = false;
    return 0;
}
