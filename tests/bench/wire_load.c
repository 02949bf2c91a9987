/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A load generator that speaks the brick's protocol itself: libgfapi spends
 * more on a call than a brick does, so it cannot show a brick's limits.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "tests/bench/select.h"
#include "tests/bench/step.h"
#include "tests/bench/wire_engine.h"

MEM_TYPE(mt_load, "bench", "wire_load");

enum {
    CONNECTIONS_MAX = 20000,
    DEPTH_MAX = 4096,
    THREADS_MAX = 64,
    FILES_SPARE = 64, /* open files besides the connections */
};

static const struct wire_op ops[] = {
    {"lookup", WIRE_LOOKUP, 0},          {"stat", WIRE_STAT, 0},
    {"getxattr", WIRE_GETXATTR, 0},      {"write-4k", WIRE_WRITE, 4 << 10},
    {"read-4k", WIRE_READ, 4 << 10},     {"write-128k", WIRE_WRITE, 128 << 10},
    {"read-128k", WIRE_READ, 128 << 10},
};

struct load {
    struct wire_target target;
    pid_t server;
    unsigned connections, depth, threads;
    uint64_t ops;
    double seconds; /* 0: no limit */
    const char *select;
    bool json, stepped;
};

static const double quantiles[] = {0.50, 0.99, 0.999};
static const char *const quantile_names[] = {"p50", "p99", "p999"};

static void
print_json(const struct measure *m, const struct wire_op *op, uint64_t done,
           const struct histogram *h)
{
    measure_print(stdout, m, op->name, done);
    for (size_t i = 0; i < COUNT_OF(quantiles); i++)
        printf(", \"%s_us\": %.1f", quantile_names[i],
               (double)histogram_quantile(h, quantiles[i]) / 1000);
    printf(", \"max_us\": %.1f", (double)h->max / 1000);
    measure_print_end(stdout);
}

static void
print_head(const struct load *load)
{
    printf("%u connections, %u calls in flight on each, %u threads\n",
           load->connections, load->depth, load->threads);
    printf("%-10s %10s %10s %9s", "operation", "ops", "ops/s", "MiB/s");
    printf(" %9s", load->server != 0 ? "cpu us/op" : "");
    for (size_t i = 0; i < COUNT_OF(quantiles); i++)
        printf(" %6s us", quantile_names[i]);
    printf(" %6s us\n", "max");
}

static void
print_row(const struct measure *m, const struct wire_op *op, uint64_t done,
          const struct histogram *h)
{
    double rate = (double)done / ((double)m->wall_ns / 1e9);

    printf("%-10s %10" PRIu64 " %10.0f", op->name, done, rate);
    if (op->block_bytes > 0)
        printf(" %9.1f", rate * op->block_bytes / (1 << 20));
    else
        printf(" %9s", "-");
    if (m->has_server && done > 0)
        printf(" %9.2f", (double)m->server_cpu_ns / 1000 / (double)done);
    else
        printf(" %9s", "");
    for (size_t i = 0; i < COUNT_OF(quantiles); i++)
        printf(" %9.1f", (double)histogram_quantile(h, quantiles[i]) / 1000);
    printf(" %9.1f\n", (double)h->max / 1000);
    fflush(stdout);
}

static int
run_ops(const struct load *load, struct engine *engine)
{
    struct histogram *h = mem_alloc(&mt_load, sizeof(*h));
    int rc = h != NULL ? 0 : -ENOMEM;

    if (rc == 0 && load->stepped)
        step_ready();
    if (rc == 0 && !load->json)
        print_head(load);
    for (size_t i = 0; i < COUNT_OF(ops) && rc == 0; i++) {
        struct measure m;
        uint64_t done;

        if (!is_selected(load->select, ops[i].name))
            continue;
        *h = (struct histogram){0};
        rc = load->stepped ? step_wait() : 0;
        if (rc == 0)
            rc = measure_init(&m, load->server);
        if (rc == 0)
            rc = engine_run(engine, &ops[i], load->ops, load->seconds, &m, h,
                            &done);
        if (rc != 0)
            fprintf(stderr, "wire_load: %s: %s\n", ops[i].name, strerror(-rc));
        else if (load->json)
            print_json(&m, &ops[i], done, h);
        else
            print_row(&m, &ops[i], done, h);
    }
    mem_free(h);
    return rc;
}

static int
run_on_scene(const struct load *load, const struct scene *scene)
{
    struct engine *engine = engine_new(&load->target, scene, load->connections,
                                       load->depth, load->threads);
    int rc;

    if (engine == NULL) {
        rc = -errno;
        fprintf(stderr, "wire_load: connecting: %s\n", strerror(-rc));
        return rc;
    }
    rc = run_ops(load, engine);
    engine_destroy(&engine);
    return rc;
}

static int
run(const struct load *load)
{
    struct wire_conn control;
    struct scene *scene = mem_zalloc(&mt_load, sizeof(*scene));
    int rc, gone;

    if (scene == NULL)
        return -ENOMEM;
    rc = wire_connect(&control, &load->target, 0);
    if (rc != 0) {
        fprintf(stderr, "wire_load: %s:%s: %s\n", load->target.host,
                load->target.port, strerror(-rc));
        goto out;
    }
    rc = scene_make(scene, &control);
    if (rc != 0)
        fprintf(stderr, "wire_load: preparing: %s\n", strerror(-rc));
    else
        rc = run_on_scene(load, scene);
    gone = scene_remove(scene, &control);
    if (gone != 0)
        fprintf(stderr, "wire_load: removing %s: %s\n", scene->dir_name,
                strerror(-gone));
    if (rc == 0)
        rc = gone;
    wire_close(&control);
out:
    mem_free(scene);
    return rc;
}

