/* SPDX-License-Identifier: BSD-2-Clause */
/* What the load works on: a directory of small files, each with an xattr, and
 * a data file. */
#ifndef CLINKER_TESTS_BENCH_WIRE_SCENE_H
#define CLINKER_TESTS_BENCH_WIRE_SCENE_H

#include "tests/bench/wire_client.h"

enum {
    SCENE_NAMES = 1000,
    SCENE_NAME_BYTES = 12, /* all are as long: they are patched in place */
    SCENE_XATTR_BYTES = 64,
    SCENE_DATA_BYTES = 64 << 20,
    SCENE_BLOCK_BYTES_MAX = 128 << 10,
};
#define SCENE_XATTR "user.bench"

struct scene {
    char dir_name[32];
    uint8_t dir[WIRE_GFID_BYTES];
    uint8_t data[WIRE_GFID_BYTES];
    uint8_t names[SCENE_NAMES][WIRE_GFID_BYTES];
    /* How much there is to be removed. */
    bool dir_made, data_made;
    unsigned names_made;
    uint8_t block[SCENE_BLOCK_BYTES_MAX]; /* what is written */
};

/* Zeroed before.  0 or a negative errno; scene_remove() either way. */
int scene_make(struct scene *scene, struct wire_conn *conn);
int scene_remove(struct scene *scene, struct wire_conn *conn);
/* SCENE_NAME_BYTES, no NUL. */
void scene_name(uint8_t out[SCENE_NAME_BYTES], unsigned i);
/* Open the data file on this connection. */
int scene_open_data(const struct scene *scene, struct wire_conn *conn,
                    int64_t *fd);

#endif
