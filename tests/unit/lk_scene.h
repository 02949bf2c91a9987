/* SPDX-License-Identifier: BSD-2-Clause */
/* A file with clients that lock it, for tests of locks. */
#ifndef CLINKER_TESTS_UNIT_LK_SCENE_H
#define CLINKER_TESTS_UNIT_LK_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/lock/posixlk.h"

enum { SCENE_FDS = 8 };

/* Each fd has a client of its own. */
struct scene {
    struct inode_table *table;
    struct inode *inode;
    struct fd_table *fd_table;
    struct fd *fds[SCENE_FDS];
    int64_t numbers[SCENE_FDS];
    unsigned inodes_released;
};

void scene_open(struct scene *s);
/* Lets go of everything and checks that nothing was left behind. */
void scene_close(struct scene *s);
/* As RELEASE does it. */
void scene_release_fd(struct scene *s, unsigned i);
/* A new one in the place of a released one. */
void scene_reopen_fd(struct scene *s, unsigned i);

/* Who was called back, how often, and with what. */
struct answer {
    _Atomic(unsigned) calls;
    _Atomic(unsigned) order; /* 1 for the first answer of the process */
    int err;
    struct lk_desc desc;
};
void answer_done(void *arg, int err, const struct lk_desc *granted);
/* Until answered. */
void answer_wait(struct answer *a);

/* A request of client and fd i; the owner is one byte. */
struct lk_request scene_request(struct scene *s, unsigned i, char owner,
                                enum lk_type type, int64_t start, int64_t len);
int scene_set(struct scene *s, unsigned i, char owner, enum lk_type type,
              int64_t start, int64_t len);
int scene_set_wait(struct scene *s, unsigned i, char owner, enum lk_type type,
                   int64_t start, int64_t len, struct answer *a);
/* The locks of the inode, one word each: "R0-9:a" held by owner a, "W5-5:b?"
 * waiting, "W0-:a" to infinity, sorted as the dump lists them. */
const char *scene_text(struct scene *s);

#endif
