/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock of another process counts in nanoseconds, where /proc/PID/stat
 * counts in hundredths of a second. */
#include "tests/bench/measure.h"

#include <errno.h>
#include <inttypes.h>

enum { NS_PER_S = 1000000000 };

static int
read_clock(clockid_t clock, uint64_t *ns)
{
    struct timespec ts;

    if (clock_gettime(clock, &ts) != 0)
        return errno == EINVAL ? -ESRCH : -errno;
    *ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
    return 0;
}

int
measure_init(struct measure *m, pid_t server)
{
    *m = (struct measure){.has_server = server != 0};
    if (!m->has_server)
        return 0;
    return -clock_getcpuclockid(server, &m->server_clock);
}

int
measure_start(struct measure *m)
{
    if (m->has_server) {
        int rc = read_clock(m->server_clock, &m->server_cpu_ns);

        if (rc != 0)
            return rc;
    }
    m->wall_ns = measure_now_ns();
    return 0;
}

int
measure_stop(struct measure *m)
{
    uint64_t cpu_ns = 0;

    m->wall_ns = measure_now_ns() - m->wall_ns;
    if (m->has_server) {
        int rc = read_clock(m->server_clock, &cpu_ns);

        if (rc != 0)
            return rc;
        m->server_cpu_ns = cpu_ns - m->server_cpu_ns;
    }
    return 0;
}

uint64_t
measure_now_ns(void)
{
    struct timespec ts;

    /* Cannot fail: the clock exists and ts is ours. */
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void
measure_print(FILE *to, const struct measure *m, const char *op, uint64_t ops)
{
    fprintf(to, "{\"op\": \"%s\", \"ops\": %" PRIu64 ", \"seconds\": %.6f", op,
            ops, (double)m->wall_ns / NS_PER_S);
    if (m->has_server)
        fprintf(to, ", \"server_cpu_us\": %.3f",
                (double)m->server_cpu_ns / 1000);
}

void
measure_print_end(FILE *to)
{
    fputs("}\n", to);
    fflush(to);
}
