/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/wire/types.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "mem/must.h"

void
wire_in_gfid(struct xdr_in *in, struct gfid *out)
{
    const uint8_t *p = xdr_in_fixed(in, GFID_BYTES);

    if (p != NULL)
        memcpy(out->b, p, GFID_BYTES);
    else
        *out = gfid_null;
}

void
wire_in_iatt(struct xdr_in *in, struct iatt *out)
{
    memset(out, 0, sizeof(*out));
    wire_in_gfid(in, &out->gfid);
    out->flags = xdr_in_u64(in);
    out->ino = xdr_in_u64(in);
    out->dev = xdr_in_u64(in);
    out->rdev = xdr_in_u64(in);
    out->size = xdr_in_u64(in);
    out->blocks = xdr_in_u64(in);
    (void)xdr_in_u64(in); /* attributes and their mask: unused so far */
    (void)xdr_in_u64(in);
    out->atime.tv_sec = xdr_in_i64(in);
    out->mtime.tv_sec = xdr_in_i64(in);
    out->ctime.tv_sec = xdr_in_i64(in);
    out->btime.tv_sec = xdr_in_i64(in);
    out->atime.tv_nsec = xdr_in_u32(in);
    out->mtime.tv_nsec = xdr_in_u32(in);
    out->ctime.tv_nsec = xdr_in_u32(in);
    out->btime.tv_nsec = xdr_in_u32(in);
    out->nlink = xdr_in_u32(in);
    out->uid = xdr_in_u32(in);
    out->gid = xdr_in_u32(in);
    out->blksize = xdr_in_u32(in);
    out->mode = xdr_in_u32(in);
}

void
wire_out_gfid(struct xdr_out *out, const struct gfid *g)
{
    xdr_out_fixed(out, g->b, GFID_BYTES);
}

static uint8_t *
put_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
    return p + 4;
}

static uint8_t *
put_u64(uint8_t *p, uint64_t v)
{
    return put_u32(put_u32(p, (uint32_t)(v >> 32)), (uint32_t)v);
}

/* Written field by field into one reserved place: replies carry up to five. */
void
wire_out_iatt(struct xdr_out *out, const struct iatt *ia)
{
    uint8_t *start = xdr_out_reserve(out, WIRE_IATT_BYTES);
    uint8_t *p = start;

    if (p == NULL)
        return;
    memcpy(p, ia->gfid.b, GFID_BYTES);
    p += GFID_BYTES;
    p = put_u64(p, ia->flags);
    p = put_u64(p, ia->ino);
    p = put_u64(p, ia->dev);
    p = put_u64(p, ia->rdev);
    p = put_u64(p, ia->size);
    p = put_u64(p, ia->blocks);
    p = put_u64(p, 0);
    p = put_u64(p, 0);
    p = put_u64(p, (uint64_t)ia->atime.tv_sec);
    p = put_u64(p, (uint64_t)ia->mtime.tv_sec);
    p = put_u64(p, (uint64_t)ia->ctime.tv_sec);
    p = put_u64(p, (uint64_t)ia->btime.tv_sec);
    p = put_u32(p, (uint32_t)ia->atime.tv_nsec);
    p = put_u32(p, (uint32_t)ia->mtime.tv_nsec);
    p = put_u32(p, (uint32_t)ia->ctime.tv_nsec);
    p = put_u32(p, (uint32_t)ia->btime.tv_nsec);
    p = put_u32(p, ia->nlink);
    p = put_u32(p, ia->uid);
    p = put_u32(p, ia->gid);
    p = put_u32(p, ia->blksize);
    p = put_u32(p, ia->mode);
    must(p - start == WIRE_IATT_BYTES);
}

void
wire_in_flock(struct xdr_in *in, struct wire_flock *out)
{
    out->type = xdr_in_u32(in);
    out->whence = xdr_in_u32(in);
    out->start = xdr_in_u64(in);
    out->len = xdr_in_u64(in);
    out->pid = xdr_in_u32(in);
    out->owner = xdr_in_opaque(in, &out->owner_bytes, WIRE_OWNER_BYTES_MAX);
}

