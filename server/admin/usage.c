/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mem/clock.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/admin/ranks.h"

/* The last look at page faults, and what it showed. */
static struct mutex faults_mtx =
    MUTEX_INITIALIZER("server.faults", ADMIN_RANK_FAULTS);
static struct usage_faults faults; /* [faults_mtx] */
static uint64_t faults_ns;         /* [faults_mtx] when; 0: never */

uint64_t
usage_resident_bytes(void)
{
    AUTO_CLOSE int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    uint64_t pages, resident;
    char text[128];
    ssize_t n;

    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &pages, &resident) != 2)
        return 0;
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The process's age, from when its first look is counted. */
static uint64_t
age_ns(void)
{
    AUTO_CLOSE int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    unsigned long long ticks;
    char text[1024];
    const char *p;
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    uint64_t began_ns, now_ns = clock_read_ns(CLOCK_BOOTTIME);

    if (n <= 0)
        return CLOCK_NS_PER_SEC;
    text[n] = '\0';
    /* The name is in parentheses and may have any. */
    p = strrchr(text, ')');
    if (p == NULL || sscanf(p + 1,
                            " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u"
                            " %*u %*d %*d %*d %*d %*d %*d %llu",
                            &ticks) != 1)
        return CLOCK_NS_PER_SEC;
    began_ns = ticks * (CLOCK_NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
    return now_ns > began_ns ? now_ns - began_ns : CLOCK_NS_PER_SEC;
}

void
usage_faults_read(struct usage_faults *out)
{
    uint64_t now_ns = clock_ns(), interval_ns;
    struct rusage usage;

    must(getrusage(RUSAGE_SELF, &usage) == 0);
    MUTEX_SCOPE(&faults_mtx);
    interval_ns = faults_ns == 0 ? age_ns() : now_ns - faults_ns;
    if (faults_ns == 0 || interval_ns >= CLOCK_NS_PER_SEC) {
        double seconds = (double)interval_ns / CLOCK_NS_PER_SEC;

        faults.minor_per_s =
            (double)((uint64_t)usage.ru_minflt - faults.minor) / seconds;
        faults.major_per_s =
            (double)((uint64_t)usage.ru_majflt - faults.major) / seconds;
        faults.minor = (uint64_t)usage.ru_minflt;
        faults.major = (uint64_t)usage.ru_majflt;
        faults.interval_ns = interval_ns;
        faults_ns = now_ns;
    }
    *out = faults;
    out->minor = (uint64_t)usage.ru_minflt;
    out->major = (uint64_t)usage.ru_majflt;
}
