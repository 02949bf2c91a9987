/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Assertions that stay on in every build.  must() is for our own invariants:
 * a false one is a bug of ours and the process stops there.  What a peer, a
 * disk or an operator sent is never asserted; it is answered with an error.
 */
#ifndef CLINKER_MEM_MUST_H
#define CLINKER_MEM_MUST_H

#include <stddef.h>

/* Report a broken invariant and abort.  The text goes to stderr and to the
 * hook, if one is set. */
void must_failed(const char *expr, const char *file, int line,
                 const char *func) __attribute__((noreturn, cold));

/* As above, for failures that have more to say than a C expression. */
void must_panic(const char *fmt, ...)
    __attribute__((noreturn, cold, format(printf, 1, 2)));

/* A text that is there already. */
void must_panic_text(const char *text) __attribute__((noreturn, cold));

/* Say why the process is about to end, to stderr and the hook, and return.
 * For a signal handler. */
void must_last_words(const char *text) __attribute__((cold));

/* Let the program put the text of a failure into its log as well.  The hook
 * runs once, on the failing thread, before abort(); it must not allocate. */
void must_set_hook(void (*hook)(const char *text));

#define must(cond)                                                             \
    do {                                                                       \
        if (__builtin_expect(!(cond), 0))                                      \
            must_failed(#cond, __FILE__, __LINE__, __func__);                  \
    } while (0)

/* For a struct with a `unsigned magic` member. */
#define OBJ_CHECK(p, MAGIC)                                                    \
    do {                                                                       \
        must((p) != NULL);                                                     \
        must((p)->magic == (MAGIC));                                           \
    } while (0)

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

#define container_of_member(ptr, type, member)                                 \
    ((type *)((char *)(ptr) - offsetof(type, member)))

#endif
