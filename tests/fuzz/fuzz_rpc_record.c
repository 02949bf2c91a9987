/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream of fragments: the first byte says in what pieces it arrives.  In
 * pieces and at once it must come to the same records. */
#include "tests/fuzz/target.h"

#include <string.h>

#include "mem/must.h"
#include "rpc/record.h"

enum { BOUND = 1 << 20 };

struct outcome {
    uint64_t hash;
    unsigned records;
    int end;
};

static struct outcome
run(const uint8_t *p, size_t bytes, size_t step)
{
    struct record_asm a = {.open = false};
    struct outcome out = {.hash = 14695981039346656037u};
    size_t pos = 0;

    while (pos < bytes && out.end >= 0) {
        size_t n = bytes - pos < step ? bytes - pos : step, used, got;
        struct iobuf *buf;

        out.end = record_asm_feed(&a, BOUND, p + pos, n, &used);
        must(used <= n && a.bytes <= BOUND);
        must(a.buf == NULL || a.buf->capacity >= a.bytes);
        pos += used;
        if (out.end <= 0) {
            must(out.end < 0 || used == n);
            continue;
        }
        buf = record_asm_take(&a, &got);
        for (size_t i = 0; i < got; i++)
            out.hash = (out.hash ^ buf->data[i]) * 1099511628211u;
        out.records++;
        iobuf_put(buf);
    }
    record_asm_reset(&a);
    return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, pieces;

    if (size < 1)
        return 0;
    whole = run(data + 1, size - 1, size);
    pieces = run(data + 1, size - 1, (size_t)data[0] + 1);
    must(whole.hash == pieces.hash && whole.records == pieces.records);
    must((whole.end < 0) == (pieces.end < 0));
    return 0;
}
