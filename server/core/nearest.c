/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/core/nearest.h"

#include <stdint.h>
#include <string.h>

enum { WORD_BYTES_MAX = 64 }; /* nothing longer is like any of ours */

static size_t
least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Levenshtein's distance; both at most WORD_BYTES_MAX long. */
static size_t
distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    size_t row[WORD_BYTES_MAX + 1];

    for (size_t j = 0; j <= b_bytes; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_bytes; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_bytes; j++) {
            size_t above = row[j];

            row[j] = least(above + 1, row[j - 1] + 1,
                           diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_bytes];
}

const char *
nearest(const char *word, const char *const *words, size_t count)
{
    size_t bytes = strlen(word), best = SIZE_MAX;
    const char *found = NULL;

    if (bytes > WORD_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(words[i]), d;

        if (other > WORD_BYTES_MAX)
            continue;
        d = distance(word, bytes, words[i], other);
        if (d < best) {
            best = d;
            found = words[i];
        }
    }
    /* More than a third of it wrong is no slip of the finger. */
    return best <= 1 + bytes / 3 ? found : NULL;
}
