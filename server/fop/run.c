/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "mem/limit.h"
#include "mem/must.h"
#include "server/fop/dump_program.h"
#include "server/fop/handlers.h"
#include "server/fop/lock_counts.h"
#include "server/fop/spent.h"
#include "server/heal/heal.h"
#include "server/stage/squash.h"
#define LOG_DOMAIN "server"
#include "server/core/log.h"

/* Whatever is asked for, there is no more in one reply. */
enum { LONG_REPLY_BYTES = 16 << 20 };

/* --- who asks --- */

static void
set_caller(struct call *c)
{
    const struct rpc_cred *cred = &c->rpc.cred;
    struct options *o = c->brick->options;
    struct squash_rules rules = {
        .root_squash = options_bool(o, OPT_ROOT_SQUASH),
        .all_squash = options_bool(o, OPT_ALL_SQUASH),
        .anonuid = (uint32_t)options_number(o, OPT_ANONUID),
        .anongid = (uint32_t)options_number(o, OPT_ANONGID),
    };

    c->caller = (struct caller){
        .pid = cred->pid,
        .uid = cred->uid,
        .gid = cred->gid,
        .groups_count = cred->groups_count,
        .groups = cred->groups,
        .lk_owner = cred->lk_owner,
        .lk_owner_bytes = cred->lk_owner_bytes,
        .time_flags = cred->time_flags,
        .time = {.tv_sec = (time_t)cred->ctime_sec,
                 .tv_nsec = cred->ctime_nsec},
        .internal_fop = dict_has(&c->args.xdata, "glusterfs-internal-fop"),
    };
    if (c->caller.time.tv_nsec >= 1000000000)
        c->caller.time_flags = 0; /* no such time: dictate none */
    squash_apply(&c->caller, c->client->trusted, &rules, c->groups);
}

/* May ask the name service, so on a worker.  That a user can be in more groups
 * than a credential holds is what this is for; few are, so room for that is
 * made only when the first has filled up.  0 or -ENOMEM. */
static int
manage_groups(struct call *c)
{
    uint32_t room = RPC_GROUPS_MAX, *groups = c->groups;
    int n;

    if (!options_bool(c->brick->options, OPT_MANAGE_GIDS))
        return 0;
    n = groups_lookup(c->brick->groups, c->caller.uid, groups, room);
    while (n == (int)room && room < GROUPS_OF_USER_MAX) {
        room = room * 16 < GROUPS_OF_USER_MAX ? room * 16
                                              : GROUPS_OF_USER_MAX;
        groups = arena_alloc(&c->arena, room * sizeof(*groups));
        if (groups == NULL)
            return -ENOMEM;
        n = groups_lookup(c->brick->groups, c->caller.uid, groups, room);
    }
    c->caller.groups = groups;
    c->caller.groups_count = n < 0 ? 0 : (uint32_t)n;
    return 0;
}

/* --- sub-directory mounts: the client's root is that directory --- */

static void
subdir_in(struct call *c)
{
    if (c->client->subdir == NULL)
        return;
    if (gfid_is_root(&c->args.gfid))
        c->args.gfid = c->client->subdir_gfid;
    if (gfid_is_root(&c->args.gfid2))
        c->args.gfid2 = c->client->subdir_gfid;
}

bool
fop_subdir_iatt(const struct call *c, struct iatt *ia)
{
    if (c->client->subdir == NULL ||
        !gfid_equal(&ia->gfid, &c->client->subdir_gfid))
        return false;
    ia->gfid = gfid_root;
    ia->ino = 1;
    return true;
}

/* What is in the reply's dictionary is the call's own, so it is changed where
 * it lies: it is too late to fail. */
static void
subdir_out(struct call *c)
{
    struct dict *xdata = &c->reply.xdata;
    uint32_t i;

    if (c->client->subdir == NULL)
        return;
    for (i = 0; i < FOP_REPLY_IATTS; i++)
        (void)fop_subdir_iatt(c, &c->reply.iatt[i]);
    for (i = 0; i < xdata->count; i++) {
        if (xdata->pairs[i].type == DICT_IATT)
            (void)fop_subdir_iatt(c, (struct iatt *)xdata->pairs[i].iatt);
    }
}

/* --- the answer --- */

/* Do objects of the brick wait to be healed?  Whatever becomes of the request
 * that asked. */
static int
answer_pending(struct call *c)
{
    static const char key[] = "link-count";
    const char *what;

    if (c->fop->proc != FOP_LOOKUP && c->fop->proc != FOP_FSTAT)
        return 0;
    what = dict_str(&c->args.xdata, key);
    if (what == NULL || strcmp(what, "glusterfs.xattrop_index_count") != 0)
        return 0;
    return dict_set_i64(&c->reply.xdata, key,
                        heal_is_pending(c->brick->heal) ? 1 : 0);
}

