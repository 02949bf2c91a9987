/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/hello.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "mem/must.h"
#include "rpc/dict.h"
#include "rpc/xdr.h"
#include "server/fop/authorize.h"
#include "server/fop/call.h"
#include "server/fop/dump_program.h"
#define LOG_DOMAIN "server"
#include "server/core/log.h"

enum {
    FOP_PROGRAM_NUMBER = 1298437,
    HELLO_DICT_BYTES_MAX = 256 * 1024,
    HELLO_TEXT_BYTES_MAX = 4096,
    SPEC_KEY_BYTES_MAX = 4096,
    SUBDIR_DEPTH_MAX = 256,
};

/* A refusal: what the reply says. */
struct refusal {
    int op_errno;
    const char *text;
};

struct hello {
    struct call *c;
    struct rpc_dict asked;
    struct rpc_dict answer;
    struct client_hello client;
    const char *subvolume;
};

/* --- the reply --- */

static void
out_dict(struct xdr_out *out, const struct rpc_dict *d)
{
    size_t bytes = rpc_dict_encoded_bytes(d);
    uint8_t *place;

    xdr_out_u32(out, (uint32_t)bytes);
    place = xdr_out_reserve(out, (bytes + 3) & ~(size_t)3);
    if (place == NULL)
        return;
    rpc_dict_encode(d, place);
    memset(place + bytes, 0, ((bytes + 3) & ~(size_t)3) - bytes);
}

static void
answer(struct call *c, int32_t op_ret, int32_t op_errno,
       const struct rpc_dict *d)
{
    struct xdr_out out;

    if (xdr_out_init(&out, RPC_REPLY_HEAD_BYTES, 512) != 0) {
        rpc_reply_error(&c->rpc, RPC_SYSTEM_ERR);
        return;
    }
    xdr_out_i32(&out, op_ret);
    xdr_out_i32(&out, op_errno);
    out_dict(&out, d);
    reply_xdr(&c->rpc, &out);
}

/* --- SETVOLUME, in the order of its checks (doc/protocol.md) --- */

static const char *
volume_id_text(struct hello *h, char text[GFID_TEXT_BYTES])
{
    const struct gfid *id = posix_volume_id(h->c->brick->px);

    return id == NULL ? NULL : gfid_format(id, text);
}

static struct refusal
check_volume_id(struct hello *h)
{
    const char *theirs = rpc_dict_str(&h->asked, "volume-id");
    const struct gfid *ours = posix_volume_id(h->c->brick->px);
    struct gfid id;

    if (theirs == NULL || ours == NULL)
        return (struct refusal){0};
    if (gfid_parse(&id, theirs, strlen(theirs)) == 0 && gfid_equal(&id, ours))
        return (struct refusal){0};
    return (struct refusal){EINVAL,
                            "Volume-ID different, possible case of same "
                            "brick re-used in another volume"};
}

static struct refusal
check_version(struct hello *h)
{
    int64_t number = 0;

    if (rpc_dict_find(&h->asked, "fops-version") == NULL)
        return (struct refusal){EINVAL, "No FOP version number specified"};
    if (rpc_dict_i64(&h->asked, "fops-version", &number) == 0 &&
        number == FOP_PROGRAM_NUMBER)
        return (struct refusal){0};
    return (struct refusal){
        EINVAL, arena_printf(&h->c->arena,
                             "version mismatch: client(%" PRId64
                             ") - client-mgmt(%d)",
                             number, FOP_PROGRAM_NUMBER)};
}

static struct refusal
check_auth(struct hello *h)
{
    struct call *c = h->c;
    bool known = strcmp(h->subvolume, c->brick->name) == 0;

    if (known && authorize(c->brick, c->rpc.conn, &h->client))
        return (struct refusal){0};
    if (!known)
        return (struct refusal){ENOENT, "Brick not found"};
    return (struct refusal){EACCES, "Authentication failed"};
}

/* The directory of a sub-directory mount, found as root would find it. */
static int
find_subdir(struct hello *h, const char *path, struct gfid *out)
{
    const struct caller root = {0};
    struct posix_call pc = call_posix(h->c);
    struct inode *dir = inode_get(posix_root(h->c->brick->px));
    char *copy = arena_strndup(&h->c->arena, path, strlen(path));
    char *part, *rest = NULL;
    int depth = 0, err = copy == NULL ? -ENOMEM : 0;

    pc.caller = &root;
    for (part = err == 0 ? strtok_r(copy, "/", &rest) : NULL;
         err == 0 && part != NULL; part = strtok_r(NULL, "/", &rest)) {
        struct inode *next = NULL;

        err = ++depth > SUBDIR_DEPTH_MAX
                  ? -ENAMETOOLONG
                  : posix_find_entry(&pc, dir, part, &next, NULL);
        if (err == 0) {
            inode_put(dir);
            dir = next;
            if (inode_type(dir) != S_IFDIR)
                err = -ENOTDIR;
        }
    }
    *out = dir->gfid;
    inode_put(dir);
    return err;
}

