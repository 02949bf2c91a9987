/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem/debug.h"

#include <string.h>

#include "mem/account_slot.h"
#include "mem/quarantine.h"

struct choice {
    const char *module, *name;
    bool on;
    unsigned count;
};

static bool
is_any(const char *text)
{
    return text == NULL || strcmp(text, "*") == 0;
}

static bool
poison_one(void *arg, uint32_t slot, const char *module, const char *name)
{
    struct choice *c = arg;
    bool is_on = (mem_account_marks(slot) & TYPE_POISONED) != 0;

    if ((!is_any(c->module) && strcmp(c->module, module) != 0) ||
        (!is_any(c->name) && strcmp(c->name, name) != 0))
        return true;
    if (is_on != c->on) {
        mem_account_mark(slot, TYPE_POISONED, c->on);
        c->count++;
    }
    return true;
}

unsigned
mem_poison_set(const char *module, const char *name, bool on)
{
    struct choice c = {.module = module, .name = name, .on = on};

    (void)mem_account_each(poison_one, &c);
    if (!on)
        (void)quarantine_flush(NULL);
    return c.count;
}

static bool
count_one(void *arg, uint32_t slot, const char *module, const char *name)
{
    unsigned *count = arg;

    *count += (mem_account_marks(slot) & TYPE_POISONED) != 0;
    return true;
}

unsigned
mem_poison_types(void)
{
    unsigned count = 0;

    (void)mem_account_each(count_one, &count);
    return count;
}

uint64_t
mem_poison_quarantine_bytes(void)
{
    return quarantine_bytes();
}
