/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the line for a broken invariant.  Nothing here allocates or takes
 * a mutex: the failure may be in the allocator, or below a mutex.
 */
#include "mem/must.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 1024 };

static _Atomic(void (*)(const char *)) must_hook;

void
must_set_hook(void (*hook)(const char *text))
{
    atomic_store(&must_hook, hook);
}

static void
write_stderr(const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(STDERR_FILENO, text, bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody is left to tell */
        text += n;
        bytes -= (size_t)n;
    }
}

void
must_last_words(const char *text)
{
    void (*hook)(const char *);

    write_stderr(text, strlen(text));
    write_stderr("\n", 1);
    /* Taken, not read: a hook that fails itself must not be called again. */
    hook = atomic_exchange(&must_hook, NULL);
    if (hook != NULL)
        hook(text);
}

void
must_panic_text(const char *text)
{
    must_last_words(text);
    abort();
}

void
must_failed(const char *expr, const char *file, int line, const char *func)
{
    must_panic("%s:%d: %s: must(%s) failed", file, line, func, expr);
}

void
must_panic(const char *fmt, ...)
{
    char text[TEXT_BYTES];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
        memcpy(text, "must: failed", sizeof("must: failed"));
    va_end(ap);
    must_panic_text(text);
}