void
wire_out_flock(struct xdr_out *out, const struct wire_flock *fl)
{
    xdr_out_u32(out, fl->type);
    xdr_out_u32(out, fl->whence);
    xdr_out_u64(out, fl->start);
    xdr_out_u64(out, fl->len);
    xdr_out_u32(out, fl->pid);
    xdr_out_opaque(out, fl->owner, fl->owner_bytes);
}

void
wire_in_lease(struct xdr_in *in, struct wire_lease *out)
{
    const uint8_t *id;

    out->cmd = xdr_in_u32(in);
    out->type = xdr_in_u32(in);
    id = xdr_in_fixed(in, sizeof(out->id));
    if (id != NULL)
        memcpy(out->id, id, sizeof(out->id));
    out->flags = xdr_in_u32(in);
}

static uint32_t
count_locks(struct xdr_in in)
{
    uint32_t count = 0, bytes;
    struct wire_flock fl;

    while (xdr_in_u32(&in) != 0 && !in.bad && count <= WIRE_LOCKS_MAX) {
        count++;
        wire_in_flock(&in, &fl);
        (void)xdr_in_opaque(&in, &bytes, WIRE_STRING_BYTES_MAX);
        (void)xdr_in_u32(&in);
    }
    return in.bad ? UINT32_MAX : count;
}

int
wire_in_locks(struct xdr_in *in, struct arena *arena,
              struct wire_lock **locks, uint32_t *count, bool *nul)
{
    *locks = NULL;
    *count = count_locks(*in);
    if (*count > WIRE_LOCKS_MAX) {
        in->bad = true;
        return 0;
    }
    if (*count > 0) {
        *locks = arena_alloc(arena, *count * sizeof(**locks));
        if (*locks == NULL)
            return -ENOMEM;
    }
    for (uint32_t i = 0; i < *count; i++) {
        struct wire_lock *lock = &(*locks)[i];

        (void)xdr_in_u32(in);
        wire_in_flock(in, &lock->flock);
        lock->client_uid = wire_in_string(in, arena, nul);
        if (lock->client_uid == NULL)
            return -ENOMEM;
        lock->flags = xdr_in_u32(in);
    }
    (void)xdr_in_u32(in); /* the end of the list */
    return 0;
}

void
wire_out_locks(struct xdr_out *out, const struct wire_lock *locks,
               uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        xdr_out_u32(out, 1);
        wire_out_flock(out, &locks[i].flock);
        xdr_out_opaque(out, locks[i].client_uid, strlen(locks[i].client_uid));
        xdr_out_u32(out, locks[i].flags);
    }
    xdr_out_u32(out, 0);
}

void
wire_out_statfs(struct xdr_out *out, const struct statvfs *sv)
{
    xdr_out_u64(out, sv->f_bsize);
    xdr_out_u64(out, sv->f_frsize);
    xdr_out_u64(out, sv->f_blocks);
    xdr_out_u64(out, sv->f_bfree);
    xdr_out_u64(out, sv->f_bavail);
    xdr_out_u64(out, sv->f_files);
    xdr_out_u64(out, sv->f_ffree);
    xdr_out_u64(out, sv->f_favail);
    xdr_out_u64(out, sv->f_fsid);
    xdr_out_u64(out, sv->f_flag);
    xdr_out_u64(out, sv->f_namemax);
}

const char *
wire_in_string(struct xdr_in *in, struct arena *arena, bool *nul)
{
    uint32_t bytes;
    const uint8_t *p = xdr_in_opaque(in, &bytes, WIRE_STRING_BYTES_MAX);

    if (p == NULL)
        return "";
    if (memchr(p, '\0', bytes) != NULL)
        *nul = true;
    return arena_strndup(arena, (const char *)p, bytes);
}

/* A STR value whose sender left the NUL out gets one; one with a NUL inside
 * ends there, as on the peer. */
static int
str_value(struct dict_pair *pair, const uint8_t *p, uint32_t bytes,
          struct arena *arena)
{
    const uint8_t *nul = memchr(p, '\0', bytes);

