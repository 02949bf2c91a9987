/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of bits in an array of words, a bit a page.  Private to mem/. */
#ifndef CLINKER_MEM_PAGE_BITS_H
#define CLINKER_MEM_PAGE_BITS_H

#include <stdbool.h>
#include <stdint.h>

/* Bits from ≤ i < to of a word; from < to ≤ 64. */
static inline uint64_t
bits_mask(unsigned from, unsigned to)
{
    return (UINT64_MAX >> (64 - to)) & (UINT64_MAX << from);
}

/* The part of [first, end) that is in the word of `first`. */
static inline uint64_t
bits_part(unsigned first, unsigned end)
{
    unsigned in_word = end - (first & ~63u);

    return bits_mask(first & 63, in_word < 64 ? in_word : 64);
}

#define BITS_FOR_WORDS(i_, first_, end_)                                       \
    for (unsigned i_ = (first_); i_ < (end_); i_ = (i_ | 63) + 1)

static inline unsigned
bits_count(const uint64_t *words, unsigned first, unsigned end)
{
    unsigned n = 0;

    BITS_FOR_WORDS(i, first, end)
    {
        uint64_t word = words[i / 64] & bits_part(i, end);

        /* Full and empty words are the common ones, and counting is a call on
         * processors that are not known to have an instruction for it. */
        if (word == UINT64_MAX)
            n += 64;
        else if (word != 0)
            n += (unsigned)__builtin_popcountll(word);
    }
    return n;
}

static inline void
bits_set(uint64_t *words, unsigned first, unsigned end)
{
    BITS_FOR_WORDS(i, first, end)
    words[i / 64] |= bits_part(i, end);
}

static inline void
bits_clear(uint64_t *words, unsigned first, unsigned end)
{
    BITS_FOR_WORDS(i, first, end)
    words[i / 64] &= ~bits_part(i, end);
}

/* Where the next bit of that value is in [first, end); end: nowhere. */
static inline unsigned
bits_find(const uint64_t *words, unsigned first, unsigned end, bool value)
{
    BITS_FOR_WORDS(i, first, end)
    {
        uint64_t word = value ? words[i / 64] : ~words[i / 64];

        word &= bits_part(i, end);
        if (word != 0)
            return (i & ~63u) + (unsigned)__builtin_ctzll(word);
    }
    return end;
}

#endif
