/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The front of the log: levels, the line, and which back gets it.  A line is
 * put together on the writer's stack and goes out in one write, so lines of
 * several threads do not mix and no mutex is held over a slow disk.  A line
 * that its back does not take goes to stderr; one that nobody takes is counted
 * and told of as soon as lines are taken again.
 */
#include "server/core/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mem/clock.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/escape.h"
#include "server/core/log_back.h"
#include "server/core/ranks.h"
#include "server/core/timestamp.h"

static struct {
    struct mutex mtx; /* opening, reopening, closing */
    _Atomic(int) sink;
    _Atomic(int) level;
    _Atomic(bool) local_time;
    _Atomic(uint64_t) lost; /* lines since one was last taken */
} log_state = {
    .mtx = MUTEX_INITIALIZER("log sink", CORE_RANK_LOG_SINK),
    .sink = LOG_SINK_STDERR,
    .level = LOG_LVL_INFO,
};

static const struct {
    const char *name;
    char letter;
} levels[] = {
    [LOG_LVL_NONE] = {"NONE", '?'},
    [LOG_LVL_EMERG] = {"EMERG", 'M'},
    [LOG_LVL_ALERT] = {"ALERT", 'A'},
    [LOG_LVL_CRITICAL] = {"CRITICAL", 'C'},
    [LOG_LVL_ERROR] = {"ERROR", 'E'},
    [LOG_LVL_WARNING] = {"WARNING", 'W'},
    [LOG_LVL_NOTICE] = {"NOTICE", 'N'},
    [LOG_LVL_INFO] = {"INFO", 'I'},
    [LOG_LVL_DEBUG] = {"DEBUG", 'D'},
    [LOG_LVL_TRACE] = {"TRACE", 'T'},
};

int
log_open(enum log_sink sink, const char *path, enum log_level level,
         bool local_time)
{
    int err = 0;

    MUTEX_SCOPE(&log_state.mtx);
    if (sink == LOG_SINK_FILE && strcmp(path, "-") == 0)
        sink = LOG_SINK_STDERR;
    if (sink == LOG_SINK_FILE)
        err = log_file_open(path);
    else if (sink == LOG_SINK_JOURNAL)
        err = log_journal_open();
    if (err < 0)
        return err;
    atomic_store(&log_state.local_time, local_time);
    atomic_store(&log_state.level, (int)level);
    atomic_store(&log_state.sink, (int)sink);
    return 0;
}

void
log_close(void)
{
    MUTEX_SCOPE(&log_state.mtx);
    atomic_store(&log_state.sink, LOG_SINK_STDERR);
    log_file_close();
}

int
log_reopen(void)
{
    MUTEX_SCOPE(&log_state.mtx);
    if (atomic_load(&log_state.sink) != LOG_SINK_FILE)
        return 0;
    return log_file_reopen();
}

void
log_set_level(enum log_level level)
{
    must((size_t)level < COUNT_OF(levels));
    atomic_store(&log_state.level, (int)level);
}

enum log_level
log_get_level(void)
{
    return (enum log_level)atomic_load_explicit(&log_state.level,
                                                memory_order_relaxed);
}

int
log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (strcasecmp(text, levels[i].name) == 0) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *
log_level_name(enum log_level level)
{
    must((size_t)level < COUNT_OF(levels));
    return levels[level].name;
}

bool
log_enabled(enum log_level level)
{
    return level != LOG_LVL_NONE && level <= log_get_level();
}

/* A path in a build directory is nobody's business. */
static const char *
base_name(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash != NULL ? slash + 1 : file;
}

