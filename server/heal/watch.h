/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which xattrs say that an object waits to be healed: those whose names begin
 * with a word of a watch list, words being separated by commas.
 */
#ifndef CLINKER_SERVER_HEAL_WATCH_H
#define CLINKER_SERVER_HEAL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum watch_class {
    WATCH_PENDING, /* a copy elsewhere lacks something */
    WATCH_DIRTY,   /* a change is under way */
    WATCH_CLASSES,
    WATCH_NONE = WATCH_CLASSES,
};

/* Texts of options, which outlive this.  NULL: none. */
struct watch_lists {
    const char *dirty;
    const char *pending, *pending64; /* both feed WATCH_PENDING */
};

/* A name of both lists is dirty. */
enum watch_class watch_class_of(const struct watch_lists *lists,
                                const char *name);

/* What the values of a request, or of its result, say of each class. */
struct watch_view {
    bool seen;     /* there is a name of the class */
    bool not_zero; /* and a value with a bit in it */
};
void watch_note(const struct watch_lists *lists,
                struct watch_view views[WATCH_CLASSES], const char *name,
                const uint8_t *value, uint32_t bytes);

#endif
