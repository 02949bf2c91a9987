/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX ACLs as values: the kernel's xattr format, version 2 (little endian:
 * u32 version, then entries of u16 tag, u16 perm, u32 id, sorted by tag and
 * id).
 */
#ifndef CLINKER_SERVER_CORE_ACL_H
#define CLINKER_SERVER_CORE_ACL_H

#include <stdint.h>

#include "mem/arena.h"

enum { ACL_ENTRIES_MAX = 1024 };

/* 0; -EINVAL short, unsorted or inconsistent; -EOPNOTSUPP version. */
int acl_check(const uint8_t *value, uint32_t bytes);
/* "u::rw-,u:2000:rw-,g::r--,m::rw-,o::---" into the arena, and back.  value
 * must have passed acl_check().  NULL and ENOMEM. */
const char *acl_to_text(const uint8_t *value, uint32_t bytes,
                        struct arena *arena);
/* Entries in any order; long names ("user", "group", "mask", "other") too.
 * -EINVAL, -ENOMEM. */
int acl_from_text(const char *text, struct arena *arena,
                  const uint8_t **value, uint32_t *bytes);
/* The access ACL that a new object gets from its parent's default ACL and the
 * mode asked for, and the mode that follows from it.  Errors of acl_check(). */
int acl_inherit(const uint8_t *parent_default, uint32_t bytes, uint32_t *mode,
                struct arena *arena, const uint8_t **access,
                uint32_t *access_bytes);

#endif
