/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of code addresses.  Private to mem/. */
#ifndef CLINKER_MEM_SYMBOL_H
#define CLINKER_MEM_SYMBOL_H

#include "mem/text.h"

/* "function+0x12 (file)" for a return address; "file+0x1234", the address in
 * the file, where the function is not known; the address where nothing is.
 * Allocates nothing, takes no mutex, may be called in a signal handler. */
void symbol_put(struct text *t, const void *frame);
/* A stack: "inner < outer < …". */
void symbol_put_stack(struct text *t, void *const *frames, unsigned count);

#endif
