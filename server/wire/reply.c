/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/wire/reply.h"

#include <string.h>

#include "mem/must.h"
#include "rpc/program.h"

void
fop_reply_init(struct fop_reply *r, struct arena *arena)
{
    memset(r, 0, sizeof(*r));
    r->path = "";
    dict_init(&r->xdata, arena);
    dict_init(&r->dict, arena);
    r->dict.null = false; /* error replies carry an empty one */
}

void
fop_reply_fini(struct fop_reply *r)
{
    if (r->entries.buf != NULL)
        xdr_out_drop(&r->entries);
    iobuf_put(r->payload);
    r->payload = NULL;
}

void
fop_reply_fail(struct fop_reply *r, int op_errno)
{
    must(op_errno > 0);
    fop_reply_fini(r);
    memset(&r->entries, 0, sizeof(r->entries));
    memset(r->iatt, 0, sizeof(r->iatt));
    memset(&r->statfs, 0, sizeof(r->statfs));
    memset(&r->flock, 0, sizeof(r->flock));
    r->locks_count = 0;
    r->dict.count = 0;
    r->fd = 0;
    r->path = "";
    r->offset = 0;
    r->payload_bytes = 0;
    r->op_ret = -1;
    r->op_errno = op_errno;
}

static void
out_checksums(struct xdr_out *out, const struct fop_reply *r)
{
    xdr_out_u32(out, r->op_ret < 0 ? 0 : 1);
    xdr_out_u32(out, r->weak);
    xdr_out_opaque(out, r->strong, sizeof(r->strong));
}

static void
out_entries(struct xdr_out *out, const struct fop_reply *r)
{
    if (r->entries.buf != NULL)
        xdr_out_fixed(out, r->entries.buf->data, r->entries.pos);
    xdr_out_u32(out, 0); /* end of the list */
}

static void
out_field(struct xdr_out *out, char letter, const struct fop_reply *r)
{
    switch (letter) {
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
        wire_out_iatt(out, &r->iatt[letter - '0']);
        return;
    case 'f':
        xdr_out_i64(out, r->fd);
        return;
    case 'p':
        xdr_out_opaque(out, r->path, strlen(r->path));
        return;
    case 'S':
        wire_out_statfs(out, &r->statfs);
        return;
    case 'K':
        wire_out_flock(out, &r->flock);
        return;
    case 'B':
        xdr_out_u32(out, r->lease.cmd);
        xdr_out_u32(out, r->lease.type);
        xdr_out_fixed(out, r->lease.id, sizeof(r->lease.id));
        xdr_out_u32(out, r->lease.flags);
        return;
    case 'D':
        wire_out_dict(out, &r->dict);
        return;
    case 'o':
        xdr_out_u64(out, r->offset);
        return;
    case 's':
        out_checksums(out, r);
        return;
    case 'd':
        out_entries(out, r);
        return;
    case 'l':
        wire_out_locks(out, r->locks, r->locks_count);
        return;
    }
    must(!"fop_list.h has no other letters");
}

static size_t
expected_bytes(const struct fop_reply *r, const struct fop_def *fop)
{
    size_t bytes = RPC_REPLY_HEAD_BYTES + 64;

    bytes += strlen(fop->result) * WIRE_IATT_BYTES;
    bytes += r->entries.pos;
    return bytes;
}

struct iobuf *
fop_reply_encode(const struct fop_reply *r, const struct fop_def *fop,
                 size_t *bytes)
{
    struct xdr_out out;
    const char *letter;

    if (xdr_out_init(&out, RPC_REPLY_HEAD_BYTES, expected_bytes(r, fop)) != 0)
        return NULL;
    xdr_out_i32(&out, r->op_ret);
    xdr_out_i32(&out, r->op_errno);
    if (fop->result[0] == 'R') {
        /* READ alone has its xdata last, so that the receiver can find where
         * the payload begins. */
        wire_out_iatt(&out, &r->iatt[0]);
        xdr_out_u32(&out, (uint32_t)r->payload_bytes);
        wire_out_dict(&out, &r->xdata);
        return xdr_out_take(&out, bytes);
    }
    wire_out_dict(&out, &r->xdata);
    for (letter = fop->result; *letter != '\0'; letter++)
        out_field(&out, *letter, r);
    return xdr_out_take(&out, bytes);
}

void
fop_reply_entry(struct fop_reply *r, uint64_t ino, uint64_t off, uint8_t type,
                const char *name, uint32_t name_bytes, const struct iatt *stat,
                const struct dict *xdata)
{
    struct xdr_out *out = &r->entries;

    xdr_out_u32(out, 1);
    xdr_out_u64(out, ino);
    xdr_out_u64(out, off);
    xdr_out_u32(out, name_bytes);
    xdr_out_u32(out, type);
    xdr_out_opaque(out, name, name_bytes);
    if (stat == NULL)
        return;
    wire_out_iatt(out, stat);
    wire_out_dict(out, xdata);
}