    if (nul != NULL) {
        pair->data = p;
        pair->bytes = (uint32_t)(nul - p) + 1;
        return 0;
    }
    pair->data = (const uint8_t *)arena_strndup(arena, (const char *)p, bytes);
    pair->bytes = bytes + 1;
    return pair->data == NULL ? -ENOMEM : 0;
}

static int
iatt_value(struct xdr_in *in, struct dict_pair *pair, struct arena *arena)
{
    struct iatt *ia = arena_alloc(arena, sizeof(*ia));

    if (ia == NULL)
        return -ENOMEM;
    wire_in_iatt(in, ia);
    pair->iatt = ia;
    return 0;
}

static int
mdata_value(struct xdr_in *in, struct dict_pair *pair, struct arena *arena)
{
    struct mdata *md = arena_alloc(arena, sizeof(*md));

    if (md == NULL)
        return -ENOMEM;
    md->atime.tv_sec = xdr_in_i64(in);
    md->mtime.tv_sec = xdr_in_i64(in);
    md->ctime.tv_sec = xdr_in_i64(in);
    md->atime.tv_nsec = xdr_in_u32(in);
    md->mtime.tv_nsec = xdr_in_u32(in);
    md->ctime.tv_nsec = xdr_in_u32(in);
    pair->mdata = md;
    return 0;
}

static int
in_value(struct xdr_in *in, struct dict_pair *pair, struct arena *arena)
{
    const uint8_t *p;
    uint64_t bits;

    switch (pair->type) {
    case DICT_INT:
        pair->i = xdr_in_i64(in);
        return 0;
    case DICT_UINT:
        pair->u = xdr_in_u64(in);
        return 0;
    case DICT_DOUBLE:
        bits = xdr_in_u64(in);
        memcpy(&pair->d, &bits, sizeof(bits));
        return 0;
    case DICT_STR:
        p = xdr_in_opaque(in, &pair->bytes, WIRE_VALUE_BYTES_MAX);
        return p == NULL ? 0 : str_value(pair, p, pair->bytes, arena);
    case DICT_STR_OLD:
    case DICT_PTR:
        pair->data = xdr_in_opaque(in, &pair->bytes, WIRE_VALUE_BYTES_MAX);
        return 0;
    case DICT_GFUUID:
        pair->data = xdr_in_fixed(in, GFID_BYTES);
        pair->bytes = GFID_BYTES;
        return 0;
    case DICT_IATT:
        return iatt_value(in, pair, arena);
    case DICT_MDATA:
        return mdata_value(in, pair, arena);
    }
    in->bad = true; /* a tag of no known type ends the whole message */
    return 0;
}

/* Of a key sent twice the later value holds, at the earlier one's place.  To
 * see that, a large dictionary's keys are hashed while it is decoded: that
 * happens on an event thread, and a client may send as many pairs as it likes
 * up to the bound. */
struct seen {
    uint16_t *slots; /* number of a pair and 1; 0: free.  NULL: the dictionary
                        is so small that it is searched */
    uint32_t mask;
    uint64_t seed;   /* a client shall not know which keys collide */
};

enum { SEARCHED_PAIRS_MAX = 16 };

static int
seen_init(struct seen *seen, uint32_t pairs, struct arena *arena)
{
    uint32_t slots = 2 * SEARCHED_PAIRS_MAX;

    *seen = (struct seen){.slots = NULL};
    if (pairs <= SEARCHED_PAIRS_MAX)
        return 0;
    while (slots < 2 * pairs)
        slots *= 2;
    seen->slots = arena_zalloc(arena, slots * sizeof(*seen->slots));
    seen->mask = slots - 1;
    seen->seed = (uintptr_t)arena ^ (uintptr_t)seen->slots;
    return seen->slots == NULL ? -ENOMEM : 0;
}

static int
keep_pair(struct seen *seen, struct dict *d, const struct dict_pair *pair)
{
    uint32_t i;

    if (seen->slots == NULL)
        return dict_set_pair(d, pair);
    i = (uint32_t)XXH3_64bits_withSeed(pair->key, strlen(pair->key),
                                       seen->seed) &
        seen->mask;
    for (; seen->slots[i] != 0; i = (i + 1) & seen->mask) {
        struct dict_pair *old = &d->pairs[seen->slots[i] - 1];

        if (strcmp(old->key, pair->key) == 0) {
            *old = *pair;
            return 0;
        }
    }
    dict_append(d, pair);
    seen->slots[i] = (uint16_t)d->count;
    return 0;
}

