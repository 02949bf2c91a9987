/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks by the unwind tables.  About 180 ns a frame, where a walk along frame
 * pointers has 3; but the libraries that call us back are built without frame
 * pointers, a walk would end there, and stacks are taken of samples only.
 */
#include "mem/stack.h"

#include <stdint.h>
#include <unwind.h>

#include "mem/must.h"

struct walk {
    void **frames;
    unsigned count, max, skip;
};

static _Unwind_Reason_Code
step(struct _Unwind_Context *context, void *arg)
{
    struct walk *w = arg;
    int is_exact = 0;
    uintptr_t ip = _Unwind_GetIPInfo(context, &is_exact);

    if (w->skip > 0) {
        w->skip--;
        return _URC_NO_REASON;
    }
    if (ip == 0 || w->count == w->max)
        return _URC_END_OF_STACK;
    w->frames[w->count++] = (void *)(ip + (is_exact != 0));
    return _URC_NO_REASON;
}

void
stack_prepare(void)
{
    void *frame;

    (void)stack_take(&frame, 1, 0);
}

unsigned __attribute__((noinline))
stack_take(void **frames, unsigned max, unsigned skip)
{
    struct walk w = {.frames = frames, .max = max, .skip = skip + 1};

    must(max <= STACK_FRAMES_MAX);
    (void)_Unwind_Backtrace(step, &w);
    return w.count;
}
