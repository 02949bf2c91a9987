/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/heal/array.h"

#include <errno.h>
#include <string.h>

#include "mem/must.h"

/* Bytes of an element; 0: the operation has none. */
static uint32_t
element_bytes(uint32_t op)
{
    switch (op) {
    case ARRAY_ADD:
    case ARRAY_ADD_WITH_DEFAULT:
        return 4;
    case ARRAY_ADD64:
    case ARRAY_ADD64_WITH_DEFAULT:
        return 8;
    case ARRAY_GET_AND_SET:
        return 1;
    default:
        return 0;
    }
}

static bool
has_default(uint32_t op)
{
    return op == ARRAY_ADD_WITH_DEFAULT || op == ARRAY_ADD64_WITH_DEFAULT;
}

int
array_result_bytes(uint32_t op, uint32_t request_bytes, uint32_t *bytes)
{
    uint32_t element = element_bytes(op);
    uint32_t unit = has_default(op) ? 2 * element : element;

    if (unit == 0 || request_bytes % unit != 0)
        return -EINVAL;
    *bytes = has_default(op) ? request_bytes / 2 : request_bytes;
    return 0;
}

static uint64_t
load(const uint8_t *p, uint32_t bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | *p++;
    return v;
}

static void
store(uint8_t *p, uint32_t bytes, uint64_t v)
{
    while (bytes-- > 0) {
        p[bytes] = (uint8_t)v;
        v >>= 8;
    }
}

/* Unsigned, so that wrapping is defined; cut to the element by store(). */
static void
add(enum array_op op, const uint8_t *request, uint8_t *out, uint32_t bytes)
{
    uint32_t element = element_bytes(op), at;

    for (at = 0; at < bytes; at += element) {
        uint64_t v = load(out + at, element);

        if (v == 0 && has_default(op))
            v = load(request + bytes + at, element);
        store(out + at, element, v + load(request + at, element));
    }
}

int
array_apply(enum array_op op, const uint8_t *request, uint32_t request_bytes,
            const uint8_t *old, uint32_t old_bytes, uint8_t *out)
{
    uint32_t bytes;

    must(array_result_bytes(op, request_bytes, &bytes) == 0);
    if (old_bytes > bytes)
        return -ERANGE;
    if (bytes == 0)
        return 0;
    if (op == ARRAY_GET_AND_SET) {
        memcpy(out, request, bytes);
        return 0;
    }
    memset(out, 0, bytes);
    if (old_bytes > 0)
        memcpy(out, old, old_bytes);
    add(op, request, out, bytes);
    return 0;
}

bool
array_is_zero(const uint8_t *bytes, uint32_t count)
{
    while (count > 0 && bytes[count - 1] == 0)
        count--;
    return count == 0;
}
