/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a class has stalled and what it gets for it: pure decisions on times
 * that the caller passes in.
 *
 * A class stalls when items wait in it and none was taken for `patience`.  Its
 * limit and the pool's number of threads are then raised by one, and its next
 * item goes before those of higher classes, once.  What was raised is given
 * back as soon as nothing waits and the class runs below its own limit: then
 * it needs no help any more.
 *
 *     quiet --(item queued)--> waiting --(patience)--> stalled
 *       ^                       |   ^                    |
 *       '----(last one taken)---'   '----(one taken)-----'
 */
#ifndef CLINKER_IOTHREADS_WATCHDOG_H
#define CLINKER_IOTHREADS_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

enum {
    IOT_RAISED_MAX = 64, /* emergency threads of one class */
};

struct iot_watch {
    uint64_t since_ns; /* last item taken, or first one queued after none */
    uint32_t raised;   /* added to the limit; 0..IOT_RAISED_MAX */
    bool stalled;      /* and nothing taken since */
};

/* One class as it is now. */
struct iot_watch_view {
    uint32_t queued;
    uint32_t running;
    uint32_t class_max;     /* without what was raised */
    uint64_t pool_since_ns; /* last item taken in any class */
};

enum iot_watch_verdict {
    IOT_WATCH_FINE,
    IOT_WATCH_STALLED,       /* newly: tell, and let its next item go first */
    IOT_WATCH_STILL_STALLED, /* told already; see that it has its thread */
};

/* An item was taken from the class, or queued where none was, at now_ns. */
void iot_watch_moved(struct iot_watch *w, uint64_t now_ns);
/* Give back what was raised if it is not needed any more; true if it was. */
bool iot_watch_settle(struct iot_watch *w, const struct iot_watch_view *view);
/* Look at the class; raises w->raised where that helps. */
enum iot_watch_verdict iot_watch_check(struct iot_watch *w,
                                       const struct iot_watch_view *view,
                                       uint64_t now_ns, uint64_t patience_ns);
/* When to look at this class again. */
uint64_t iot_watch_next_ns(const struct iot_watch *w,
                           const struct iot_watch_view *view, uint64_t now_ns,
                           uint64_t patience_ns);

#endif
