/* SPDX-License-Identifier: BSD-2-Clause */
/* A line of text put together in a signal handler, where printf may not be
 * called.  Bounded: what does not fit is cut off.  Private to mem/. */
#ifndef CLINKER_MEM_TEXT_H
#define CLINKER_MEM_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char *at;  /* the NUL; at < end */
    char *end; /* of the buffer */
};

/* bytes: at least 1. */
static inline void
text_start(struct text *t, char *buffer, size_t bytes)
{
    t->at = buffer;
    t->end = buffer + bytes;
    *t->at = '\0';
}

static inline void
text_put(struct text *t, const char *s)
{
    while (*s != '\0' && t->end - t->at > 1)
        *t->at++ = *s++;
    *t->at = '\0';
}

static inline void
text_put_number(struct text *t, uint64_t n, unsigned base)
{
    char digits[21];
    size_t i = sizeof(digits) - 1;

    digits[i] = '\0';
    do {
        digits[--i] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n > 0);
    text_put(t, &digits[i]);
}

static inline void
text_put_decimal(struct text *t, uint64_t n)
{
    text_put_number(t, n, 10);
}

static inline void
text_put_hex(struct text *t, uint64_t n)
{
    text_put(t, "0x");
    text_put_number(t, n, 16);
}

/* "+12" or "-12". */
static inline void
text_put_offset(struct text *t, int64_t n)
{
    text_put(t, n < 0 ? "-" : "+");
    text_put_decimal(t, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

#endif
