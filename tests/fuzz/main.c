/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target without libFuzzer: over the files and directories named,
 * then over pseudo-random mutations of them, always the same ones, for as many
 * rounds as asked for (-n ROUNDS) or as fit into a time (-t MILLISECONDS).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "tests/fuzz/target.h"

enum { SEEDS_MAX = 1024, INPUT_BYTES_MAX = 65536, EDITS_MAX = 8 };

MEM_TYPE(mt_seed, "test", "fuzz_seed");

static struct seed {
    uint8_t *p;
    size_t bytes;
} seeds[SEEDS_MAX];
static size_t seeds_count;
static uint64_t state = 88172645463325252u;

static uint64_t
random_next(void) /* Marsaglia, xorshift64 */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t
random_below(size_t n)
{
    return n > 0 ? (size_t)(random_next() % n) : 0;
}

static int
add_file(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct seed *seed = &seeds[seeds_count];
    ssize_t n;

    if (fd < 0 || seeds_count == SEEDS_MAX)
        return -1;
    seed->p = mem_alloc(&mt_seed, INPUT_BYTES_MAX);
    if (seed->p == NULL)
        return -1;
    n = read(fd, seed->p, INPUT_BYTES_MAX);
    if (n < 0) {
        mem_free(seed->p);
        return -1;
    }
    seed->bytes = (size_t)n;
    seeds_count++;
    return 0;
}

static int
add_path(const char *path)
{
    struct dirent **names;
    struct stat st;
    char child[4096];
    int n, err = 0;

    if (stat(path, &st) != 0)
        return -1;
    if (!S_ISDIR(st.st_mode))
        return add_file(path);
    n = scandir(path, &names, NULL, alphasort); /* the same order always */
    if (n < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.') {
            (void)snprintf(child, sizeof(child), "%s/%s", path,
                           names[i]->d_name);
            err |= add_file(child);
        }
        free(names[i]); /* scandir's own */
    }
    free(names);
    return err;
}

static void
edit(uint8_t *p, size_t *bytes)
{
    static const uint32_t telling[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff,
                                       0x80000000, 0x7fffffff, 0xffffffff,
                                       0x40000000, 0x3fffffff, 400, 401};
    size_t at = random_below(*bytes), n;

    switch (random_below(6)) {
    case 0: /* a bit */
        if (*bytes > 0)
            p[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 1: /* a byte */
        if (*bytes > 0)
            p[at] = (uint8_t)random_next();
        break;
    case 2: /* a number on which lengths break, big-endian */
        at &= ~(size_t)3;
        if (at + 4 <= *bytes) {
            uint32_t v = telling[random_below(COUNT_OF(telling))];

            for (int i = 0; i < 4; i++)
                p[at + (size_t)i] = (uint8_t)(v >> (24 - 8 * i));
        }
        break;
    case 3: /* an end */
        *bytes = at;
        break;
    case 4: /* bytes left out */
        n = random_below(*bytes - at) & ~(size_t)3;
        memmove(p + at, p + at + n, *bytes - at - n);
        *bytes -= n;
        break;
    default: /* bytes doubled */
        n = random_below(*bytes - at);
        if (*bytes + n <= INPUT_BYTES_MAX) {
            memmove(p + at + n, p + at, *bytes - at);
            *bytes += n;
        }
    }
}

static void
run(const uint8_t *p, size_t bytes)
{
    /* A block of the exact size: a sanitizer sees a read past its end. */
    uint8_t *copy = malloc(bytes > 0 ? bytes : 1);

    must(copy != NULL);
    if (bytes > 0)
        memcpy(copy, p, bytes);
    (void)LLVMFuzzerTestOneInput(copy, bytes);
    free(copy);
}

static uint64_t
now_ms(void)
{
    return clock_ns() / CLOCK_NS_PER_MS;
}

static unsigned long
mutate(unsigned long rounds, uint64_t until_ms)
{
    static uint8_t buf[INPUT_BYTES_MAX];
    unsigned long done = 0;

    while (seeds_count > 0 && done < rounds &&
           (until_ms == 0 || now_ms() < until_ms)) {
        const struct seed *seed = &seeds[random_below(seeds_count)];
        size_t bytes = seed->bytes;

        memcpy(buf, seed->p, bytes);
        for (size_t n = 1 + random_below(EDITS_MAX); n > 0; n--)
            edit(buf, &bytes);
        run(buf, bytes);
        done++;
    }
    return done;
}

int
main(int argc, char **argv)
{
    unsigned long rounds = 0, done;
    uint64_t until_ms = 0;
    int opt;

    while ((opt = getopt(argc, argv, "n:t:")) != -1) {
        if (opt == 'n') {
            rounds = strtoul(optarg, NULL, 10);
        } else if (opt == 't') {
            rounds = (unsigned long)-1;
            until_ms = now_ms() + strtoul(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    for (; optind < argc; optind++) {
        if (add_path(argv[optind]) != 0) {
            (void)fprintf(stderr, "%s: cannot be read\n", argv[optind]);
            return 1;
        }
    }
    for (size_t i = 0; i < seeds_count; i++)
        run(seeds[i].p, seeds[i].bytes);
    done = mutate(rounds, until_ms);
    (void)printf("%zu seeds, %lu mutations\n", seeds_count, done);
    for (size_t i = 0; i < seeds_count; i++)
        mem_free(seeds[i].p);
    return seeds_count > 0 ? 0 : 1;
}
