/* SPDX-License-Identifier: BSD-2-Clause */
/* How the pool's threads are made: joinable, deaf to signals, with a small
 * stack (handlers keep their large buffers elsewhere). */
#ifndef CLINKER_IOTHREADS_THREAD_H
#define CLINKER_IOTHREADS_THREAD_H

enum { IOT_STACK_BYTES = 512 * 1024 };

/* The new thread runs body(arg) and must be joined; it learns its own id from
 * pthread_self().  0 or a negative errno (-EAGAIN: too many threads). */
int iot_thread_start(void *(*body)(void *arg), void *arg);
/* Name the calling thread; at most 15 characters. */
void iot_thread_set_name(const char *name);

#endif
