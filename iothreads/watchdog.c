/* SPDX-License-Identifier: BSD-2-Clause */
/* Stalls: see watchdog.h. */
#include "iothreads/watchdog.h"

#include "mem/must.h"

void
iot_watch_moved(struct iot_watch *w, uint64_t now_ns)
{
    /* Threads read the clock before they take the mutex: not in order. */
    if (now_ns > w->since_ns)
        w->since_ns = now_ns;
    w->stalled = false;
}

bool
iot_watch_settle(struct iot_watch *w, const struct iot_watch_view *view)
{
    if (w->raised == 0 || view->queued > 0 || view->running >= view->class_max)
        return false;
    w->raised = 0;
    return true;
}

static bool
elapsed(uint64_t since_ns, uint64_t now_ns, uint64_t patience_ns)
{
    return now_ns >= since_ns && now_ns - since_ns >= patience_ns;
}

/* A class below its limit lacks a thread, not a limit.  While the others
 * move, the next thread that comes free will take its item first, so a second
 * emergency thread would only run more of the others' work. */
static bool
raise_helps(const struct iot_watch *w, const struct iot_watch_view *view,
            uint64_t now_ns, uint64_t patience_ns)
{
    if (w->raised >= IOT_RAISED_MAX)
        return false;
    return w->raised == 0 || view->running >= view->class_max + w->raised ||
           elapsed(view->pool_since_ns, now_ns, patience_ns);
}

enum iot_watch_verdict
iot_watch_check(struct iot_watch *w, const struct iot_watch_view *view,
                uint64_t now_ns, uint64_t patience_ns)
{
    must(patience_ns > 0);
    if (view->queued == 0 || !elapsed(w->since_ns, now_ns, patience_ns))
        return IOT_WATCH_FINE;
    if (w->stalled)
        return IOT_WATCH_STILL_STALLED;
    w->stalled = true;
    if (raise_helps(w, view, now_ns, patience_ns))
        w->raised++;
    return IOT_WATCH_STALLED;
}

uint64_t
iot_watch_next_ns(const struct iot_watch *w, const struct iot_watch_view *view,
                  uint64_t now_ns, uint64_t patience_ns)
{
    /* A class in which nothing waits now cannot stall sooner than this, and
     * of one that is known to have stalled there is no news to expect. */
    if (view->queued == 0 || w->stalled || w->since_ns > now_ns)
        return now_ns + patience_ns;
    return w->since_ns + patience_ns;
}