/* Replies of failures have no dictionary, but for CREATE's echo (unless the
 * name could not be made at all), LK's echo, the attributes that FSETXATTR
 * shows whatever becomes of it, and what tells the client that its view of the
 * parent is out of date (doc/protocol.md).  Disperse compares what bricks
 * answer. */
static void
failed_xdata(struct call *c, int err)
{
    static const char kept[] = "glusterfs.preop.check.failed";
    struct dict *xdata = &c->reply.xdata;
    bool preop = dict_has(xdata, kept);

    if (c->fop->proc != FOP_FSETXATTR && c->fop->proc != FOP_LK &&
        (c->fop->proc != FOP_CREATE || err == EPERM ||
         (err == EEXIST && (c->args.flags & O_EXCL) != 0))) {
        xdata->count = 0;
        xdata->null = true;
        /* The room is there: the pair was in it. */
        if (preop)
            must(dict_set_i64(xdata, kept, 1) == 0);
    }
    if (answer_pending(c) != 0) {
        xdata->count = 0;
        xdata->null = true;
    }
    subdir_out(c);
}

/* Errors that a well-behaved client seldom causes: somebody may want to know
 * who did. */
static void
tell_failure(const struct call *c)
{
    switch (c->reply.op_errno) {
    case EPERM:
    case E2BIG:
    case EBADF:
    case EINVAL:
    case ENAMETOOLONG:
    case ESTALE:
        log_limited(LOG_LVL_INFO, 5,
                    "%s failed: client=%s uid=%u gfid=%s fd=%" PRId64
                    " name=\"%.255s\": %s",
                    c->fop->name, c->client->uid, c->rpc.cred.uid,
                    gfid_str(&c->args.gfid), c->args.fd, c->args.name,
                    strerror(c->reply.op_errno));
        break;
    default:
        break;
    }
}

void
fop_finish(struct call *c, int64_t ret)
{
    struct brick *brick = c->brick;
    struct iobuf *head, *payload;
    size_t bytes, payload_bytes;
    enum mem_importance was;
    struct spent spent;

    OBJ_CHECK(c, CALL_MAGIC);
    must(ret != FOP_WAITS && ret <= INT32_MAX);
    if (ret >= 0) {
        int err = lock_counts_answer(c);

        if (err == 0)
            err = answer_pending(c);
        if (err != 0)
            ret = err;
        else
            subdir_out(c);
    }
    if (ret < 0) {
        call_uninstall_fd(c);
        failed_xdata(c, (int)-ret);
        fop_reply_fail(&c->reply, (int)-ret);
    } else {
        c->reply.op_ret = (int32_t)ret;
    }
    spent = spent_count(c);
    if (ret < 0)
        tell_failure(c);
    was = mem_set_importance(MEM_FOR_SERVER);
    head = c->reply.entries.failed
               ? NULL
               : fop_reply_encode(&c->reply, c->fop, &bytes);
    (void)mem_set_importance(was);
    if (head == NULL) {
        log_limited(LOG_LVL_ERROR, 1, "%s: no memory for the reply to %s",
                    c->fop->name, c->client->uid);
        call_uninstall_fd(c);
        rpc_reply_error(&c->rpc, RPC_SYSTEM_ERR);
        return;
    }
    payload = c->reply.payload;
    payload_bytes = c->reply.payload_bytes;
    c->reply.payload = NULL;
    rpc_reply(&c->rpc, head, bytes, payload, payload_bytes);
    spent_replied(brick, &spent);
}

/* --- the way there --- */

/* What the answer to a change may have to carry finds room in it beforehand:
 * once the change is made nothing may fail.  Each key that is asked for answers
 * with one pair at most, and handlers have a few of their own. */
static int
reserve_reply(struct call *c)
{
    enum { OWN_PAIRS = 16 };
    uint32_t pairs = c->args.xdata.count + OWN_PAIRS;

    if (c->args.xdata.count == 0)
        return 0;
    return dict_reserve(&c->reply.xdata,
                        pairs < DICT_PAIRS_MAX ? pairs : DICT_PAIRS_MAX);
}

static int64_t
handle(struct call *c)
{
    fop_handler handler = fop_handlers[c->fop->proc];
    int err;

    if (handler == NULL)
        return -EOPNOTSUPP;
    if (c->args.nul_in_name)
        return -EINVAL;
    if ((c->fop->flags & FOP_CHANGES) && c->caller.pid >= 0 &&
        options_bool(c->brick->options, OPT_READ_ONLY))
        return -EROFS;
    err = reserve_reply(c);
    return err != 0 ? err : handler(c);
}

