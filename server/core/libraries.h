/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libraries allocate: charged to types of ours where a library takes an
 * allocator (OpenSSL here, libevent in rpc/), and for what is left to the C
 * library, its settings.
 */
#ifndef CLINKER_SERVER_CORE_LIBRARIES_H
#define CLINKER_SERVER_CORE_LIBRARIES_H

#include <stddef.h>

/* Before anything else: a library that has allocated keeps to what it used. */
void libraries_init(void);

/* As the C library was told; libraries.c says why. */
struct libc_heap {
    size_t mmap_threshold_bytes;
    size_t trim_threshold_bytes;
    size_t top_pad_bytes;
    unsigned arenas_max;
};

struct libc_heap libraries_libc_heap(void);

#endif
