/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal as a back: fields of their own for what a line has in
 * brackets. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "mem/must.h"
#include "server/core/log_back.h"

/* sd_journal_sendv() drops lines in silence where this is missing. */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

int
log_journal_open(void)
{
    return access(JOURNAL_SOCKET, W_OK) == 0 ? 0 : -ENOENT;
}

static int
priority_of(enum log_level level)
{
    switch (level) {
    case LOG_LVL_EMERG:
        return LOG_EMERG;
    case LOG_LVL_ALERT:
        return LOG_ALERT;
    case LOG_LVL_CRITICAL:
        return LOG_CRIT;
    case LOG_LVL_ERROR:
        return LOG_ERR;
    case LOG_LVL_WARNING:
        return LOG_WARNING;
    case LOG_LVL_NOTICE:
        return LOG_NOTICE;
    case LOG_LVL_NONE:
    case LOG_LVL_INFO:
        return LOG_INFO;
    case LOG_LVL_DEBUG:
    case LOG_LVL_TRACE:
        return LOG_DEBUG;
    }
    return LOG_INFO;
}

int
log_journal_write(const struct log_record *r)
{
    char message[LOG_LINE_BYTES_MAX + 64];
    char priority[16], file[128], line[32], func[128], domain[96];
    const struct {
        char *text;
        size_t bytes;
        int used;
    } fields[] = {
        {message, sizeof(message),
         snprintf(message, sizeof(message), "MESSAGE=%.*s",
                  (int)r->text_bytes, r->text)},
        {priority, sizeof(priority),
         snprintf(priority, sizeof(priority), "PRIORITY=%d",
                  priority_of(r->level))},
        {file, sizeof(file),
         snprintf(file, sizeof(file), "CODE_FILE=%s", r->file)},
        {line, sizeof(line),
         snprintf(line, sizeof(line), "CODE_LINE=%d", r->line)},
        {func, sizeof(func),
         snprintf(func, sizeof(func), "CODE_FUNC=%s", r->func)},
        {domain, sizeof(domain),
         snprintf(domain, sizeof(domain), "CLINKER_DOMAIN=%s", r->domain)},
    };
    struct iovec iov[COUNT_OF(fields)];
    int err = log_journal_open(); /* it may have gone since */

    if (err < 0)
        return err;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        must(fields[i].used >= 0);
        iov[i].iov_base = fields[i].text;
        iov[i].iov_len = (size_t)fields[i].used < fields[i].bytes
                             ? (size_t)fields[i].used
                             : fields[i].bytes - 1;
    }
    return sd_journal_sendv(iov, (int)COUNT_OF(iov));
}
