/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last words about a guard object: from a fault, or from a free that is
 * wrong.  In a signal handler, so nothing here allocates, takes a mutex or
 * calls printf.
 *
 * After a fault's report the handler puts back what was there before it and
 * returns.  The instruction faults again, now for the process to die of, with
 * registers and stack as they were: a core shows the culprit and not us.
 */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "mem/guard.h"
#include "mem/guard_object.h"
#include "mem/must.h"
#include "mem/stack.h"
#include "mem/symbol.h"
#include "mem/text.h"

/* A log line has 4096 bytes. */
enum { REPORT_BYTES = 4000 };

static struct {
    _Atomic(int) reporter; /* thread id; one report is all there will be */
    bool installed;
    struct sigaction before[2]; /* of SIGSEGV, SIGBUS; constant afterwards */
    char text[REPORT_BYTES];    /* the reporter's */
} report;

/* One thread reports; others that are in trouble as well wait for the end,
 * which it brings.  False: this one is the reporter already. */
static bool
report_begin(void)
{
    int nobody = 0, self = gettid();

    if (atomic_compare_exchange_strong(&report.reporter, &nobody, self))
        return true;
    if (nobody == self)
        return false;
    for (;;)
        (void)pause();
}

static void
put_site(struct text *t, const char *what, const struct guard_site *site)
{
    text_put(t, ", ");
    text_put(t, what);
    text_put(t, " by thread ");
    text_put_decimal(t, (uint64_t)site->tid);
    text_put(t, " at ");
    symbol_put_stack(t, site->frames, site->frames_count);
}

/* What the allocator's caller knows of it. */
static uintptr_t
block_of(const struct guard_object *obj)
{
    return obj->start + obj->head_bytes;
}

static void
put_address(struct text *t, const struct guard_object *obj, uintptr_t addr)
{
    text_put_hex(t, block_of(obj));
    text_put(t, " (");
    text_put_offset(t, (int64_t)(addr - block_of(obj)));
    text_put(t, ")");
}

static void
put_block(struct text *t, const struct guard_object *obj)
{
    text_put(t, "a block of ");
    text_put(t, obj->module);
    text_put(t, " ");
    text_put(t, obj->name);
    text_put(t, " of ");
    text_put_decimal(t, obj->bytes - obj->head_bytes);
    text_put(t, " bytes");
}

static void
put_sites(struct text *t, const struct guard_object *obj)
{
    put_site(t, "allocated", &obj->allocated);
    /* Not there yet where a fault is quicker than the free. */
    if (atomic_load(&obj->state) == GUARD_FREED && obj->freed.frames_count > 0)
        put_site(t, "freed", &obj->freed);
}

static void __attribute__((noreturn, noinline, cold))
die_of_free(const struct guard_object *obj, const char *what, uintptr_t addr,
            const char *then)
{
    struct guard_site here = {.tid = gettid()};
    struct text t;

    if (!report_begin())
        must_panic_text("mem: a fault while a guard object was reported");
    here.frames_count = stack_take(here.frames, GUARD_FRAMES, 2);
    text_start(&t, report.text, sizeof(report.text));
    text_put(&t, "mem: ");
    text_put(&t, what);
    put_address(&t, obj, addr);
    text_put(&t, ", ");
    put_block(&t, obj);
    put_sites(&t, obj);
    put_site(&t, then, &here);
    must_panic_text(report.text);
}

void
guard_report_free(const struct guard_object *obj, uintptr_t start)
{
    uintptr_t addr = start + obj->head_bytes;

    if (atomic_load(&obj->state) == GUARD_FREED && obj->start == start)
        die_of_free(obj, "double free of ", addr, "freed again");
    die_of_free(obj, "free of what is no block's start, near ", addr,
                "now freed");
}

void
guard_report_damage(const struct guard_object *obj, uintptr_t addr)
{
    die_of_free(obj, addr < block_of(obj) ? "underrun of " : "overrun of ",
                addr, "found");
}

/* How far addr is from a block that is or was there; nobody is near one that
 * never was. */
static uintptr_t
distance(const struct guard_object *obj, uintptr_t addr)
{
    if (atomic_load(&obj->state) == GUARD_UNUSED)
        return UINTPTR_MAX;
    if (addr >= obj->start + obj->bytes)
        return addr - (obj->start + obj->bytes);
    return addr < block_of(obj) ? block_of(obj) - addr : 0;
}

