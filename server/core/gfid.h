/* SPDX-License-Identifier: BSD-2-Clause */
/* A gfid: the 16 bytes that name an object of a volume for ever. */
#ifndef CLINKER_SERVER_CORE_GFID_H
#define CLINKER_SERVER_CORE_GFID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { GFID_BYTES = 16, GFID_TEXT_BYTES = 37 /* with the NUL */ };

struct gfid {
    uint8_t b[GFID_BYTES];
};

extern const struct gfid gfid_null; /* all zero, names nothing */
extern const struct gfid gfid_root; /* …-000000000001 */

static inline bool
gfid_equal(const struct gfid *a, const struct gfid *b)
{
    return memcmp(a->b, b->b, GFID_BYTES) == 0;
}

static inline bool
gfid_is_null(const struct gfid *g)
{
    return gfid_equal(g, &gfid_null);
}

static inline bool
gfid_is_root(const struct gfid *g)
{
    return gfid_equal(g, &gfid_root);
}

/* Canonical text: lower case, 36 characters and a NUL. Returns out. */
char *gfid_format(const struct gfid *g, char out[GFID_TEXT_BYTES]);
/* Accepts exactly the canonical 36-character form (either case); `len` bytes
 * at text.  0 or -EINVAL. */
int gfid_parse(struct gfid *g, const char *text, size_t len);
/* A random (version 4) one. */
void gfid_random(struct gfid *g);
/* The inode number shown to clients: the last 8 bytes, big-endian. */
uint64_t gfid_ino(const struct gfid *g);

/* Text in a temporary that lives to the end of the enclosing block. */
#define gfid_str(g) gfid_format((g), (char[GFID_TEXT_BYTES]){0})

#endif