/* --- command line --- */

static const char usage[] =
    "usage: wire_load --port PORT --brick PATH [OPTION]...\n"
    "Load a brick server over its own protocol, many calls at a time.\n"
    "\n"
    "  --host HOST       where the server is (127.0.0.1)\n"
    "  --port PORT       its port\n"
    "  --brick PATH      the brick's name, for the handshake\n"
    "  --server-pid PID  also measure the CPU time of this process\n"
    "  --ops N           calls of each kind (5000, times 8)\n"
    "  --seconds S       end each kind after this time (no limit)\n"
    "  --connections N   connections (8)\n"
    "  --depth N         calls in flight on each (16)\n"
    "  --threads N       threads that share the connections (1)\n"
    "  --client-pid PID  in the credentials; negative: an internal client (0)\n"
    "  --select LIST     only these operations, separated by commas\n"
    "  --list            print their names\n"
    "  --json            a line of JSON for each operation\n"
    "  --stepped         say \"ready\" when prepared, and before each kind of\n"
    "                    operation await a line on stdin\n"
    "  --help            print this text\n"
    "\n"
    "It makes a directory of 1000 files and a data file of 64 MiB on the\n"
    "brick, and removes them at the end.\n";

/* Calls here cost less than libgfapi's: more are needed for a steady figure
 * from the same --ops. */
enum { OPS_SCALE = 8 };

static bool
number_parse(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out >= min &&
           *out <= max;
}

static bool
count_parse(const char *text, unsigned max, unsigned *out)
{
    int64_t n;
    bool ok = number_parse(text, 1, max, &n);

    if (ok)
        *out = (unsigned)n;
    return ok;
}

static bool
seconds_parse(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out > 0 && *out < 1e6;
}

/* false: the value is no good. */
static bool
option_set(struct load *load, int opt, const char *value)
{
    int64_t n = 0;
    bool ok = true;

    switch (opt) {
    case 'H':
        load->target.host = value;
        break;
    case 'P':
        ok = number_parse(value, 1, 65535, &n);
        load->target.port = value;
        break;
    case 'b':
        load->target.brick = value;
        break;
    case 'p':
        ok = number_parse(value, 1, INT32_MAX, &n);
        load->server = (pid_t)n;
        break;
    case 'n':
        ok = number_parse(value, 1, 100 * 1000 * 1000, &n);
        load->ops = (uint64_t)n * OPS_SCALE;
        break;
    case 's':
        ok = seconds_parse(value, &load->seconds);
        break;
    case 'c':
        ok = count_parse(value, CONNECTIONS_MAX, &load->connections);
        break;
    case 'd':
        ok = count_parse(value, DEPTH_MAX, &load->depth);
        break;
    case 't':
        ok = count_parse(value, THREADS_MAX, &load->threads);
        break;
    case 'C':
        ok = number_parse(value, INT32_MIN, INT32_MAX, &n);
        load->target.pid = (int32_t)n;
        break;
    case 'e':
        load->select = value;
        break;
    case 'S':
        load->stepped = true;
        break;
    case 'j':
        load->json = true;
        break;
    default:
        ok = false;
    }
    return ok;
}

static const struct option options[] = {
    {"host", required_argument, NULL, 'H'},
    {"port", required_argument, NULL, 'P'},
    {"brick", required_argument, NULL, 'b'},
    {"server-pid", required_argument, NULL, 'p'},
    {"ops", required_argument, NULL, 'n'},
    {"seconds", required_argument, NULL, 's'},
    {"connections", required_argument, NULL, 'c'},
    {"depth", required_argument, NULL, 'd'},
    {"threads", required_argument, NULL, 't'},
    {"client-pid", required_argument, NULL, 'C'},
    {"select", required_argument, NULL, 'e'},
    {"stepped", no_argument, NULL, 'S'},
    {"list", no_argument, NULL, 'L'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* A descriptor for each connection, as far as we may. */
static void
raise_files(unsigned connections)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < connections + FILES_SPARE) {
        limit.rlim_cur = connections + FILES_SPARE;
        if (limit.rlim_cur > limit.rlim_max)
            limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            fprintf(stderr, "wire_load: open files: %s\n", strerror(errno));
    }
}

int
main(int argc, char **argv)
{
    struct load load = {.target = {.host = "127.0.0.1"},
                        .connections = 8, .depth = 16, .threads = 1,
                        .ops = 5000 * OPS_SCALE};
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (opt == 'L') {
            for (size_t i = 0; i < COUNT_OF(ops); i++)
                puts(ops[i].name);
            return 0;
        }
        if (opt == '?')
            return 2;
        if (!option_set(&load, opt, optarg)) {
            fprintf(stderr, "wire_load: bad value: %s\n", optarg);
            return 2;
        }
    }
    if (load.target.port == NULL || load.target.brick == NULL ||
        optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    raise_files(load.connections);
    return run(&load) == 0 ? 0 : 1;
}
