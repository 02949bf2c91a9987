/* SPDX-License-Identifier: BSD-2-Clause */
/* Text and bytes of a gfid.  The parser is strict: what comes from a client or
 * a disk names one object in one way only. */
#include "server/core/gfid.h"

#include <errno.h>
#include <sys/random.h>

#include "mem/must.h"

const struct gfid gfid_null;
const struct gfid gfid_root = {.b = {[GFID_BYTES - 1] = 1}};

/* Bytes that a hyphen stands before. */
static bool
hyphen_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

char *
gfid_format(const struct gfid *g, char out[GFID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;

    for (size_t i = 0; i < GFID_BYTES; i++) {
        if (hyphen_before(i))
            *p++ = '-';
        *p++ = digits[g->b[i] >> 4];
        *p++ = digits[g->b[i] & 15];
    }
    *p++ = '\0';
    must(p == out + GFID_TEXT_BYTES);
    return out;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int
gfid_parse(struct gfid *g, const char *text, size_t len)
{
    struct gfid parsed;
    const char *p = text;

    if (len != GFID_TEXT_BYTES - 1)
        return -EINVAL;
    for (size_t i = 0; i < GFID_BYTES; i++) {
        int high, low;

        if (hyphen_before(i) && *p++ != '-')
            return -EINVAL;
        high = hex_digit(*p++);
        low = hex_digit(*p++);
        if (high < 0 || low < 0)
            return -EINVAL;
        parsed.b[i] = (uint8_t)(high << 4 | low);
    }
    must(p == text + len);
    *g = parsed;
    return 0;
}

void
gfid_random(struct gfid *g)
{
    ssize_t got;

    do
        got = getrandom(g->b, GFID_BYTES, 0);
    while (got < 0 && errno == EINTR);
    /* So few bytes never come short, and no kernel that we run on is without
     * the call. */
    must(got == GFID_BYTES);
    g->b[6] = (uint8_t)((g->b[6] & 0x0f) | 0x40);
    g->b[8] = (uint8_t)((g->b[8] & 0x3f) | 0x80);
}

uint64_t
gfid_ino(const struct gfid *g)
{
    uint64_t ino = 0;

    for (size_t i = 8; i < GFID_BYTES; i++)
        ino = ino << 8 | g->b[i];
    return ino;
}
