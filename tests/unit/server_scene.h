/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole server on a scratch brick, in this process, and clients that speak
 * to it over a unix socket as real ones do.
 */
#ifndef CLINKER_TESTS_UNIT_SERVER_SCENE_H
#define CLINKER_TESTS_UNIT_SERVER_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/gfid.h"
#include "server/server.h"
#include "server/wire/fop.h"

enum {
    SCENE_REPLY_BYTES_MAX = 256 * 1024,
    SCENE_REQUEST_BYTES_MAX = 128 * 1024,
};

/* The server of the running test. */
extern struct server *scene_server;
extern char scene_directory[];

/* key, value, key, value, …, NULL: options besides the usual ones. */
void scene_start(const char *const *options);
/* The same in two steps, of which the second may fail and be tried again.
 * Options are read again by a reload. */
void scene_prepare(const char *const *options);
bool scene_try_start(char err[SERVER_ERROR_BYTES]);
/* Stops the server and finds that nothing is left of it. */
void scene_stop(void);

/* What is sent, and who sends it. */
struct peer {
    int fd;
    uint32_t xid;
    uint32_t uid, gid;
    int32_t pid;
    uint8_t owner[8];
    /* A request being put together. */
    uint8_t out[SCENE_REQUEST_BYTES_MAX];
    size_t used;
    /* The last reply's results. */
    uint8_t in[SCENE_REPLY_BYTES_MAX];
    size_t in_bytes, at;
};

struct peer *peer_connect(void);
void peer_close(struct peer **peerp);

/* Begin a call: record mark and header; then its arguments; then send. */
void peer_begin(struct peer *p, uint32_t program, uint32_t version,
                uint32_t proc);
void peer_begin_fop(struct peer *p, enum fop_proc proc);
void put_u32(struct peer *p, uint32_t v);
void put_u64(struct peer *p, uint64_t v);
void put_gfid(struct peer *p, const struct gfid *gfid);
void put_bytes(struct peer *p, const void *bytes, uint32_t count);
void put_text(struct peer *p, const char *text); /* counted, no NUL */
void put_no_dict(struct peer *p);
/* One pair: a gfid, as gfid-req is sent. */
void put_gfid_req(struct peer *p, const struct gfid *gfid);
uint32_t peer_send(struct peer *p); /* its xid */
/* Fill in the mark and leave the sending to the caller. */
uint32_t peer_end(struct peer *p);
void peer_send_part(struct peer *p, size_t from, size_t to);

/* Wait until the server has read all that was sent. */
void peer_wait_read(struct peer *p);

/* Wait for a reply; its xid, and accept_stat.  With RPC_SUCCESS results are
 * there to be read. */
uint32_t peer_receive(struct peer *p, uint32_t *xid);
/* The connection works, and nothing else has been answered on it. */
void peer_expect_quiet(struct peer *p);
uint32_t take_u32(struct peer *p);
uint64_t take_u64(struct peer *p);
void take_skip(struct peer *p, size_t bytes);
void take_dict(struct peer *p); /* and drop it */

/* Send, receive, and return op_ret; the rest of the reply is next to read.
 * *op_errno may be NULL. */
int32_t peer_call(struct peer *p, int32_t *op_errno);
/* SETVOLUME as this process; op_ret. */
void peer_begin_hello(struct peer *p, const char *uid, const char *subdir);
int32_t peer_hello(struct peer *p, const char *uid, const char *subdir,
                   int32_t *op_errno);
/* CREATE below the root, read and write; the fd's number. */
int64_t peer_create(struct peer *p, const char *name, struct gfid *gfid);
/* Write-lock the first `len` bytes, cmd 1: or fail, 2: or wait. Just sends. */
uint32_t peer_lock(struct peer *p, const struct gfid *gfid, int64_t fd,
                   uint32_t cmd, uint32_t type);

#endif
