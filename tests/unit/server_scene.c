/* SPDX-License-Identifier: BSD-2-Clause */
/* A server and its clients; server_scene.h tells the idea. */
#include "tests/unit/server_scene.h"

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "mem/account.h"
#include "mem/alloc.h"
#include "mem/iobuf.h"
#include "mem/must.h"
#include "rpc/auth.h"
#include "rpc/dict.h"
#include "rpc/program.h"
#include "rpc/record.h"
#include "server/core/log.h"
#include "server/wire/types.h"

MEM_TYPE(mt_peer, "test", "peer");

enum {
    PATIENCE_SECS = 20,
    DUMP_NUMBER = 123451501,
    HELLO_NUMBER = 14398633,
    FOPS_NUMBER = 1298437,
    FOPS_VERSION = 400,
    TYPES_MAX = 512,
};

struct server *scene_server;
char scene_directory[256];
static struct options *options;

/* --- the server --- */

static void
set(const char *key, const char *value)
{
    char err[OPTION_ERROR_BYTES];

    ck_assert_msg(options_set(options, key, value, false, err) == 0, "%s",
                  err);
}

static const char *
below(const char *name)
{
    static char path[2][320];
    static unsigned next;
    char *to = path[next++ % 2];

    (void)snprintf(to, sizeof(path[0]), "%s/%s", scene_directory, name);
    return to;
}

void
scene_prepare(const char *const *pairs)
{
    const char *tmp = getenv("TMPDIR");
    FILE *config;

    (void)snprintf(scene_directory, sizeof(scene_directory), "%s/server.XXXXXX",
                   tmp != NULL ? tmp : "/var/tmp");
    ck_assert_ptr_nonnull(mkdtemp(scene_directory));
    ck_assert_int_eq(mkdir(below("brick"), 0755), 0);
    options = options_new();
    ck_assert_ptr_nonnull(options);
    set("posix.directory", below("brick"));
    set("posix.health-check-interval", "0");
    set("posix.reserve", "0");
    set("server.brick-name", "brick");
    set("server.address-family", "unix");
    set("server.listen-path", below("socket"));
    set("server.control-socket", below("control"));
    set("server.statedump-path", scene_directory);
    for (; pairs != NULL && pairs[0] != NULL; pairs += 2)
        set(pairs[0], pairs[1]);
    config = fopen(below("config"), "w");
    ck_assert_ptr_nonnull(config);
    ck_assert_int_gt(fprintf(config, "[server]\nevent-threads = 2\n"), 0);
    ck_assert_int_eq(fclose(config), 0);
    log_set_level(LOG_LVL_ERROR);
}

static int
reload(void *arg, char err[OPTION_ERROR_BYTES])
{
    return options_load_file(options, below("config"), true, err, NULL, NULL);
}

bool
scene_try_start(char err[SERVER_ERROR_BYTES])
{
    const struct server_params params = {
        .version = "test", .options = options, .reload = reload};

    scene_server = server_start(&params, err);
    return scene_server != NULL;
}

void
scene_start(const char *const *pairs)
{
    char err[SERVER_ERROR_BYTES];

    scene_prepare(pairs);
    ck_assert_msg(scene_try_start(err), "%s", err);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    return remove(path);
}

/* What libraries and the accounts themselves keep until the process ends, and
 * what the test holds. */
static bool
is_excused(const struct mem_type_stats *st)
{
    return strcmp(st->module, "lib") == 0 || strcmp(st->module, "mem") == 0 ||
           strcmp(st->module, "test") == 0;
}

static void
expect_nothing_left(void)
{
    static struct mem_type_stats types[TYPES_MAX];
    struct iobuf_stats rows[32];
    size_t n = mem_account_read(types, TYPES_MAX);

    ck_assert_uint_le(n, TYPES_MAX);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(types[i].num_allocs == 0 || is_excused(&types[i]),
                      "%" PRIu64 " of %s/%s left", types[i].num_allocs,
                      types[i].module, types[i].name);
    n = iobuf_read(rows, COUNT_OF(rows));
    ck_assert_uint_le(n, COUNT_OF(rows));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(rows[i].active == 0, "%" PRIu64 " iobufs left",
                      rows[i].active);
}

void
scene_stop(void)
{
    server_stop(&scene_server);
    ck_assert_ptr_null(scene_server);
    options_free(&options);
    ck_assert_int_eq(nftw(scene_directory, remove_one, 16,
                          FTW_DEPTH | FTW_PHYS), 0);
    expect_nothing_left();
}

/* --- sending --- */

