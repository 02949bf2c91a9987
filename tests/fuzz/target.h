/* SPDX-License-Identifier: BSD-2-Clause */
/* What a fuzz target offers: libFuzzer's entry point, also for main.c. */
#ifndef CLINKER_TESTS_FUZZ_TARGET_H
#define CLINKER_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
