/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XDR views and builders.  The reader steers a libtirpc memory stream by
 * position and hands out pointers into what lies below it: a stream over an
 * odd address (the record before was a WRITE of 11 bytes) offers no XDR_INLINE
 * of its own, but its position may always be asked for and set.
 */
#include "rpc/xdr.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "mem/must.h"
#include "rpc/program.h"

static size_t
pad_bytes(size_t bytes)
{
    return (size_t)(-bytes & (BYTES_PER_XDR_UNIT - 1));
}

void
xdr_in_init(struct xdr_in *in, const uint8_t *base, size_t bytes)
{
    static const uint8_t nothing[BYTES_PER_XDR_UNIT];

    must(bytes <= RPC_RECORD_BYTES_MAX);
    must(base != NULL || bytes == 0);
    in->base = base != NULL ? base : nothing;
    in->bytes = bytes;
    in->bad = false;
    /* The stream only reads; its prototype knows no const. */
    xdrmem_create(&in->xdrs, (char *)(uintptr_t)in->base, (u_int)bytes,
                  XDR_DECODE);
}

size_t
xdr_in_pos(const struct xdr_in *in)
{
    /* getpos changes nothing, but is not declared so. */
    XDR *xdrs = (XDR *)(uintptr_t)&in->xdrs;

    return XDR_GETPOS(xdrs);
}

size_t
xdr_in_left(const struct xdr_in *in)
{
    return in->bytes - xdr_in_pos(in);
}

uint32_t
xdr_in_u32(struct xdr_in *in)
{
    int32_t v = 0;

    if (in->bad || !XDR_GETINT32(&in->xdrs, &v)) {
        in->bad = true;
        return 0;
    }
    return (uint32_t)v;
}

int32_t
xdr_in_i32(struct xdr_in *in)
{
    return (int32_t)xdr_in_u32(in);
}

uint64_t
xdr_in_u64(struct xdr_in *in)
{
    uint64_t high = xdr_in_u32(in);
    uint64_t low = xdr_in_u32(in);

    return in->bad ? 0 : high << 32 | low;
}

int64_t
xdr_in_i64(struct xdr_in *in)
{
    return (int64_t)xdr_in_u64(in);
}

const uint8_t *
xdr_in_fixed(struct xdr_in *in, size_t bytes)
{
    size_t pos, left, skip;

    if (in->bad)
        return NULL;
    pos = xdr_in_pos(in);
    left = in->bytes - pos;
    if (bytes > left) {
        in->bad = true;
        return NULL;
    }
    skip = bytes + pad_bytes(bytes);
    if (skip > left)
        skip = left;
    must(XDR_SETPOS(&in->xdrs, (u_int)(pos + skip)));
    return in->base + pos;
}

const uint8_t *
xdr_in_opaque(struct xdr_in *in, uint32_t *bytes, uint32_t max)
{
    const uint8_t *p;
    uint32_t n = xdr_in_u32(in);

    *bytes = 0;
    if (n > max)
        in->bad = true;
    p = xdr_in_fixed(in, n);
    if (p != NULL)
        *bytes = n;
    return p;
}

int
xdr_out_init(struct xdr_out *out, size_t skip, size_t expected_bytes)
{
    size_t bytes = skip + expected_bytes;

    out->pos = skip;
    out->failed = false;
    out->buf = iobuf_new(bytes > 0 ? bytes : BYTES_PER_XDR_UNIT);
    if (out->buf == NULL) {
        out->failed = true;
        return -ENOMEM;
    }
    return 0;
}

/* Doubling keeps the copies of a growing reply below its size in all. */
static bool
out_grow(struct xdr_out *out, size_t need)
{
    size_t bytes = out->buf->capacity * 2;
    struct iobuf *bigger;

    if (bytes < need)
        bytes = need;
    bigger = iobuf_new(bytes);
    if (bigger == NULL)
        return false;
    memcpy(bigger->data, out->buf->data, out->pos);
    iobuf_put(out->buf);
    out->buf = bigger;
    return true;
}

uint8_t *
xdr_out_reserve(struct xdr_out *out, size_t bytes)
{
    uint8_t *p;

    if (out->failed)
        return NULL;
    if (bytes > RPC_RECORD_BYTES_MAX ||
        out->pos + bytes > RPC_RECORD_BYTES_MAX ||
        (out->pos + bytes > out->buf->capacity &&
         !out_grow(out, out->pos + bytes))) {
        out->failed = true;
        return NULL;
    }
    p = out->buf->data + out->pos;
    out->pos += bytes;
    return p;
}

void
xdr_out_u32(struct xdr_out *out, uint32_t v)
{
    uint8_t *p = xdr_out_reserve(out, sizeof(v));

    v = htobe32(v);
    if (p != NULL)
        memcpy(p, &v, sizeof(v));
}

void
xdr_out_i32(struct xdr_out *out, int32_t v)
{
    xdr_out_u32(out, (uint32_t)v);
}

void
xdr_out_u64(struct xdr_out *out, uint64_t v)
{
    uint8_t *p = xdr_out_reserve(out, sizeof(v));

    v = htobe64(v);
    if (p != NULL)
        memcpy(p, &v, sizeof(v));
}

void
xdr_out_i64(struct xdr_out *out, int64_t v)
{
    xdr_out_u64(out, (uint64_t)v);
}

void
xdr_out_fixed(struct xdr_out *out, const void *p, size_t bytes)
{
    size_t pad = pad_bytes(bytes);
    uint8_t *to;

    if (bytes > RPC_RECORD_BYTES_MAX) {
        out->failed = true;
        return;
    }
    to = xdr_out_reserve(out, bytes + pad);
    if (to == NULL)
        return;
    if (bytes > 0)
        memcpy(to, p, bytes);
    memset(to + bytes, 0, pad);
}

void
xdr_out_opaque(struct xdr_out *out, const void *p, size_t bytes)
{
    xdr_out_u32(out, (uint32_t)bytes);
    xdr_out_fixed(out, p, bytes);
}

void
xdr_out_patch_u32(struct xdr_out *out, size_t pos, uint32_t v)
{
    if (out->failed)
        return;
    must(pos + sizeof(v) <= out->pos);
    v = htobe32(v);
    memcpy(out->buf->data + pos, &v, sizeof(v));
}

struct iobuf *
xdr_out_take(struct xdr_out *out, size_t *bytes)
{
    struct iobuf *buf = out->buf;

    if (out->failed) {
        xdr_out_drop(out);
        return NULL;
    }
    *bytes = out->pos;
    out->buf = NULL;
    out->failed = true;
    return buf;
}

void
xdr_out_drop(struct xdr_out *out)
{
    iobuf_put(out->buf);
    out->buf = NULL;
    out->failed = true;
}