/* Whose block an address is about: on a closed page between two, the nearer
 * one's. */
static const struct guard_object *
object_near(unsigned page, uintptr_t addr)
{
    const struct guard_object *left, *right;

    if (page % 2 == 1)
        return guard_object_at(page / 2);
    if (page == 0)
        return guard_object_at(0);
    left = guard_object_at(page / 2 - 1);
    if (page == GUARD_PAGES - 1)
        return left;
    right = guard_object_at(page / 2);
    return distance(left, addr) <= distance(right, addr) ? left : right;
}

static const char *
kind_of_fault(const struct guard_object *obj, uintptr_t addr)
{
    int state = atomic_load(&obj->state);

    if (state == GUARD_UNUSED)
        return "access near guard pages that nobody uses: ";
    if (state == GUARD_FREED)
        return "use after free of ";
    if (addr >= obj->start + obj->bytes)
        return "overrun of ";
    return addr < block_of(obj) ? "underrun of " : "fault in ";
}

/* Of the faulting instruction: the frames above the handler's. */
static void
site_of_fault(struct guard_site *site, const ucontext_t *context)
{
    void *frames[STACK_FRAMES_MAX];
    unsigned count = stack_take(frames, STACK_FRAMES_MAX, 0), skip = 0;

    site->tid = gettid();
#ifdef __x86_64__
    {
        uintptr_t pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];

        for (unsigned i = 0; i < count && skip == 0; i++) {
            if ((uintptr_t)frames[i] == pc + 1)
                skip = i;
        }
    }
#endif
    count -= skip;
    site->frames_count = count < GUARD_FRAMES ? count : GUARD_FRAMES;
    memcpy(site->frames, &frames[skip], site->frames_count * sizeof(frames[0]));
}

static const char *
access_of_fault(const ucontext_t *context)
{
#ifdef __x86_64__
    return context->uc_mcontext.gregs[REG_ERR] & 2 ? "written" : "read";
#else
    return "touched";
#endif
}

static void
report_fault(unsigned page, uintptr_t addr, const ucontext_t *context)
{
    const struct guard_object *obj = object_near(page, addr);
    struct guard_site here;
    struct text t;

    site_of_fault(&here, context);
    text_start(&t, report.text, sizeof(report.text));
    text_put(&t, "mem: ");
    text_put(&t, kind_of_fault(obj, addr));
    if (atomic_load(&obj->state) != GUARD_UNUSED) {
        put_address(&t, obj, addr);
        text_put(&t, ", ");
        put_block(&t, obj);
        put_sites(&t, obj);
    } else {
        text_put_hex(&t, addr);
    }
    put_site(&t, access_of_fault(context), &here);
    must_last_words(report.text);
}

/* Hand over to who was there before us; the default and "ignore" happen when
 * the instruction faults again. */
static void
pass_on(int sig, siginfo_t *info, void *context)
{
    struct sigaction *before = &report.before[sig == SIGBUS];

    if ((before->sa_flags & SA_SIGINFO) != 0) {
        before->sa_sigaction(sig, info, context);
        return;
    }
    if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(sig);
        return;
    }
    if (info->si_code <= 0 && before->sa_handler == SIG_IGN)
        return; /* somebody sent it */
    must(sigaction(sig, before, NULL) == 0);
    /* Sent by kill(), it would not come again by itself. */
    if (info->si_code <= 0)
        (void)syscall(SYS_tgkill, getpid(), gettid(), sig);
}

static void
on_fault(int sig, siginfo_t *info, void *context)
{
    uintptr_t addr = (uintptr_t)info->si_addr;
    int page = info->si_code > 0 ? guard_page(addr) : -1;

    if (page < 0) {
        pass_on(sig, info, context);
        return;
    }
    if (report_begin())
        report_fault((unsigned)page, addr, context);
    must(sigaction(sig, &report.before[sig == SIGBUS], NULL) == 0);
}

void
mem_guard_install(void)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK};

    if (report.installed)
        return;
    report.installed = true;
    stack_prepare();
    sa.sa_sigaction = on_fault;
    must(sigemptyset(&sa.sa_mask) == 0);
    must(sigaction(SIGSEGV, NULL, &report.before[0]) == 0);
    must(sigaction(SIGBUS, NULL, &report.before[1]) == 0);
    must(sigaction(SIGSEGV, &sa, NULL) == 0);
    must(sigaction(SIGBUS, &sa, NULL) == 0);
}
