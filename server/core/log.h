/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: lines in the peer's format to a file, to stderr, or to the
 * journal.  Any thread may log; nothing blocks on another thread's disk but
 * the write(2) itself.
 */
#ifndef CLINKER_SERVER_CORE_LOG_H
#define CLINKER_SERVER_CORE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* The peer's levels; its letters are M A C E W N I D T. */
enum log_level {
    LOG_LVL_NONE,
    LOG_LVL_EMERG,
    LOG_LVL_ALERT,
    LOG_LVL_CRITICAL,
    LOG_LVL_ERROR,
    LOG_LVL_WARNING,
    LOG_LVL_NOTICE,
    LOG_LVL_INFO,
    LOG_LVL_DEBUG,
    LOG_LVL_TRACE,
};

enum log_sink { LOG_SINK_STDERR, LOG_SINK_FILE, LOG_SINK_JOURNAL };

/* Start logging.  path only for LOG_SINK_FILE ("-" is stderr); its parent
 * directories are made (0755), the file is 0600 and appended to.  0 or -errno:
 * then everything stays as it was; -ENOENT also when there is no journal.
 * Before it, lines go to stderr. */
int log_open(enum log_sink sink, const char *path, enum log_level level,
             bool local_time);
void log_close(void);
/* Open the file anew, after it was renamed. 0 or -errno (then the old one
 * stays). */
int log_reopen(void);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "INFO", any case. -EINVAL. */
int log_level_parse(const char *text, enum log_level *out);
const char *log_level_name(enum log_level level);

enum { LOG_LINE_BYTES_MAX = 4096 }; /* with the newline; the rest is cut */

/* [time] L [file:line:func] 0-domain: text
 * Control characters in the text become \xNN. */
void log_write(enum log_level level, const char *domain, const char *file,
               int line, const char *func, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
bool log_enabled(enum log_level level);

/* At most `burst` lines per second at one place; what was held back is told
 * in one line when the next second's first line comes. */
struct log_limit {
    const unsigned burst; /* at least 1 */
    _Atomic(uint64_t) window; /* second, and lines written in it */
    _Atomic(uint32_t) held;
};
/* True when a line may be written now; *held gets how many were not. */
bool log_limit_pass(struct log_limit *limit, uint32_t *held);
/* As if it were that second of any clock that does not go back. */
bool log_limit_pass_at(struct log_limit *limit, uint64_t second,
                       uint32_t *held);

/* A file that logs says what it is part of: #define LOG_DOMAIN "posix" before
 * the include. */
#ifndef LOG_DOMAIN
#define LOG_DOMAIN "server"
#endif

#define log_at(level_, ...)                                                    \
    do {                                                                       \
        if (log_enabled(level_))                                               \
            log_write((level_), LOG_DOMAIN, __FILE__, __LINE__, __func__,      \
                      __VA_ARGS__);                                            \
    } while (0)

#define log_error(...) log_at(LOG_LVL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LVL_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_LVL_NOTICE, __VA_ARGS__)
#define log_info(...) log_at(LOG_LVL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LVL_DEBUG, __VA_ARGS__)
#define log_trace(...) log_at(LOG_LVL_TRACE, __VA_ARGS__)

/* For what a client can cause as often as it likes. */
#define log_limited(level_, per_second_, ...)                                  \
    do {                                                                       \
        static struct log_limit log_limit_here_ = {.burst = (per_second_)};    \
        uint32_t log_held_ = 0;                                                \
        if (log_enabled(level_) &&                                             \
            log_limit_pass(&log_limit_here_, &log_held_)) {                    \
            if (log_held_ > 0)                                                 \
                log_write((level_), LOG_DOMAIN, __FILE__, __LINE__, __func__,  \
                          "%u like the next line were held back", log_held_);  \
            log_write((level_), LOG_DOMAIN, __FILE__, __LINE__, __func__,      \
                      __VA_ARGS__);                                            \
        }                                                                      \
    } while (0)

#endif
