/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests that must end in must_panic(): it has to say the right thing, too.
 * Register them with tcase_add_test_raise_signal(…, SIGABRT). */
#ifndef CLINKER_TESTS_EXPECT_ABORT_H
#define CLINKER_TESTS_EXPECT_ABORT_H

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"

/* Planted bugs are written by functions that a sanitizer does not watch. */
#ifdef __SANITIZE_ADDRESS__
#define PLANTED __attribute__((noinline, no_sanitize_address))
#else
#define PLANTED __attribute__((noinline))
#endif

static const char *expected_text;

static void
expected_hook(const char *text)
{
    if (strstr(text, expected_text) == NULL)
        _exit(99); /* not by SIGABRT: the test fails */
}

static inline void
expect_abort_saying(const char *text)
{
    expected_text = text;
    must_set_hook(expected_hook);
}

static PLANTED void __attribute__((unused))
plant_byte(void *p, size_t offset, unsigned char value)
{
    ((volatile unsigned char *)p)[offset] = value;
}

#endif
