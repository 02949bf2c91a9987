/* SPDX-License-Identifier: BSD-2-Clause */
/* An owner's bytes as dumps and the log show them. */
#ifndef CLINKER_SERVER_LOCK_OWNER_TEXT_H
#define CLINKER_SERVER_LOCK_OWNER_TEXT_H

#include <stdint.h>

#include "server/lock/posixlk.h"

/* Two digits a byte, a dash after each eighth, a NUL. */
enum { LK_OWNER_TEXT_BYTES =
           LK_OWNER_BYTES_MAX * 2 + LK_OWNER_BYTES_MAX / 8 + 1 };

/* Returns out. */
char *lk_owner_text(const uint8_t *owner, uint32_t bytes,
                    char out[LK_OWNER_TEXT_BYTES]);

#endif