static struct refusal
check_subdir(struct hello *h)
{
    const char *path = h->client.subdir;

    if (path == NULL)
        return (struct refusal){0};
    if (path[0] == '/' &&
        find_subdir(h, path, &h->client.subdir_gfid) == 0) {
        if (gfid_is_root(&h->client.subdir_gfid))
            h->client.subdir = NULL; /* "/" is the whole volume */
        return (struct refusal){0};
    }
    return (struct refusal){
        ENOENT, arena_printf(&h->c->arena,
                             "subdirectory for mount \"%s\" is not found",
                             path)};
}

/* The id ends up in the lines of statedumps that list locks. */
static bool
is_name(const char *text)
{
    size_t i;

    if (text == NULL || text[0] == '\0' ||
        strlen(text) > HELLO_TEXT_BYTES_MAX)
        return false;
    for (i = 0; text[i] != '\0'; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return true;
}

static struct refusal
check(struct hello *h)
{
    struct call *c = h->c;
    struct refusal no;
    int64_t v;

    h->subvolume = rpc_dict_str(&h->asked, "remote-subvolume");
    if (h->subvolume == NULL)
        return (struct refusal){EINVAL, "No remote-subvolume option specified"};
    if (c->brick->stopping)
        return (struct refusal){
            ENOENT, arena_printf(&c->arena,
                                 "remote-subvolume \"%s\" is not found",
                                 h->subvolume)};
    h->client.uid = rpc_dict_str(&h->asked, "process-uuid");
    if (!is_name(h->client.uid)) {
        h->client.uid = NULL;
        return (struct refusal){EINVAL, "UUID not specified"};
    }
    no = check_volume_id(h);
    if (no.op_errno == 0)
        no = check_version(h);
    if (no.op_errno != 0)
        return no;
    h->client.process_name = rpc_dict_str(&h->asked, "process-name");
    h->client.version = rpc_dict_str(&h->asked, "client-version");
    h->client.subdir = rpc_dict_str(&h->asked, "subdir-mount");
    h->client.username = rpc_dict_str(&h->asked, "username");
    h->client.password = rpc_dict_str(&h->asked, "password");
    if (rpc_dict_i64(&h->asked, "opversion", &v) == 0 && v > 0 &&
        v <= UINT32_MAX)
        h->client.opversion = (uint32_t)v;
    h->client.cred = &c->rpc.cred;
    no = check_auth(h);
    return no.op_errno != 0 ? no : check_subdir(h);
}

static void
refuse(struct hello *h, const struct refusal *no)
{
    struct call *c = h->c;

    log_limited(LOG_LVL_WARNING, 5, "refused %s, client %s: %s",
                rpc_conn_peer(c->rpc.conn),
                h->client.uid == NULL ? "(unnamed)" : h->client.uid,
                no->text == NULL ? strerror(no->op_errno) : no->text);
    if (rpc_dict_set_str(&h->answer, "ERROR",
                         no->text == NULL ? "" : no->text) != 0) {
        rpc_reply_error(&c->rpc, RPC_SYSTEM_ERR);
        return;
    }
    answer(c, -1, no->op_errno, &h->answer);
}

static int
fill_answer(struct hello *h)
{
    char text[GFID_TEXT_BYTES];
    const char *id = volume_id_text(h, text);
    struct rpc_dict *d = &h->answer;
    int err;

    err = rpc_dict_set_str(d, "ERROR", "Success");
    if (err == 0)
        err = rpc_dict_set_str(d, "child_up", "1");
    if (err == 0)
        err = rpc_dict_set_str(d, "process-uuid", h->c->brick->process_uuid);
    if (err == 0)
        err = rpc_dict_set_str(d, "clnt-lk-version", "0");
    if (err == 0) /* of no meaning to anybody but the peer's own server */
        err = rpc_dict_set_str(d, "transport-ptr", "0");
    if (err == 0 && id != NULL)
        err = rpc_dict_set_str(d, "volume-id", id);
    return err;
}

static void
setvolume(struct hello *h)
{
    struct call *c = h->c;
    struct refusal no = check(h);
    int err;

    if (no.op_errno == 0 && (err = fill_answer(h)) != 0)
        no = (struct refusal){-err, "out of memory"};
    if (no.op_errno == 0) {
        err = client_bind(c->brick->clients, c->rpc.conn, &h->client);
        if (err == -ENOTCONN) {
            rpc_request_drop(&c->rpc);
            return;
        }
        if (err == -EALREADY)
            no = (struct refusal){EALREADY, "connection is a client's already"};
        else if (err != 0)
            no = (struct refusal){-err, "out of memory"};
    }
    if (no.op_errno != 0) {
        refuse(h, &no);
        return;
    }
    log_limited(LOG_LVL_INFO, CLIENT_LINES_PER_SECOND,
                "accepted client from %s (version: %s, name: %s) with id %s",
                rpc_conn_peer(c->rpc.conn),
                h->client.version == NULL ? "unknown" : h->client.version,
                h->client.process_name == NULL ? "unknown"
                                               : h->client.process_name,
                h->client.uid);
    answer(c, 0, 0, &h->answer);
}

/* Names may have to be resolved and directories read: not on the event
 * thread. */
static void
setvolume_run(struct iot_work *work)
{
    struct call *c = container_of_member(work, struct call, work);
    struct hello h = {.c = c};
    struct xdr_in in;
    const uint8_t *bytes;
    uint32_t len;
    int err;

    rpc_dict_init(&h.asked, &c->arena);
    rpc_dict_init(&h.answer, &c->arena);
    xdr_in_init(&in, c->rpc.args, c->rpc.args_bytes);
    bytes = xdr_in_opaque(&in, &len, HELLO_DICT_BYTES_MAX);
    if (bytes == NULL) {
        log_limited(LOG_LVL_WARNING, 5, "SETVOLUME from %s does not decode",
                    rpc_conn_peer(c->rpc.conn));
        rpc_reply_error(&c->rpc, RPC_GARBAGE_ARGS);
        return;
    }
    err = rpc_dict_decode(&h.asked, bytes, len);
    if (err != 0) {
        struct refusal no = {-err, "Internal error: failed to unserialize "
                                   "request dictionary"};

        refuse(&h, &no);
        return;
    }
    setvolume(&h);
}

static void
setvolume_drop(struct iot_work *work)
{
    struct call *c = container_of_member(work, struct call, work);

    rpc_request_drop(&c->rpc);
}

static void
receive_setvolume(struct rpc_request *req)
{
    struct call *c = call_of(req);

    c->work.owner = &c->brick->handshakes;
    c->work.class = IOT_NORMAL;
    c->work.run = setvolume_run;
    c->work.drop = setvolume_drop;
    iot_submit(c->brick->pool, &c->work);
}

/* --- the other procedures --- */

static void
receive_null(struct rpc_request *req)
{
    reply_plain(req, 0, 0);
}

/* Volfiles come from the management daemon. */
static void
receive_getspec(struct rpc_request *req)
{
    static const char text[] =
        "<this method is not in use, use glusterd for getspec>";
    struct xdr_in in;
    struct xdr_out out;
    uint32_t len;

    xdr_in_init(&in, req->args, req->args_bytes);
    (void)xdr_in_u32(&in);
    (void)xdr_in_opaque(&in, &len, SPEC_KEY_BYTES_MAX);
    (void)xdr_in_opaque(&in, &len, HELLO_DICT_BYTES_MAX);
    if (in.bad) {
        log_limited(LOG_LVL_WARNING, 5, "GETSPEC from %s does not decode",
                    rpc_conn_peer(req->conn));
        rpc_reply_error(req, RPC_GARBAGE_ARGS);
        return;
    }
    if (xdr_out_init(&out, RPC_REPLY_HEAD_BYTES, 128) != 0) {
        rpc_reply_error(req, RPC_SYSTEM_ERR);
        return;
    }
    xdr_out_i32(&out, -1);
    xdr_out_i32(&out, ENOSYS);
    xdr_out_opaque(&out, text, strlen(text));
    xdr_out_opaque(&out, NULL, 0);
    reply_xdr(req, &out);
}

/* Lock versions were given up long ago; the number is echoed. */
static void
receive_set_lk_ver(struct rpc_request *req)
{
    struct xdr_in in;
    struct xdr_out out;
    uint32_t len;
    int32_t version;

    xdr_in_init(&in, req->args, req->args_bytes);
    (void)xdr_in_opaque(&in, &len, HELLO_TEXT_BYTES_MAX);
    version = xdr_in_i32(&in);
    if (in.bad || xdr_out_init(&out, RPC_REPLY_HEAD_BYTES, 12) != 0) {
        rpc_reply_error(req, in.bad ? RPC_GARBAGE_ARGS : RPC_SYSTEM_ERR);
        return;
    }
    xdr_out_i32(&out, 0);
    xdr_out_i32(&out, 0);
    xdr_out_i32(&out, version);
    reply_xdr(req, &out);
}

/* News for a management daemon (a rebalance's state): taken note of by
 * nobody here, which is no failure of the sender's. */
static void
receive_event_notify(struct rpc_request *req)
{
    struct xdr_in in;
    uint32_t len;

    xdr_in_init(&in, req->args, req->args_bytes);
    (void)xdr_in_i32(&in);
    (void)xdr_in_opaque(&in, &len, HELLO_DICT_BYTES_MAX);
    if (in.bad)
        rpc_reply_error(req, RPC_GARBAGE_ARGS);
    else
        reply_plain(req, 0, 0);
}

static const struct rpc_proc procs[] = {
    [0] = {.name = "NULL", .handler = receive_null},
    [1] = {.name = "SETVOLUME", .handler = receive_setvolume},
    [2] = {.name = "GETSPEC", .handler = receive_getspec},
    [3] = {.name = "PING", .handler = receive_null},
    [4] = {.name = "SET_LK_VER", .handler = receive_set_lk_ver},
    [5] = {.name = "EVENT_NOTIFY", .handler = receive_event_notify},
};

const struct rpc_program hello_program = {
    .name = "GlusterFS Handshake",
    .number = 14398633,
    .version = 2,
    .procs = procs,
    .procs_count = sizeof(procs) / sizeof(procs[0]),
};