struct peer *
peer_connect(void)
{
    struct peer *p = mem_zalloc(&mt_peer, sizeof(*p));
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct timeval tv = {.tv_sec = PATIENCE_SECS};

    ck_assert_ptr_nonnull(p);
    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", below("socket"));
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(p->fd, 0);
    ck_assert_int_eq(
        setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    ck_assert_int_eq(connect(p->fd, (struct sockaddr *)&un, sizeof(un)), 0);
    memset(p->owner, 7, sizeof(p->owner));
    p->pid = 1234;
    return p;
}

void
peer_close(struct peer **peerp)
{
    struct peer *p = *peerp;

    *peerp = NULL;
    ck_assert_int_eq(close(p->fd), 0);
    mem_free(p);
}

static void
put_raw(struct peer *p, const void *bytes, size_t count)
{
    size_t padded = (count + 3) & ~(size_t)3;

    ck_assert_uint_le(p->used + padded, sizeof(p->out));
    memcpy(p->out + p->used, bytes, count);
    memset(p->out + p->used + count, 0, padded - count);
    p->used += padded;
}

void
put_u32(struct peer *p, uint32_t v)
{
    v = htobe32(v);
    put_raw(p, &v, sizeof(v));
}

void
put_u64(struct peer *p, uint64_t v)
{
    v = htobe64(v);
    put_raw(p, &v, sizeof(v));
}

void
put_gfid(struct peer *p, const struct gfid *gfid)
{
    put_raw(p, gfid->b, GFID_BYTES);
}

void
put_bytes(struct peer *p, const void *bytes, uint32_t count)
{
    put_u32(p, count);
    put_raw(p, bytes, count);
}

void
put_text(struct peer *p, const char *text)
{
    put_bytes(p, text, (uint32_t)strlen(text));
}

void
put_no_dict(struct peer *p)
{
    put_u32(p, 0);
    put_u32(p, UINT32_MAX);
    put_u32(p, 0);
}

void
put_gfid_req(struct peer *p, const struct gfid *gfid)
{
    static const char key[] = "gfid-req";

    put_u32(p, 4 + 12 + 4 + GFID_BYTES);
    put_u32(p, 1);
    put_u32(p, 1);
    put_bytes(p, key, sizeof(key));
    put_u32(p, DICT_GFUUID);
    put_gfid(p, gfid);
}

static void
put_cred(struct peer *p)
{
    put_u32(p, RPC_AUTH_GLUSTERFS_V3);
    put_u32(p, 44);
    put_u32(p, (uint32_t)p->pid);
    put_u32(p, p->uid);
    put_u32(p, p->gid);
    put_u32(p, 0); /* no times */
    put_u32(p, 0);
    put_u64(p, 0);
    put_u32(p, 0); /* no groups */
    put_bytes(p, p->owner, sizeof(p->owner));
    put_u32(p, RPC_AUTH_NULL);
    put_u32(p, 0);
}

void
peer_begin(struct peer *p, uint32_t program, uint32_t version, uint32_t proc)
{
    p->used = RECORD_MARK_BYTES;
    put_u32(p, ++p->xid);
    put_u32(p, 0); /* a call */
    put_u32(p, 2);
    put_u32(p, program);
    put_u32(p, version);
    put_u32(p, proc);
    put_cred(p);
}

void
peer_begin_fop(struct peer *p, enum fop_proc proc)
{
    peer_begin(p, FOPS_NUMBER, FOPS_VERSION, proc);
}

uint32_t
peer_end(struct peer *p)
{
    record_mark_encode(p->out, (uint32_t)(p->used - RECORD_MARK_BYTES));
    return p->xid;
}

void
peer_send_part(struct peer *p, size_t from, size_t to)
{
    while (from < to) {
        ssize_t n = send(p->fd, p->out + from, to - from, MSG_NOSIGNAL);

        ck_assert_int_gt(n, 0);
        from += (size_t)n;
    }
}

uint32_t
peer_send(struct peer *p)
{
    uint32_t xid = peer_end(p);

    peer_send_part(p, 0, p->used);
    return xid;
}

void
peer_wait_read(struct peer *p)
{
    static const struct timespec tick = {.tv_nsec = 100000};
    int unread = 1;

    for (int i = 0; i < PATIENCE_SECS * 10000 && unread > 0; i++) {
        ck_assert_int_eq(ioctl(p->fd, SIOCOUTQ, &unread), 0);
        if (unread > 0)
            (void)nanosleep(&tick, NULL);
    }
    ck_assert_int_eq(unread, 0);
}

/* --- receiving --- */

static void
receive_all(struct peer *p, uint8_t *to, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = recv(p->fd, to, bytes, 0);

        ck_assert_msg(n > 0, "no reply: %s", n == 0 ? "end" : strerror(errno));
        to += n;
        bytes -= (size_t)n;
    }
}

uint32_t
take_u32(struct peer *p)
{
    uint32_t v;

    ck_assert_uint_le(p->at + sizeof(v), p->in_bytes);
    memcpy(&v, p->in + p->at, sizeof(v));
    p->at += sizeof(v);
    return be32toh(v);
}

