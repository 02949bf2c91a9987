/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kinds of operation of gfapi_load, and what a worker has for them: a
 * directory, a data file and file names of its own.
 */
#ifndef CLINKER_BENCH_GFAPI_OPS_H
#define CLINKER_BENCH_GFAPI_OPS_H

#include <glusterfs/api/glfs-handles.h>
#include <glusterfs/api/glfs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    SMALL_BYTES = 4096,
    LARGE_BYTES = 128 * 1024,
    DATA_BYTES = 16 * 1024 * 1024, /* a worker's data file */
    HANDLES_MAX = 256,             /* per worker, for calls by gfid */
    XATTR_BYTES = 64,
    NAME_BYTES = 32,
};

struct slot { /* one asynchronous call */
    struct worker *worker;
    struct slot *next;
    uint8_t *buf;
};

struct worker {
    glfs_t *fs;
    glfs_object_t *root;
    const struct op *op;
    uint64_t deadline_ns;
    uint64_t quota, done;
    int error; /* of the first call that failed */
    uint64_t random;
    glfs_object_t *dir;
    glfs_fd_t *data;
    /* Files 0..unlinked are gone, unlinked..renamed have their new name. */
    uint64_t files, renamed, unlinked;
    glfs_object_t *handles[HANDLES_MAX];
    uint64_t handles_count;
    glfs_fd_t *listing;
    uint8_t buf[SMALL_BYTES];

    struct slot *slots;
    pthread_mutex_t mtx; /* guards what follows, and error during async calls */
    pthread_cond_t freed;
    struct slot *free_slots;
    unsigned busy;
};

struct op {
    const char *name;
    unsigned scale; /* how many for each of --ops: cheap ones need more */
    int (*run)(struct worker *w, uint64_t i); /* one; 0 or a negative errno */
    size_t block_bytes;                       /* asynchronous data */
    bool writes;
    bool by_handle;
    bool needed;  /* by the others, for its files */
    bool uses_up; /* a file each time */
};

/* In the order in which they need each other. */
extern const struct op gfapi_ops[];
extern const size_t gfapi_ops_count;

/* Do w->op until w->quota, w->deadline_ns or an error: w->done, w->error. */
void gfapi_op_run(struct worker *w);
/* Unmeasured: handles for the calls by gfid, with their xattr in place. */
int gfapi_handles(struct worker *w);

/* errno as a negative number, also where a call has failed without one. */
int gfapi_failed(void);
/* 0 for a full count, or an error even where errno has none. */
int gfapi_check_count(ssize_t got, size_t want);

#endif
