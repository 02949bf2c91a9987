/* SPDX-License-Identifier: BSD-2-Clause */
/* Who called.  Private to mem/. */
#ifndef CLINKER_MEM_STACK_H
#define CLINKER_MEM_STACK_H

enum { STACK_FRAMES_MAX = 24 };

/* To be called once before stack_take() is, and outside of any allocation: what
 * the unwinder does the first time is done here. */
void stack_prepare(void);
/* Return addresses, innermost first, without those of stack_take() itself and
 * of `skip` functions above it.  Where a signal came between, the instruction
 * it interrupted plus one, as if that had been a call.  max: at most
 * STACK_FRAMES_MAX.  Allocates
 * nothing and takes no mutex; returns how many there are. */
unsigned stack_take(void **frames, unsigned max, unsigned skip);

#endif
