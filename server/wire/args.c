/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/wire/args.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "mem/must.h"

static int
in_field(struct fop_args *a, char letter, struct xdr_in *in,
         struct arena *arena)
{
    switch (letter) {
    case 'g':
        wire_in_gfid(in, &a->gfid);
        return 0;
    case 'h':
        wire_in_gfid(in, &a->gfid2);
        return 0;
    case 'f':
        a->fd = xdr_in_i64(in);
        return 0;
    case 'F':
        a->fd2 = xdr_in_i64(in);
        return 0;
    case 'o':
        a->offset = xdr_in_u64(in);
        return 0;
    case 'O':
        a->offset2 = xdr_in_u64(in);
        return 0;
    case 'z':
        a->size = xdr_in_u32(in);
        return 0;
    case 'Z':
        a->size = xdr_in_u64(in);
        return 0;
    case 'n':
        a->name = wire_in_string(in, arena, &a->nul_in_name);
        return a->name == NULL ? -ENOMEM : 0;
    case 'N':
        a->name2 = wire_in_string(in, arena, &a->nul_in_name);
        return a->name2 == NULL ? -ENOMEM : 0;
    case 'V':
        a->volume = wire_in_string(in, arena, &a->nul_in_name);
        return a->volume == NULL ? -ENOMEM : 0;
    case 'l':
    case 'L':
        a->flags = xdr_in_u32(in);
        return 0;
    case 'm':
        a->mode = xdr_in_u32(in);
        return 0;
    case 'u':
        a->umask = xdr_in_u32(in);
        return 0;
    case 'r':
        a->rdev = xdr_in_u64(in);
        return 0;
    case 'k':
        a->mask = xdr_in_u32(in);
        return 0;
    case 'v':
        a->valid = xdr_in_i32(in);
        return 0;
    case 'w':
        a->what = xdr_in_i32(in);
        return 0;
    case 'c':
        a->cmd = xdr_in_u32(in);
        return 0;
    case 't':
        a->lock_type = xdr_in_u32(in);
        return 0;
    case 'e':
        a->name_flag = xdr_in_u32(in);
        return 0;
    case 'E':
        a->name_flag = xdr_in_u64(in);
        return 0;
    case 'a':
        wire_in_iatt(in, &a->attr);
        return 0;
    case 'K':
        wire_in_flock(in, &a->flock);
        return 0;
    case 'A':
        return wire_in_locks(in, arena, &a->locks, &a->locks_count,
                             &a->nul_in_name);
    case 'B':
        wire_in_lease(in, &a->lease);
        return 0;
    case 'D':
        return wire_in_dict(in, &a->dict, arena);
    case 'x':
        return wire_in_dict(in, &a->xdata, arena);
    }
    must(!"fop_list.h has no other letters");
    return 0;
}

int
fop_args_decode(struct fop_args *args, const struct fop_def *fop,
                const uint8_t *bytes, size_t len, struct arena *arena)
{
    struct xdr_in in;
    const char *letter;
    int err;

    memset(args, 0, sizeof(*args));
    dict_init(&args->dict, arena);
    dict_init(&args->xdata, arena);
    args->name = args->name2 = args->volume = "";
    xdr_in_init(&in, bytes, len);
    for (letter = fop->request; *letter != '\0'; letter++) {
        err = in_field(args, *letter, &in, arena);
        if (err != 0)
            return err;
        if (in.bad)
            return -EINVAL;
    }
    return 0;
}

enum {
    /* gfid, fd, offset, size, flag, and the head of xdata */
    WRITE_FIXED_BYTES = 16 + 8 + 8 + 4 + 4 + 12,
    WRITE_XDATA_BYTES_MAX = 64 * 1024,
};

int
fop_write_split(const uint8_t *args, size_t avail, size_t *args_bytes)
{
    uint32_t xdata_bytes;

    if (avail < WRITE_FIXED_BYTES) {
        *args_bytes = WRITE_FIXED_BYTES;
        return -EAGAIN;
    }
    memcpy(&xdata_bytes, args + WRITE_FIXED_BYTES - 12, sizeof(xdata_bytes));
    xdata_bytes = ntohl(xdata_bytes);
    if (xdata_bytes > WRITE_XDATA_BYTES_MAX)
        return -EINVAL;
    *args_bytes = WRITE_FIXED_BYTES + ((xdata_bytes + 3) & ~3u);
    return avail < *args_bytes ? -EAGAIN : 0;
}
