/* SPDX-License-Identifier: BSD-2-Clause */
/* What mem/ itself keeps and can give back: shrinkers for free buffers, empty
 * slabs and blocks in quarantine. */
#ifndef CLINKER_MEM_SPARE_H
#define CLINKER_MEM_SPARE_H

/* Once each; register before mem_reclaimer_start(). */
void mem_spare_register(void);
void mem_spare_unregister(void);

#endif
