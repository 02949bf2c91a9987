/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing XDR (RFC 4506) on top of libtirpc's memory streams.
 * The reader hands out views into the record and allocates nothing.  Errors
 * are sticky: after the first one every call fails, so a decoder may read all
 * its fields and test once.
 */
#ifndef CLINKER_RPC_XDR_H
#define CLINKER_RPC_XDR_H

#include <rpc/types.h>
/* libtirpc's header of the same name, further down the include path. */
#include_next <rpc/xdr.h>
/* Its macros of the names of our functions. */
#undef mem_alloc
#undef mem_free
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/iobuf.h"

struct xdr_in {
    XDR xdrs;
    const uint8_t *base;
    size_t bytes;
    bool bad; /* a read went past the end, or a bound was broken */
};

void xdr_in_init(struct xdr_in *in, const uint8_t *base, size_t bytes);
size_t xdr_in_pos(const struct xdr_in *in);  /* bytes read */
size_t xdr_in_left(const struct xdr_in *in); /* bytes left */
uint32_t xdr_in_u32(struct xdr_in *in); /* 0 when bad */
int32_t xdr_in_i32(struct xdr_in *in);
uint64_t xdr_in_u64(struct xdr_in *in);
int64_t xdr_in_i64(struct xdr_in *in);
/* `bytes` raw bytes (padding skipped, missing padding at the end of the record
 * is accepted); NULL when bad. */
const uint8_t *xdr_in_fixed(struct xdr_in *in, size_t bytes);
/* Counted bytes; longer than max is bad. */
const uint8_t *xdr_in_opaque(struct xdr_in *in, uint32_t *bytes, uint32_t max);

struct xdr_out {
    struct iobuf *buf; /* owned until xdr_out_take() */
    size_t pos;        /* bytes written */
    bool failed;       /* out of memory */
};

/* Starts after `skip` bytes, which the caller fills later. 0 or -ENOMEM. */
int xdr_out_init(struct xdr_out *out, size_t skip, size_t expected_bytes);
void xdr_out_u32(struct xdr_out *out, uint32_t v);
void xdr_out_i32(struct xdr_out *out, int32_t v);
void xdr_out_u64(struct xdr_out *out, uint64_t v);
void xdr_out_i64(struct xdr_out *out, int64_t v);
/* Raw bytes and zero padding to 4. */
void xdr_out_fixed(struct xdr_out *out, const void *p, size_t bytes);
/* Length, bytes, padding. */
void xdr_out_opaque(struct xdr_out *out, const void *p, size_t bytes);
/* Overwrite a u32 written earlier at byte `pos`. */
void xdr_out_patch_u32(struct xdr_out *out, size_t pos, uint32_t v);
/* A place for `bytes` bytes to be filled by the caller; NULL when failed. */
uint8_t *xdr_out_reserve(struct xdr_out *out, size_t bytes);
/* The buffer, with one reference for the caller; NULL when failed (then what
 * there was is given back). */
struct iobuf *xdr_out_take(struct xdr_out *out, size_t *bytes);
void xdr_out_drop(struct xdr_out *out);

#endif
