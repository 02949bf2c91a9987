/* SPDX-License-Identifier: BSD-2-Clause */
/* The directories that we keep runtime files in. */
#ifndef CLINKER_SERVER_ADMIN_DIRECTORY_H
#define CLINKER_SERVER_ADMIN_DIRECTORY_H

/* Make `path` (absolute) and what is missing above it, mode 0755 less the
 * umask.  0, also when it was there; -errno. */
int directory_make(const char *path);

#endif
