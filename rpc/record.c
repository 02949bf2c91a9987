/* SPDX-License-Identifier: BSD-2-Clause */
/* Record marking; record.h tells the idea. */
#include "rpc/record.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "mem/must.h"

static const uint32_t last_bit = UINT32_C(0x80000000);

struct record_mark
record_mark_decode(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    v = be32toh(v);
    return (struct record_mark){.bytes = v & ~last_bit,
                                .last = (v & last_bit) != 0};
}

void
record_mark_encode(uint8_t *p, uint32_t bytes)
{
    uint32_t v = htobe32(bytes | last_bit);

    must(bytes < last_bit);
    memcpy(p, &v, sizeof(v));
}

size_t
record_buffer_bytes(size_t have, size_t need)
{
    size_t bytes = have * 4;

    if (bytes < RECORD_FIRST_BYTES)
        bytes = RECORD_FIRST_BYTES;
    return bytes < need ? bytes : need;
}

static int
asm_append(struct record_asm *a, const uint8_t *p, size_t bytes)
{
    size_t total = a->bytes + bytes;

    if (a->buf == NULL || total > a->buf->capacity) {
        /* The rest of the fragment is announced; later ones are not known. */
        size_t size = record_buffer_bytes(total, a->bytes + a->frag_left);
        struct iobuf *bigger = iobuf_new(size);

        if (bigger == NULL)
            return -ENOMEM;
        if (a->bytes > 0)
            memcpy(bigger->data, a->buf->data, a->bytes);
        iobuf_put(a->buf);
        a->buf = bigger;
    }
    memcpy(a->buf->data + a->bytes, p, bytes);
    a->bytes = total;
    a->frag_left -= (uint32_t)bytes;
    return 0;
}

static int
asm_mark(struct record_asm *a, size_t bytes_max)
{
    struct record_mark mark = record_mark_decode(a->mark);

    a->mark_have = 0;
    if (mark.bytes > bytes_max || a->bytes > bytes_max - mark.bytes)
        return -EMSGSIZE;
    if (mark.bytes == 0 && ++a->empty_count > RECORD_EMPTY_FRAGMENTS_MAX)
        return -EMSGSIZE;
    a->frag_left = mark.bytes;
    a->frag_last = mark.last;
    return 0;
}

int
record_asm_feed(struct record_asm *a, size_t bytes_max, const uint8_t *p,
                size_t avail, size_t *used)
{
    size_t pos = 0;
    int err = 0;

    while (pos < avail && err == 0) {
        a->open = true;
        if (a->frag_left > 0) {
            size_t n = avail - pos < a->frag_left ? avail - pos : a->frag_left;

            err = asm_append(a, p + pos, n);
            pos += n;
        } else {
            a->mark[a->mark_have++] = p[pos++];
            if (a->mark_have < RECORD_MARK_BYTES)
                continue;
            err = asm_mark(a, bytes_max);
        }
        if (err == 0 && a->frag_left == 0 && a->frag_last)
            err = 1;
    }
    *used = pos;
    return err;
}

struct iobuf *
record_asm_take(struct record_asm *a, size_t *bytes)
{
    struct iobuf *buf = a->buf;

    *bytes = a->bytes;
    *a = (struct record_asm){.open = false};
    return buf;
}

void
record_asm_reset(struct record_asm *a)
{
    iobuf_put(a->buf);
    *a = (struct record_asm){.open = false};
}
