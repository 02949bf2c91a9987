/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bugs in a daemon, on purpose: clinkerd-planted is linked from the same
 * objects as clinkerd, with this file in front of two functions (the linker's
 * --wrap), so that the tools which name bugs can be tried on a whole daemon.
 * clinkerd itself has nothing of it.
 *
 *   dict_append()          copies each value of a client's dictionary to a
 *                          block of its own, and forgets to free one in 1,000
 *   control_command_run()  knows the commands of `plants`, too
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "mem/account_slot.h"
#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/pool.h"
#include "server/admin/control_command.h"
#include "server/core/dict.h"

enum {
    LEAK_ONE_IN = 1000,
    VICTIM_BYTES = 40,
    READS = 100000,
    MAPPING_BYTES = 4 << 20,
};

MEM_TYPE(mt_value, "planted", "dictionary value");
MEM_TYPE(mt_victim, "planted", "victim");
MEM_TYPE(mt_right, "planted", "right pool");
MEM_TYPE(mt_wrong, "planted", "wrong pool");

void __real_dict_append(struct dict *d, const struct dict_pair *pair);
void __wrap_dict_append(struct dict *d, const struct dict_pair *pair);
int __real_control_command_run(struct control_call *call);
int __wrap_control_command_run(struct control_call *call);

/* --- the leak --- */

/* Reachable, so that it is a leak for us alone and not for the sanitizers. */
struct leaked {
    struct leaked *next;
    uint8_t bytes[];
};
static _Atomic(struct leaked *) leaked;
static _Atomic(uint64_t) values;

void
__wrap_dict_append(struct dict *d, const struct dict_pair *pair)
{
    size_t bytes = sizeof(struct leaked) + pair->bytes;
    struct leaked *copy = mem_alloc(&mt_value, bytes);

    must(copy != NULL);
    if (atomic_fetch_add(&values, 1) % LEAK_ONE_IN == LEAK_ONE_IN - 1) {
        copy->next = atomic_load(&leaked);
        while (!atomic_compare_exchange_weak(&leaked, &copy->next, copy))
            continue;
    } else {
        mem_free(copy);
    }
    __real_dict_append(d, pair);
}

/* --- what ends the process --- */

/* Hidden from the compiler, which would see through some of it. */
static uint8_t *
victim(void)
{
    uint8_t *p = mem_alloc(&mt_victim, VICTIM_BYTES);

    must(p != NULL);
    __asm__ volatile("" : "+r"(p));
    return p;
}

static void
free_twice(void)
{
    uint8_t *p = victim(), *q = p;

    __asm__ volatile("" : "+r"(q));
    mem_free(p);
    mem_free(q);
}

static void
overrun_by_one(void)
{
    uint8_t *p = victim();

    ((volatile uint8_t *)p)[VICTIM_BYTES] ^= 1;
    mem_free(p);
}

/* Found when its block leaves the quarantine, if the type is poisoned. */
static void
write_after_free(void)
{
    uint8_t *p = victim(), *q = p;

    __asm__ volatile("" : "+r"(q));
    mem_free(p);
    ((volatile uint8_t *)q)[5] ^= 1;
}

/* Found by guard objects, if one of these is one: the type's turn comes now
 * and not when chance has it. */
static void
read_after_free(void)
{
    for (int i = 0; i < READS; i++) {
        uint8_t *p, *q;

        mem_account_mark(mem_account_slot(&mt_victim), TYPE_GUARD, true);
        p = q = victim();

        __asm__ volatile("" : "+r"(q));
        mem_free(p);
        (void)((volatile uint8_t *)q)[5];
    }
}

static void
free_as_another_type(void)
{
    struct mem_pool *right = mem_pool_new(&mt_right, VICTIM_BYTES, NULL);
    struct mem_pool *wrong = mem_pool_new(&mt_wrong, VICTIM_BYTES, NULL);

    must(right != NULL && wrong != NULL);
    mem_pool_put(wrong, mem_pool_get(right));
}

static void
use_victim(void)
{
    mem_free(victim()); /* so that the type is known */
}

/* Memory that went past mem/. */
static void
map_unknown(void)
{
    void *p = mmap(NULL, MAPPING_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(p != MAP_FAILED);
    memset(p, 1, MAPPING_BYTES);
}

static const struct {
    const char *command;
    void (*run)(void);
} plants[] = {
    {"plant-nothing", use_victim},
    {"plant-double-free", free_twice},
    {"plant-overrun", overrun_by_one},
    {"plant-write-after-free", write_after_free},
    {"plant-read-after-free", read_after_free},
    {"plant-wrong-type", free_as_another_type},
    {"plant-mapping", map_unknown},
};

int
__wrap_control_command_run(struct control_call *call)
{
    for (size_t i = 0; i < COUNT_OF(plants); i++)
        if (strcmp(plants[i].command, call->req.command) == 0) {
            plants[i].run();
            return 0;
        }
    return __real_control_command_run(call);
}
