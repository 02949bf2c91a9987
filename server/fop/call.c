/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/call.h"

#include "mem/must.h"
#include "mem/scope.h"
#include "server/fop/locks.h"
#include "server/lock/posixlk.h"

MEM_TYPE(mt_arena, "server.fop", "call arena");

void
call_init(void *arg, struct rpc_request *req)
{
    struct call *c = call_of(req);
    struct client *client = rpc_conn_user(req->conn);

    c->magic = CALL_MAGIC;
    c->brick = arg;
    c->client = client == NULL ? NULL : client_get(client);
    c->fop = NULL;
    c->state = CALL_RECEIVED;
    c->waits = false;
    c->gated = false;
    c->fd_installed = c->fd_reserved = false;
    c->work = (struct iot_work){.queued = false};
    c->times = (struct call_times){.queued = false};
    c->inode = c->parent = c->inode2 = c->parent2 = NULL;
    c->fd = c->fd2 = NULL;
    c->removing = NULL;
    arena_init(&c->arena, &mt_arena, c->first_block, sizeof(c->first_block));
    fop_reply_init(&c->reply, &c->arena);
    if (client != NULL) {
        MUTEX_SCOPE(&client->calls_mtx);
        cds_list_add_tail(&c->node, &client->calls);
        client->calls_count++;
    }
}

void
call_unresolve(struct call *c)
{
    if (c->fd_reserved)
        fd_table_unreserve(c->client->fds, c->fd_number);
    c->fd_reserved = false;
    fd_put(c->fd);
    fd_put(c->fd2);
    inode_put(c->inode);
    inode_put(c->inode2);
    inode_put(c->parent);
    inode_put(c->parent2);
    c->inode = c->parent = c->inode2 = c->parent2 = NULL;
    c->fd = c->fd2 = NULL;
}

void
call_fini(void *arg, struct rpc_request *req)
{
    struct call *c = call_of(req);

    OBJ_CHECK(c, CALL_MAGIC);
    must(c->brick == arg);
    lock_removal_end(c);
    call_unresolve(c);
    fop_reply_fini(&c->reply);
    arena_release(&c->arena);
    if (c->gated)
        atomic_fetch_sub(&c->client->gated, 1);
    if (c->waits)
        atomic_fetch_sub(&c->client->waiting, 1);
    if (c->client != NULL) {
        mutex_lock(&c->client->calls_mtx);
        cds_list_del(&c->node);
        c->client->calls_count--;
        mutex_unlock(&c->client->calls_mtx);
        client_put(c->client);
    }
    c->magic = 0;
}

int
call_reserve_fd(struct call *c)
{
    int64_t number = fd_table_reserve(c->client->fds);

    if (number < 0)
        return (int)number;
    c->fd_reserved = true;
    c->fd_number = number;
    return 0;
}

int
call_install_fd(struct call *c)
{
    int err = c->fd_reserved ? 0 : call_reserve_fd(c);

    if (err != 0)
        return err;
    c->fd_reserved = false;
    err = fd_table_install_at(c->client->fds, c->fd_number, c->fd);
    if (err != 0)
        return err;
    c->fd_installed = true;
    c->reply.fd = c->fd_number;
    return 0;
}

void
call_uninstall_fd(struct call *c)
{
    if (!c->fd_installed)
        return;
    c->fd_installed = false;
    /* Who guessed the number may have released it, or locked through it. */
    if (!fd_table_uninstall(c->client->fds, c->fd))
        return;
    lk_release_fd(c->fd);
    fd_put(c->fd);
}

void
call_answer_xdata(struct call *c)
{
    c->reply.xdata.null = c->args.xdata.null;
}

struct posix_call
call_posix(struct call *c)
{
    return (struct posix_call){.px = c->brick->px,
                               .caller = &c->caller,
                               .xdata = &c->args.xdata,
                               .reply = &c->reply.xdata,
                               .arena = &c->arena};
}