static enum iot_class
class_of(const struct call *c)
{
    if (c->caller.pid < 0 && c->caller.pid != CALLER_PID_NO_ROOT_SQUASH &&
        !(c->fop->flags & FOP_NEVER_LEAST))
        return IOT_LEAST;
    return c->fop->class;
}

/* Who feels it first when memory is short. */
static enum mem_importance
importance_of(const struct call *c)
{
    switch (class_of(c)) {
    case IOT_LEAST:
        return MEM_FOR_INTERNAL;
    case IOT_SLOW:
        return MEM_FOR_SLOW;
    default:
        return MEM_FOR_USERS;
    }
}

static void
run(struct iot_work *work)
{
    struct call *c = container_of_member(work, struct call, work);
    enum mem_importance was = mem_set_importance(importance_of(c));
    int64_t ret;

    c->state = CALL_RUNNING;
    spent_start(c);
    ret = manage_groups(c);
    if (ret == 0)
        ret = handle(c);
    if (ret != FOP_WAITS)
        fop_finish(c, ret);
    (void)mem_set_importance(was);
}

void
fop_again(struct call *c)
{
    OBJ_CHECK(c, CALL_MAGIC);
    call_unresolve(c);
    c->state = CALL_QUEUED;
    iot_submit(c->brick->pool, &c->work);
}

/* Its client has gone before its turn came. */
static void
drop(struct iot_work *work)
{
    struct call *c = container_of_member(work, struct call, work);

    rpc_request_drop(&c->rpc);
}

/* The request's object, and the reply where that may be large. */
static size_t
held_bytes(const struct call *c)
{
    size_t bytes = sizeof(*c);

    switch (c->fop->proc) {
    case FOP_READ:
    case FOP_READDIR:
    case FOP_READDIRP:
        bytes += c->args.size < LONG_REPLY_BYTES ? (size_t)c->args.size
                                                 : LONG_REPLY_BYTES;
        break;
    default:
        break;
    }
    return bytes;
}

static void
garbage(struct call *c, const char *what)
{
    log_limited(LOG_LVL_WARNING, 5, "%s from %s: %s",
                c->fop == NULL ? "file operation" : c->fop->name,
                rpc_conn_peer(c->rpc.conn), what);
    rpc_reply_error(&c->rpc, RPC_GARBAGE_ARGS);
}

void
fop_receive(struct rpc_request *req)
{
    struct call *c = call_of(req);
    const struct fop_def *fop = &fop_table[req->proc];
    int err;

    OBJ_CHECK(c, CALL_MAGIC);
    if (c->client == NULL) {
        garbage(c, "sent before SETVOLUME");
        return;
    }
    c->fop = fop;
    err = fop_args_decode(&c->args, fop, req->args, req->args_bytes,
                          &c->arena);
    if (err == -EINVAL) {
        garbage(c, "arguments do not decode");
        return;
    }
    if (err != 0) {
        fop_finish(c, err);
        return;
    }
    if (fop->proc == FOP_WRITE && c->args.size != req->payload_bytes) {
        garbage(c, "size and payload differ");
        return;
    }
    subdir_in(c);
    set_caller(c);
    c->work.owner = &c->client->owner;
    c->work.class = class_of(c);
    c->work.run = run;
    c->work.drop = drop;
    c->state = CALL_QUEUED;
    rpc_request_holds(req, held_bytes(c));
    iot_submit(c->brick->pool, &c->work);
}

static void
receive_null(struct rpc_request *req)
{
    reply_plain(req, 0, 0);
}

/* No message of this form has been sent by any client for years. */
static void
receive_garbage(struct rpc_request *req)
{
    log_limited(LOG_LVL_WARNING, 1, "COMPOUND from %s: not served",
                rpc_conn_peer(req->conn));
    rpc_reply_error(req, RPC_GARBAGE_ARGS);
}

static const struct rpc_proc procs[FOP_PROCS] = {
    [0] = {.name = "NULL", .handler = receive_null},
#define FOP(proc_, number_, name_, ...)                                        \
    [proc_] = {.name = #name_,                                                 \
               .handler = fop_receive,                                         \
               .split = (proc_) == FOP_WRITE ? fop_write_split : NULL},
#include "server/wire/fop_list.h"
#undef FOP
    [FOP_COMPOUND] = {.name = "COMPOUND", .handler = receive_garbage},
};

const struct rpc_program fop_program_v400 = {
    .name = "GlusterFS 4.x v1",
    .number = 1298437,
    .version = 400,
    .procs = procs,
    .procs_count = FOP_PROCS,
};
