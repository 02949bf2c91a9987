/* SPDX-License-Identifier: BSD-2-Clause */
/* The backs of the log, as log.c uses them.  Private to core/. */
#ifndef CLINKER_SERVER_CORE_LOG_BACK_H
#define CLINKER_SERVER_CORE_LOG_BACK_H

#include <stddef.h>

#include "server/core/log.h"

struct log_record {
    enum log_level level;
    const char *domain;
    const char *file; /* no directories */
    const char *func;
    int line;
    const char *text; /* escaped */
    size_t text_bytes;
};

/* Each 0 or -errno.  Opening, reopening and closing are the front's to order
 * (one at a time); writing goes on meanwhile, on any thread. */
int log_file_open(const char *path);
int log_file_reopen(void);
void log_file_close(void);
int log_file_write(const char *line, size_t bytes);
/* One write(2) where the system lets us. */
int log_fd_write(int fd, const char *line, size_t bytes);

int log_journal_open(void);
int log_journal_write(const struct log_record *r);

#endif
