/* SPDX-License-Identifier: BSD-2-Clause */
/* Escaping of control characters.  Bytes of 0x80 and above pass: names are
 * UTF-8 more often than not.  The C1 controls, which some terminals obey, do
 * not: in UTF-8 they are 0xc2 with 0x80 to 0x9f. */
#include "server/core/escape.h"

#include <stdbool.h>
#include <string.h>

#include "mem/must.h"

static bool
is_control(const unsigned char *p, const unsigned char *end)
{
    if (*p < 0x20 || *p == 0x7f)
        return true;
    return *p == 0xc2 && p + 1 < end && p[1] >= 0x80 && p[1] <= 0x9f;
}

size_t
escape_line(char *out, size_t out_bytes, const char *text, size_t bytes,
            bool *cut)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + bytes;
    size_t used = 0;

    must(out_bytes >= 1);
    for (; p < end; p++) {
        if (!is_control(p, end)) {
            if (used + 1 >= out_bytes)
                break;
            out[used++] = (char)*p;
            continue;
        }
        if (used + 4 >= out_bytes)
            break;
        out[used++] = '\\';
        out[used++] = 'x';
        out[used++] = digits[*p >> 4];
        out[used++] = digits[*p & 15];
    }
    out[used] = '\0';
    if (cut != NULL)
        *cut = p < end;
    return used;
}
