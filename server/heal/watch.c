/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/heal/watch.h"

#include <stddef.h>
#include <string.h>

#include "server/heal/array.h"

static bool
is_watched(const char *list, const char *name)
{
    while (list != NULL) {
        const char *comma = strchr(list, ',');
        size_t bytes = comma == NULL ? strlen(list) : (size_t)(comma - list);

        /* An empty word would begin every name. */
        if (bytes > 0 && strncmp(name, list, bytes) == 0)
            return true;
        list = comma == NULL ? NULL : comma + 1;
    }
    return false;
}

enum watch_class
watch_class_of(const struct watch_lists *lists, const char *name)
{
    if (is_watched(lists->dirty, name))
        return WATCH_DIRTY;
    if (is_watched(lists->pending, name) || is_watched(lists->pending64, name))
        return WATCH_PENDING;
    return WATCH_NONE;
}

void
watch_note(const struct watch_lists *lists,
           struct watch_view views[WATCH_CLASSES], const char *name,
           const uint8_t *value, uint32_t bytes)
{
    enum watch_class class = watch_class_of(lists, name);

    if (class == WATCH_NONE)
        return;
    views[class].seen = true;
    if (!array_is_zero(value, bytes))
        views[class].not_zero = true;
}
