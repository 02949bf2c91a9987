/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What RCU orders, told to ThreadSanitizer: liburcu is not built with it, so
 * it sees neither that an inode is whole before it is found, nor that its
 * readers have left before it is freed.  Nothing in other builds.  Private to
 * inode/.
 */
#ifndef CLINKER_SERVER_INODE_RCU_ORDER_H
#define CLINKER_SERVER_INODE_RCU_ORDER_H

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define RCU_BEFORE(p) __tsan_release(p)
#define RCU_AFTER(p) __tsan_acquire(p)
#else
#define RCU_BEFORE(p) ((void)(p))
#define RCU_AFTER(p) ((void)(p))
#endif

#endif
