/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread keeps for itself (magazines, buffers) can be given back only
 * by that thread.  One that is about to sleep calls mem_thread_idle(): while
 * memory is short everything goes back, else nothing happens.  One that
 * sleeps is woken by its owner's shrinker and calls it again.
 */
#ifndef CLINKER_MEM_THREAD_FLUSH_H
#define CLINKER_MEM_THREAD_FLUSH_H

#include <stdbool.h>
#include <stddef.h>

/* Give everything back; returns about how many bytes it was. */
size_t mem_thread_flush(void);
/* The same, if flushing was asked for since the thread's last flush. */
void mem_thread_idle(void);
/* Would that do anything? */
bool mem_thread_flush_wanted(void);
/* Ask all threads for it, each when it next goes idle. */
void mem_thread_flush_ask(void);

#endif
