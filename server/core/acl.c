/* SPDX-License-Identifier: BSD-2-Clause */
/* ACL values: checked once, then read entry by entry. */
#include "server/core/acl.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"

enum {
    ACL_VERSION = 2,
    HEADER_BYTES = 4,
    ENTRY_BYTES = 8,
    ENTRY_TEXT_BYTES = 24, /* "u:4294967295:rwx," and a NUL */
};

enum {
    TAG_USER_OBJ = 0x01,
    TAG_USER = 0x02,
    TAG_GROUP_OBJ = 0x04,
    TAG_GROUP = 0x08,
    TAG_MASK = 0x10,
    TAG_OTHER = 0x20,
};

#define ID_NONE UINT32_MAX

struct entry {
    uint16_t tag, perm;
    uint32_t id;
};

static void
entry_get(const uint8_t *p, struct entry *e)
{
    e->tag = (uint16_t)(p[0] | p[1] << 8);
    e->perm = (uint16_t)(p[2] | p[3] << 8);
    e->id = (uint32_t)p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 |
            (uint32_t)p[7] << 24;
}

static void
entry_put(uint8_t *p, const struct entry *e)
{
    int i;

    p[0] = (uint8_t)e->tag;
    p[1] = (uint8_t)(e->tag >> 8);
    p[2] = (uint8_t)e->perm;
    p[3] = (uint8_t)(e->perm >> 8);
    for (i = 0; i < 4; i++)
        p[4 + i] = (uint8_t)(e->id >> (8 * i));
}

static uint32_t
entries_count(uint32_t bytes)
{
    return (bytes - HEADER_BYTES) / ENTRY_BYTES;
}

static void
entry_at(const uint8_t *value, uint32_t i, struct entry *e)
{
    entry_get(value + HEADER_BYTES + (size_t)i * ENTRY_BYTES, e);
}

static bool
tag_has_id(uint16_t tag)
{
    return tag == TAG_USER || tag == TAG_GROUP;
}

/* --- checking --- */

static bool
entry_follows(const struct entry *e, const struct entry *before)
{
    if (e->tag != before->tag)
        return e->tag > before->tag;
    return tag_has_id(e->tag) && e->id > before->id;
}

static bool
entry_is_sound(const struct entry *e)
{
    if ((e->perm & ~7) != 0)
        return false;
    if (tag_has_id(e->tag))
        return e->id != ID_NONE;
    return e->tag == TAG_USER_OBJ || e->tag == TAG_GROUP_OBJ ||
           e->tag == TAG_MASK || e->tag == TAG_OTHER;
}

int
acl_check(const uint8_t *value, uint32_t bytes)
{
    enum { NEEDED = TAG_USER_OBJ | TAG_GROUP_OBJ | TAG_OTHER };
    struct entry e, before = {0};
    unsigned seen = 0;
    uint32_t i, count;

    if (bytes < HEADER_BYTES || (bytes - HEADER_BYTES) % ENTRY_BYTES != 0)
        return -EINVAL;
    if (value[0] != ACL_VERSION || value[1] != 0 || value[2] != 0 ||
        value[3] != 0)
        return -EOPNOTSUPP;
    count = entries_count(bytes);
    if (count > ACL_ENTRIES_MAX)
        return -EINVAL;
    for (i = 0; i < count; i++) {
        entry_at(value, i, &e);
        if (!entry_is_sound(&e) || (i > 0 && !entry_follows(&e, &before)))
            return -EINVAL;
        seen |= e.tag;
        before = e;
    }
    if ((seen & NEEDED) != NEEDED)
        return -EINVAL;
    if ((seen & (TAG_USER | TAG_GROUP)) != 0 && (seen & TAG_MASK) == 0)
        return -EINVAL;
    return 0;
}

/* --- text --- */

static char
tag_letter(uint16_t tag)
{
    switch (tag) {
    case TAG_USER_OBJ:
    case TAG_USER:
        return 'u';
    case TAG_GROUP_OBJ:
    case TAG_GROUP:
        return 'g';
    case TAG_MASK:
        return 'm';
    default:
        return 'o';
    }
}

const char *
acl_to_text(const uint8_t *value, uint32_t bytes, struct arena *arena)
{
    uint32_t i, count = entries_count(bytes);
    size_t room = (size_t)count * ENTRY_TEXT_BYTES + 1;
    char *text, *at;

    must(acl_check(value, bytes) == 0);
    text = arena_alloc(arena, room);
    if (text == NULL)
        return NULL;
    at = text;
    *at = '\0';
    for (i = 0; i < count; i++) {
        struct entry e;
        char id[12] = "";
        int n;

        entry_at(value, i, &e);
        if (tag_has_id(e.tag))
            (void)snprintf(id, sizeof(id), "%u", e.id);
        n = snprintf(at, ENTRY_TEXT_BYTES, "%s%c:%s:%c%c%c", i > 0 ? "," : "",
                     tag_letter(e.tag), id, (e.perm & 4) != 0 ? 'r' : '-',
                     (e.perm & 2) != 0 ? 'w' : '-',
                     (e.perm & 1) != 0 ? 'x' : '-');
        must(n > 0 && n < ENTRY_TEXT_BYTES);
        at += n;
    }
    return text;
}

/* Up to sep or the end of the entry; *s moves behind it. */
static size_t
field(const char **s, char sep, const char **start)
{
    size_t n = strcspn(*s, sep == ':' ? ":,\n" : ",\n");

    *start = *s;
    *s += n;
    return n;
}