uint64_t
take_u64(struct peer *p)
{
    uint64_t high = take_u32(p);

    return high << 32 | take_u32(p);
}

void
take_skip(struct peer *p, size_t bytes)
{
    ck_assert_uint_le(p->at + bytes, p->in_bytes);
    p->at += bytes;
}

void
take_dict(struct peer *p)
{
    uint32_t bytes = take_u32(p);

    (void)take_u32(p);
    (void)take_u32(p);
    take_skip(p, (bytes + 3) & ~3u);
}

uint32_t
peer_receive(struct peer *p, uint32_t *xid)
{
    uint8_t head[RECORD_MARK_BYTES];
    struct record_mark mark;
    uint32_t stat;

    receive_all(p, head, sizeof(head));
    mark = record_mark_decode(head);
    ck_assert(mark.last);
    ck_assert_uint_le(mark.bytes, sizeof(p->in));
    receive_all(p, p->in, mark.bytes);
    p->in_bytes = mark.bytes;
    p->at = 0;
    *xid = take_u32(p);
    ck_assert_uint_eq(take_u32(p), 1); /* a reply */
    ck_assert_uint_eq(take_u32(p), 0); /* accepted */
    ck_assert_uint_eq(take_u64(p), 0); /* no verifier */
    stat = take_u32(p);
    return stat;
}

int32_t
peer_call(struct peer *p, int32_t *op_errno)
{
    uint32_t xid, sent = peer_send(p);
    int32_t op_ret, err;

    ck_assert_uint_eq(peer_receive(p, &xid), RPC_SUCCESS);
    ck_assert_uint_eq(xid, sent);
    op_ret = (int32_t)take_u32(p);
    err = (int32_t)take_u32(p);
    if (op_errno != NULL)
        *op_errno = err;
    return op_ret;
}

void
peer_expect_quiet(struct peer *p)
{
    peer_begin(p, DUMP_NUMBER, 1, 2);
    ck_assert_int_eq(peer_call(p, NULL), 0);
}

/* --- calls --- */

static void
put_hello_dict(struct peer *p, const char *uid, const char *subdir)
{
    struct rpc_dict d;
    struct arena arena;
    uint8_t bytes[4096];
    int err;

    arena_init(&arena, &mt_peer, NULL, 0);
    rpc_dict_init(&d, &arena);
    err = rpc_dict_set_str(&d, "remote-subvolume", "brick");
    err |= rpc_dict_set_str(&d, "process-uuid", uid);
    err |= rpc_dict_set_fmt(&d, "fops-version", "%d", FOPS_NUMBER);
    err |= rpc_dict_set_str(&d, "opversion", "110000");
    if (subdir != NULL)
        err |= rpc_dict_set_str(&d, "subdir-mount", subdir);
    ck_assert_int_eq(err, 0);
    ck_assert_uint_le(rpc_dict_encoded_bytes(&d), sizeof(bytes));
    rpc_dict_encode(&d, bytes);
    put_bytes(p, bytes, (uint32_t)rpc_dict_encoded_bytes(&d));
    arena_release(&arena);
}

void
peer_begin_hello(struct peer *p, const char *uid, const char *subdir)
{
    peer_begin(p, HELLO_NUMBER, 2, 1);
    put_hello_dict(p, uid, subdir);
}

int32_t
peer_hello(struct peer *p, const char *uid, const char *subdir,
           int32_t *op_errno)
{
    peer_begin_hello(p, uid, subdir);
    return peer_call(p, op_errno);
}

int64_t
peer_create(struct peer *p, const char *name, struct gfid *gfid)
{
    gfid_random(gfid);
    peer_begin_fop(p, FOP_CREATE);
    put_gfid(p, &gfid_root);
    put_u32(p, 2); /* O_RDWR */
    put_u32(p, 0644);
    put_u32(p, 022);
    put_text(p, name);
    put_gfid_req(p, gfid);
    ck_assert_int_eq(peer_call(p, NULL), 0);
    take_dict(p);
    take_skip(p, WIRE_IATT_BYTES);
    return (int64_t)take_u64(p);
}

uint32_t
peer_lock(struct peer *p, const struct gfid *gfid, int64_t fd, uint32_t cmd,
          uint32_t type)
{
    peer_begin_fop(p, FOP_LK);
    put_gfid(p, gfid);
    put_u64(p, (uint64_t)fd);
    put_u32(p, cmd);
    put_u32(p, type);
    put_u32(p, type);
    put_u32(p, 0); /* from the start */
    put_u64(p, 0);
    put_u64(p, 10);
    put_u32(p, (uint32_t)p->pid);
    put_bytes(p, p->owner, sizeof(p->owner));
    put_no_dict(p);
    return peer_send(p);
}
