/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/control_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/scope.h"

MEM_TYPE(mt_text, "server.admin", "control text");

/* Bytes of the well-formed UTF-8 character at p (RFC 3629), 0 if it is none.
 * The text ends with a NUL, which is no continuation. */
static size_t
utf8_bytes(const unsigned char *p)
{
    size_t more, i;
    unsigned char low = 0x80, high = 0xbf;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        more = 1;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        more = 2;
        low = p[0] == 0xe0 ? 0xa0 : low;   /* not overlong */
        high = p[0] == 0xed ? 0x9f : high; /* no surrogates */
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        more = 3;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (p[1] < low || p[1] > high)
        return 0;
    for (i = 2; i <= more; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return more + 1;
}

json_object *
control_text(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    AUTO_FREE char *out = NULL;
    size_t used = 0;

    if (text == NULL)
        return NULL;
    out = mem_alloc(&mt_text, strlen(text) * 4 + 1);
    if (out == NULL)
        return NULL;
    while (*p != '\0') {
        size_t n = utf8_bytes(p);

        if (n == 0) {
            used += (size_t)sprintf(out + used, "\\x%02x", *p);
            p++;
        } else {
            memcpy(out + used, p, n);
            used += n;
            p += n;
        }
    }
    return json_object_new_string_len(out, (int)used);
}

/* An object that could not take its member keeps no reference to it. */
static void
add(json_object *obj, const char *key, json_object *value)
{
    if (json_object_object_add(obj, key, value) < 0)
        json_object_put(value);
}

static json_object *
add_new(json_object *obj, const char *key, json_object *member)
{
    if (obj != NULL && member != NULL &&
        json_object_object_add(obj, key, member) == 0)
        return member;
    json_object_put(member);
    return NULL;
}

json_object *
control_add_object(json_object *obj, const char *key)
{
    return add_new(obj, key, json_object_new_object());
}

json_object *
control_add_list(json_object *obj, const char *key)
{
    return add_new(obj, key, json_object_new_array());
}

json_object *
control_list_object(json_object *list)
{
    json_object *member = json_object_new_object();

    if (list != NULL && member != NULL &&
        json_object_array_add(list, member) == 0)
        return member;
    json_object_put(member);
    return NULL;
}

void
control_add_text(json_object *obj, const char *key, const char *text)
{
    add(obj, key, control_text(text));
}

void
control_add_number(json_object *obj, const char *key, int64_t number)
{
    add(obj, key, json_object_new_int64(number));
}

void
control_add_count(json_object *obj, const char *key, uint64_t count)
{
    control_add_number(obj, key, (int64_t)count);
}

void
control_add_decimal(json_object *obj, const char *key, double number)
{
    add(obj, key, json_object_new_double(number));
}

void
control_add_bool(json_object *obj, const char *key, int value)
{
    add(obj, key, json_object_new_boolean(value));
}