/* The line of a record; returns its bytes, the last is a newline. */
static size_t
format_line(const struct log_record *r, char out[LOG_LINE_BYTES_MAX])
{
    static const char mark[] = "...[cut]";
    const size_t room = LOG_LINE_BYTES_MAX - 1;
    char stamp[TIMESTAMP_BYTES];
    int head;
    size_t used;

    (void)timestamp_now(stamp, atomic_load(&log_state.local_time));
    head = snprintf(out, LOG_LINE_BYTES_MAX,
                    "[%s] %c [%.64s:%d:%.64s] 0-%.64s: ", stamp,
                    levels[r->level].letter, r->file, r->line, r->func,
                    r->domain);
    must(head > 0 && head < 512);
    used = (size_t)head;
    if (r->text_bytes <= room - used) {
        memcpy(out + used, r->text, r->text_bytes);
        used += r->text_bytes;
    } else {
        memcpy(out + used, r->text, room - used - (sizeof(mark) - 1));
        used = room;
        memcpy(out + used - (sizeof(mark) - 1), mark, sizeof(mark) - 1);
    }
    out[used++] = '\n';
    return used;
}

static int
send_record(const struct log_record *r)
{
    char line[LOG_LINE_BYTES_MAX];
    int sink = atomic_load_explicit(&log_state.sink, memory_order_acquire);
    size_t bytes;

    if (sink == LOG_SINK_JOURNAL && log_journal_write(r) >= 0)
        return 0;
    bytes = format_line(r, line);
    if (sink == LOG_SINK_FILE && log_file_write(line, bytes) == 0)
        return 0;
    return log_fd_write(STDERR_FILENO, line, bytes);
}

static void
tell_of_lost(uint64_t lost)
{
    char text[96];
    struct log_record r = {.level = LOG_LVL_WARNING,
                           .domain = "log",
                           .file = base_name(__FILE__),
                           .func = __func__,
                           .line = __LINE__,
                           .text = text};

    r.text_bytes = (size_t)snprintf(
        text, sizeof(text),
        "%" PRIu64 " lines before this could not be written", lost);
    if (send_record(&r) < 0)
        atomic_fetch_add(&log_state.lost, lost);
}

void
log_write(enum log_level level, const char *domain, const char *file, int line,
          const char *func, const char *fmt, ...)
{
    char raw[LOG_LINE_BYTES_MAX], text[LOG_LINE_BYTES_MAX + 1];
    struct log_record r = {.level = level,
                           .domain = domain,
                           .file = base_name(file),
                           .func = func,
                           .line = line,
                           .text = text};
    const int saved_errno = errno;
    uint64_t lost;
    va_list ap;
    int n;

    must((size_t)level < COUNT_OF(levels));
    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    must(n >= 0);
    r.text_bytes = escape_line(
        text, sizeof(text), raw,
        (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1, NULL);
    if (send_record(&r) < 0)
        atomic_fetch_add(&log_state.lost, 1);
    else if ((lost = atomic_exchange(&log_state.lost, 0)) > 0)
        tell_of_lost(lost);
    errno = saved_errno;
}

/* The second stands in the upper bits and the lines in the lower: one word, so
 * that whoever opens a new second also begins its count. */
enum { WINDOW_COUNT_BITS = 24 };

bool
log_limit_pass_at(struct log_limit *limit, uint64_t second, uint32_t *held)
{
    const uint64_t fresh = (second + 1) << WINDOW_COUNT_BITS;
    const uint64_t mask = (1u << WINDOW_COUNT_BITS) - 1;
    uint64_t old = atomic_load_explicit(&limit->window, memory_order_relaxed);
    uint64_t new;

    must(limit->burst > 0 && limit->burst < mask);
    *held = 0;
    do {
        /* A thread that read the clock and slept belongs to the second that
         * others have opened. */
        new = old < fresh ? fresh : old;
        if ((new & mask) >= limit->burst) {
            atomic_fetch_add_explicit(&limit->held, 1, memory_order_relaxed);
            return false;
        }
        new++;
    } while (!atomic_compare_exchange_weak_explicit(
        &limit->window, &old, new, memory_order_relaxed,
        memory_order_relaxed));
    if (old < fresh)
        *held = atomic_exchange_explicit(&limit->held, 0,
                                         memory_order_relaxed);
    return true;
}

bool
log_limit_pass(struct log_limit *limit, uint32_t *held)
{
    return log_limit_pass_at(limit, clock_ns() / CLOCK_NS_PER_SEC, held);
}