static int
parse_tag(const char *s, size_t n, uint16_t *tag)
{
    static const struct {
        const char *name;
        uint16_t tag;
    } tags[] = {{"u", TAG_USER_OBJ},     {"user", TAG_USER_OBJ},
                {"g", TAG_GROUP_OBJ},    {"group", TAG_GROUP_OBJ},
                {"m", TAG_MASK},         {"mask", TAG_MASK},
                {"o", TAG_OTHER},        {"other", TAG_OTHER}};
    size_t i;

    for (i = 0; i < COUNT_OF(tags); i++) {
        if (strlen(tags[i].name) == n && memcmp(tags[i].name, s, n) == 0) {
            *tag = tags[i].tag;
            return 0;
        }
    }
    return -EINVAL;
}

static int
parse_id(const char *s, size_t n, struct entry *e)
{
    uint64_t id = 0;
    size_t i;

    if (n == 0)
        return 0;
    if (n > 10 || (e->tag != TAG_USER_OBJ && e->tag != TAG_GROUP_OBJ))
        return -EINVAL;
    for (i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -EINVAL;
        id = id * 10 + (uint64_t)(s[i] - '0');
    }
    if (id >= ID_NONE)
        return -EINVAL;
    e->tag = e->tag == TAG_USER_OBJ ? TAG_USER : TAG_GROUP;
    e->id = (uint32_t)id;
    return 0;
}

static int
parse_perm(const char *s, size_t n, struct entry *e)
{
    size_t i;

    if (n > 3)
        return -EINVAL;
    e->perm = 0;
    for (i = 0; i < n; i++) {
        if (s[i] == 'r')
            e->perm |= 4;
        else if (s[i] == 'w')
            e->perm |= 2;
        else if (s[i] == 'x')
            e->perm |= 1;
        else if (s[i] != '-')
            return -EINVAL;
    }
    return 0;
}

static int
parse_entry(const char **text, struct entry *e)
{
    const char *s;
    size_t n = field(text, ':', &s);
    int err = parse_tag(s, n, &e->tag);

    e->id = ID_NONE;
    if (err < 0 || **text != ':')
        return -EINVAL;
    ++*text;
    n = field(text, ':', &s);
    err = parse_id(s, n, e);
    if (err < 0 || **text != ':')
        return -EINVAL;
    ++*text;
    n = field(text, ',', &s);
    return parse_perm(s, n, e);
}

static int
entry_compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->tag != y->tag)
        return x->tag < y->tag ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

int
acl_from_text(const char *text, struct arena *arena, const uint8_t **value,
              uint32_t *bytes)
{
    struct entry *entries;
    uint32_t i, count = 0, max = 1;
    const char *s;
    uint8_t *out;
    int err;

    for (s = text; *s != '\0' && max <= ACL_ENTRIES_MAX; s++)
        max += *s == ',' || *s == '\n';
    if (max > ACL_ENTRIES_MAX)
        return -EINVAL;
    entries = arena_alloc(arena, max * sizeof(*entries));
    out = arena_zalloc(arena, HEADER_BYTES + (size_t)max * ENTRY_BYTES);
    if (entries == NULL || out == NULL)
        return -ENOMEM;
    for (s = text; *s != '\0'; s += *s != '\0') {
        if (*s == ',' || *s == '\n')
            continue;
        must(count < max);
        err = parse_entry(&s, &entries[count++]);
        if (err < 0)
            return err;
    }
    qsort(entries, count, sizeof(*entries), entry_compare);
    out[0] = ACL_VERSION;
    for (i = 0; i < count; i++)
        entry_put(out + HEADER_BYTES + (size_t)i * ENTRY_BYTES, &entries[i]);
    *value = out;
    *bytes = HEADER_BYTES + count * ENTRY_BYTES;
    return acl_check(out, *bytes) < 0 ? -EINVAL : 0;
}

/* --- inheritance --- */

int
acl_inherit(const uint8_t *parent_default, uint32_t bytes, uint32_t *mode,
            struct arena *arena, const uint8_t **access,
            uint32_t *access_bytes)
{
    uint32_t i, count, group = UINT32_MAX, mask = UINT32_MAX;
    uint32_t m = *mode;
    struct entry e;
    uint8_t *out;
    int err = acl_check(parent_default, bytes);

    if (err < 0)
        return err;
    out = arena_memdup(arena, parent_default, bytes);
    if (out == NULL)
        return -ENOMEM;
    count = entries_count(bytes);
    for (i = 0; i < count; i++) {
        unsigned shift;

        entry_at(out, i, &e);
        if (e.tag == TAG_USER_OBJ)
            shift = 6;
        else if (e.tag == TAG_OTHER)
            shift = 0;
        else {
            group = e.tag == TAG_GROUP_OBJ ? i : group;
            mask = e.tag == TAG_MASK ? i : mask;
            continue;
        }
        e.perm &= (uint16_t)((m >> shift) & 7);
        m = (m & ~(7u << shift)) | (uint32_t)e.perm << shift;
        entry_put(out + HEADER_BYTES + (size_t)i * ENTRY_BYTES, &e);
    }
    /* The mode's group bits are the mask's, where there is one. */
    i = mask != UINT32_MAX ? mask : group;
    entry_at(out, i, &e);
    e.perm &= (uint16_t)((m >> 3) & 7);
    m = (m & ~(7u << 3)) | (uint32_t)e.perm << 3;
    entry_put(out + HEADER_BYTES + (size_t)i * ENTRY_BYTES, &e);
    *mode = m;
    *access = out;
    *access_bytes = bytes;
    return 0;
}
