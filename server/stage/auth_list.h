/* SPDX-License-Identifier: BSD-2-Clause */
/* One list of addresses; see auth.h.  Private to auth*.c. */
#ifndef CLINKER_SERVER_STAGE_AUTH_LIST_H
#define CLINKER_SERVER_STAGE_AUTH_LIST_H

#include <stdbool.h>

#include "server/stage/auth.h"

/* Whether the peer is on the list, for a mount of subdir.  in_doubt: what an
 * entry counts for that is turned around and cannot be decided. */
bool auth_list_match(const char *list, const struct auth_peer *peer,
                     const char *subdir, bool in_doubt);

/* One piece of text: up to any of seps, or the end.  Moves *pos behind it (and
 * one separator); false at the end.  Empty pieces are passed over. */
struct auth_piece {
    const char *s;
    size_t bytes;
};
bool auth_piece_next(const char **pos, const char *end, const char *seps,
                     struct auth_piece *piece);

#endif
