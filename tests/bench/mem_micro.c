/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The micro scenarios, one after the other, for each number of threads.  One
 * line of JSON for each on stdout; tests/bench/mem lets contenders take turns.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/mem_patterns.h"
#include "tests/bench/select.h"
#include "tests/bench/step.h"

enum { SIZE_16 = 0, SIZE_64 = 4, SIZE_256 = 8, SIZE_512 = 10, SIZE_4096 = 13,
       MIXED = -1 };

static const struct pattern patterns[] = {
    {"pair-16", pattern_pair, 1, SIZE_16, NULL},
    {"pair-64", pattern_pair, 1, SIZE_64, NULL},
    {"pair-256", pattern_pair, 1, SIZE_256, NULL},
    {"pair-512", pattern_pair, 1, SIZE_512, NULL},
    {"pair-4096", pattern_pair, 1, SIZE_4096, NULL},
    {"pair-mix", pattern_pair, 1, MIXED, NULL},
    {"lifo-100", pattern_lifo, 100, MIXED, NULL},
    {"lifo-1000", pattern_lifo, 1000, MIXED, NULL},
    {"fifo-100", pattern_fifo, 100, MIXED, NULL},
    {"fifo-1000", pattern_fifo, 1000, MIXED, NULL},
    {"churn-1000", pattern_churn, 1000, MIXED, NULL},
    {"producer", pattern_producer, 1, MIXED,
     pattern_producer_prepare},
    {"larson", pattern_larson, 1, MIXED, NULL},
};

static const char usage[] =
    "usage: mem_micro [OPTION]...\n"
    "Measure an allocator: tests/bench/mem runs this.\n"
    "\n"
    "  --api NAME      typed or pool (ours), malloc (the other program)\n"
    "  --threads LIST  numbers of threads, separated by commas (1,2,4)\n"
    "  --ops N         operations of each thread (400000)\n"
    "  --select LIST   only these scenarios\n"
    "  --list          print their names\n"
    "  --stepped       say \"ready\", and before each scenario await a line\n"
    "  --help          print this text\n";

struct options {
    enum contender_api api;
    bool api_set, stepped;
    unsigned threads[8], threads_count;
    uint64_t ops;
    const char *select;
};

static void
run_one(const struct options *o, const struct pattern *pattern,
        unsigned threads)
{
    static struct pattern_run run;
    struct lanes_result r;

    run.pattern = pattern;
    run.api = o->api;
    run.ops = o->ops;
    pattern_sizes(&run);
    if (pattern->prepare != NULL)
        pattern->prepare();
    lanes_run(threads, pattern->fn, &run, &r);
    printf("{\"scenario\": \"%s\", \"threads\": %u, \"ops\": %llu, "
           "\"cpu_ns\": %.3f, \"wall_ns\": %.3f, \"waits\": %llu}\n",
           pattern->name, threads, (unsigned long long)r.ops, r.cpu_ns,
           r.wall_ns, (unsigned long long)r.waits);
    fflush(stdout);
}

static int
run_all(const struct options *o)
{
    if (o->stepped)
        step_ready();
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        if (!is_selected(o->select, patterns[i].name))
            continue;
        for (unsigned k = 0; k < o->threads_count; k++) {
            if (o->stepped && step_wait() != 0)
                return 1;
            run_one(o, &patterns[i], o->threads[k]);
        }
    }
    return 0;
}

static bool
number_parse(const char **text, uint64_t max, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(*text, &end, 10);
    if (errno != 0 || end == *text || *out == 0 || *out > max)
        return false;
    *text = end;
    return true;
}

static bool
threads_parse(const char *text, struct options *o)
{
    uint64_t n;

    o->threads_count = 0;
    do {
        text += *text == ',';
        if (o->threads_count == COUNT_OF(o->threads) ||
            !number_parse(&text, LANES_MAX, &n))
            return false;
        o->threads[o->threads_count++] = (unsigned)n;
    } while (*text == ',');
    return *text == '\0';
}

static bool
option_set(struct options *o, int opt, const char *value)
{
    switch (opt) {
    case 'a':
        o->api_set = contender_api_parse(value, &o->api);
        return o->api_set;
    case 't':
        return threads_parse(value, o);
    case 'n':
        return number_parse(&value, UINT64_C(1) << 40, &o->ops) && !*value;
    case 'e':
        o->select = value;
        return true;
    default:
        o->stepped = true;
        return true;
    }
}

static const struct option options[] = {
    {"api", required_argument, NULL, 'a'},
    {"threads", required_argument, NULL, 't'},
    {"ops", required_argument, NULL, 'n'},
    {"select", required_argument, NULL, 'e'},
    {"stepped", no_argument, NULL, 'S'},
    {"list", no_argument, NULL, 'L'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

int
main(int argc, char **argv)
{
    struct options o = {.threads = {1, 2, 4}, .threads_count = 3,
                        .ops = 400000};
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (opt == 'L') {
            for (size_t i = 0; i < COUNT_OF(patterns); i++)
                puts(patterns[i].name);
            return 0;
        }
        if (opt == '?')
            return 2;
        if (!option_set(&o, opt, optarg)) {
            fprintf(stderr, "mem_micro: bad value: %s\n", optarg);
            return 2;
        }
    }
    if (!o.api_set || optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    /* Each lane rounds to whole batches and steps of the ring. */
    if (o.ops < 16384) {
        fputs("mem_micro: at least 16384 operations\n", stderr);
        return 2;
    }
    contender_init();
    return run_all(&o);
}