int
wire_in_dict(struct xdr_in *in, struct dict *out, struct arena *arena)
{
    struct seen seen;
    int32_t count;
    uint32_t pairs, i;
    int err;

    dict_init(out, arena);
    (void)xdr_in_u32(in); /* its byte count only matters to the receiver */
    count = xdr_in_i32(in);
    pairs = xdr_in_u32(in);
    if (in->bad)
        return 0;
    /* A pair takes 12 bytes at least: refuse a count that cannot be true
     * before working through it. */
    if (pairs > DICT_PAIRS_WIRE_MAX || pairs > xdr_in_left(in) / 12) {
        in->bad = true;
        return 0;
    }
    out->null = count < 0;
    /* And for the few that a handler adds. */
    err = dict_reserve(out, pairs == 0 ? 0 : pairs + 4);
    if (err == 0)
        err = seen_init(&seen, pairs, arena);
    if (err != 0)
        return err;
    for (i = 0; i < pairs && !in->bad; i++) {
        struct dict_pair pair = {0};
        uint32_t bytes;
        const uint8_t *key = xdr_in_opaque(in, &bytes, DICT_KEY_BYTES_MAX + 1);

        /* The key's NUL is part of it. */
        if (key == NULL || bytes < 2 || key[bytes - 1] != '\0' ||
            memchr(key, '\0', bytes - 1) != NULL) {
            in->bad = true;
            return 0;
        }
        pair.key = (const char *)key;
        pair.type = (enum dict_type)xdr_in_i32(in);
        err = in_value(in, &pair, arena);
        if (err == 0 && !in->bad)
            err = keep_pair(&seen, out, &pair);
        if (err != 0)
            return err;
    }
    return 0;
}

static void
out_value(struct xdr_out *out, const struct dict_pair *p)
{
    uint64_t bits;

    switch (p->type) {
    case DICT_INT:
        xdr_out_i64(out, p->i);
        return;
    case DICT_UINT:
        xdr_out_u64(out, p->u);
        return;
    case DICT_DOUBLE:
        memcpy(&bits, &p->d, sizeof(bits));
        xdr_out_u64(out, bits);
        return;
    case DICT_STR:
    case DICT_STR_OLD:
    case DICT_PTR:
        xdr_out_opaque(out, p->data, p->bytes);
        return;
    case DICT_GFUUID:
        xdr_out_fixed(out, p->data, GFID_BYTES);
        return;
    case DICT_IATT:
        wire_out_iatt(out, p->iatt);
        return;
    case DICT_MDATA:
        xdr_out_i64(out, p->mdata->atime.tv_sec);
        xdr_out_i64(out, p->mdata->mtime.tv_sec);
        xdr_out_i64(out, p->mdata->ctime.tv_sec);
        xdr_out_u32(out, (uint32_t)p->mdata->atime.tv_nsec);
        xdr_out_u32(out, (uint32_t)p->mdata->mtime.tv_nsec);
        xdr_out_u32(out, (uint32_t)p->mdata->ctime.tv_nsec);
        return;
    }
    must(!"a dictionary of ours holds no other type");
}

void
wire_out_dict(struct xdr_out *out, const struct dict *d)
{
    size_t head = out->pos, start;
    uint32_t i;

    xdr_out_u32(out, 0);
    xdr_out_i32(out, d->null ? -1 : (int32_t)d->count);
    xdr_out_u32(out, d->count);
    start = out->pos;
    for (i = 0; i < d->count; i++) {
        xdr_out_opaque(out, d->pairs[i].key, strlen(d->pairs[i].key) + 1);
        xdr_out_i32(out, (int32_t)d->pairs[i].type);
        out_value(out, &d->pairs[i]);
    }
    if (!out->failed)
        xdr_out_patch_u32(out, head, (uint32_t)(out->pos - start));
}
