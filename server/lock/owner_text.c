/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/lock/owner_text.h"

#include "mem/must.h"

char *
lk_owner_text(const uint8_t *owner, uint32_t bytes,
              char out[LK_OWNER_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;

    must(bytes <= LK_OWNER_BYTES_MAX);
    for (uint32_t i = 0; i < bytes; i++) {
        if (i > 0 && i % 8 == 0)
            *p++ = '-';
        *p++ = digits[owner[i] >> 4];
        *p++ = digits[owner[i] & 0xf];
    }
    *p = '\0';
    return out;
}
