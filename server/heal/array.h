/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operations of XATTROP, which take an xattr for an array of big-endian
 * integers: arithmetic on bytes, and nothing else.
 */
#ifndef CLINKER_SERVER_HEAL_ARRAY_H
#define CLINKER_SERVER_HEAL_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

enum array_op {
    ARRAY_ADD = 0,
    ARRAY_ADD64 = 1,
    ARRAY_OR = 2,  /* has a number, and no brick that knows it */
    ARRAY_AND = 3, /* likewise */
    ARRAY_GET_AND_SET = 4,
    ARRAY_ADD_WITH_DEFAULT = 5,
    ARRAY_ADD64_WITH_DEFAULT = 6,
};

/* How long the result of a request of so many bytes is.  -EINVAL: no such
 * operation, or no whole number of elements. */
int array_result_bytes(uint32_t op, uint32_t request_bytes, uint32_t *bytes);

/* out, of array_result_bytes(): what `old` becomes.  Elements that it has not
 * are 0.  Sums wrap.  -ERANGE: old is longer than that. */
int array_apply(enum array_op op, const uint8_t *request,
                uint32_t request_bytes, const uint8_t *old,
                uint32_t old_bytes, uint8_t *out);

/* Does a request ask for a change at all? */
bool array_is_zero(const uint8_t *bytes, uint32_t count);

#endif
