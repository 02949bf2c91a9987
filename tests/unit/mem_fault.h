/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocations that fail when a test wants it.  What hands memory out at mem/'s
 * edge, and its own runs of pages below that, is wrapped by the linker
 * (--wrap, see MEM_FAULT_LDFLAGS): the libraries under test are the same as in
 * the daemon.
 */
#ifndef CLINKER_TESTS_UNIT_MEM_FAULT_H
#define CLINKER_TESTS_UNIT_MEM_FAULT_H

#include <stdbool.h>

enum mem_fault_mode {
    /* The n-th allocation fails, in whatever thread. */
    MEM_FAULT_ONCE,
    /* From the n-th on all fail on workers, but for the server's own: as at the
     * limit. */
    MEM_FAULT_WORKERS,
    /* From the n-th on all fail, whoever asks. */
    MEM_FAULT_ALL,
};

/* Spare the calling thread for good. */
void mem_fault_exempt(void);
/* n from 1.  Counting begins anew. */
void mem_fault_arm(enum mem_fault_mode mode, unsigned n);
/* Returns how many were made to fail since. */
unsigned mem_fault_disarm(void);
/* Who asked for what failed first: offsets into the program, for addr2line. */
const char *mem_fault_where(void);

#endif
