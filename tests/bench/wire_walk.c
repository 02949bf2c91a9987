/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks up every file of a tree of directories, over the brick's own protocol:
 * what tests/bench/mem --inodes fills a brick's inode cache with.
 *
 *     d0000000/f0000000 … below the root, so many of each
 *
 * Each lookup offers a gfid for what has none yet, one that follows from its
 * place in the tree: so a later walk knows the directories' gfids too.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/wire_client.h"

enum { NAME_BYTES = 16, COUNT_MAX = 10000000, DEPTH_MAX = 1024 };

struct walk {
    struct wire_target target;
    struct wire_conn conn;
    unsigned first, dirs, files, depth;
    unsigned in_flight;
};

static const uint8_t root[WIRE_GFID_BYTES] = {[15] = 1};
static const uint8_t none[WIRE_GFID_BYTES];

/* A random UUID by its form.  file 0 is the directory, others count from 1. */
static void
place_gfid(uint8_t gfid[WIRE_GFID_BYTES], unsigned dir, unsigned file)
{
    uint64_t a = (((uint64_t)dir + 1) << 32 | file) *
                 UINT64_C(0x9e3779b97f4a7c15);

    wire_put_u64(gfid, a ^ a >> 29);
    wire_put_u32(gfid + 8, dir + 1);
    wire_put_u32(gfid + 12, file);
    gfid[6] = (uint8_t)((gfid[6] & 0x0f) | 0x40);
    gfid[8] = (uint8_t)((gfid[8] & 0x3f) | 0x80);
}

static int
lookup_begin(struct walk *w, struct xdr_out *call,
             const uint8_t parent[WIRE_GFID_BYTES], const char *name,
             const uint8_t gfid[WIRE_GFID_BYTES])
{
    int rc = wire_call_begin(call, &w->target, WIRE_FOP, WIRE_LOOKUP);

    if (rc != 0)
        return rc;
    if (!call->failed)
        wire_call_stamp(call->buf->data, 0);
    xdr_out_fixed(call, none, sizeof(none));
    xdr_out_fixed(call, parent, WIRE_GFID_BYTES);
    xdr_out_u32(call, 0);
    wire_out_string(call, name);
    wire_out_gfid_request(call, gfid);
    return 0;
}

static int
lookup_dir(struct walk *w, unsigned dir, uint8_t gfid[WIRE_GFID_BYTES])
{
    struct xdr_out call;
    struct wire_reply reply;
    char name[NAME_BYTES];
    int rc;

    snprintf(name, sizeof(name), "d%07u", dir);
    place_gfid(gfid, dir, 0);
    rc = lookup_begin(w, &call, root, name, gfid);
    if (rc == 0)
        rc = wire_await(&w->conn, &call, NULL, 0, &reply);
    if (rc == 0)
        wire_reply_drop(&reply);
    return rc;
}

/* Until no more than `most` are in flight. */
static int
collect(struct walk *w, unsigned most)
{
    while (w->in_flight > most) {
        struct wire_reply reply;
        int rc = wire_receive(&w->conn, &reply);

        if (rc != 0)
            return rc;
        w->in_flight--;
        if (reply.op_ret < 0)
            rc = reply.op_errno > 0 ? -reply.op_errno : -EPROTO;
        wire_reply_drop(&reply);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int
walk_dir(struct walk *w, unsigned dir)
{
    uint8_t parent[WIRE_GFID_BYTES];
    int rc = lookup_dir(w, dir, parent);

    for (unsigned i = 0; i < w->files && rc == 0; i++) {
        struct xdr_out call;
        uint8_t gfid[WIRE_GFID_BYTES];
        char name[NAME_BYTES];

        snprintf(name, sizeof(name), "f%07u", i);
        place_gfid(gfid, dir, i + 1);
        rc = collect(w, w->depth - 1);
        if (rc == 0)
            rc = lookup_begin(w, &call, parent, name, gfid);
        if (rc == 0)
            rc = wire_send(&w->conn, &call, NULL, 0);
        if (rc == 0)
            w->in_flight++;
    }
    return rc == 0 ? collect(w, 0) : rc;
}

static int
walk(struct walk *w)
{
    int rc = wire_connect(&w->conn, &w->target, 0);

    for (unsigned i = w->first; i < w->first + w->dirs && rc == 0; i++)
        rc = walk_dir(w, i);
    if (w->conn.fd >= 0)
        wire_close(&w->conn);
    if (rc != 0)
        fprintf(stderr, "wire_walk: %s\n", strerror(-rc));
    return rc;
}

static const char usage[] =
    "usage: wire_walk --port PORT --brick PATH [OPTION]...\n"
    "Look up all files of a tree, d0000000/f0000000 and so on.\n"
    "\n"
    "  --port PORT   the brick's, on 127.0.0.1\n"
    "  --brick PATH  its name, for the handshake\n"
    "  --first N     the first directory's number (0)\n"
    "  --dirs N      directories (1)\n"
    "  --files N     files in each (1000)\n"
    "  --depth N     calls in flight (32)\n";

static const struct option options[] = {
    {"port", required_argument, NULL, 'P'},
    {"brick", required_argument, NULL, 'b'},
    {"first", required_argument, NULL, 'o'},
    {"dirs", required_argument, NULL, 'd'},
    {"files", required_argument, NULL, 'f'},
    {"depth", required_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool
number_parse(const char *text, unsigned min, unsigned max, unsigned *out)
{
    char *end;
    unsigned long v;

    errno = 0;
    v = strtoul(text, &end, 10);
    *out = (unsigned)v;
    return errno == 0 && end != text && *end == '\0' && v >= min && v <= max;
}

/* false: the value is no good. */
static bool
option_set(struct walk *w, int opt, const char *value)
{
    unsigned port;

    switch (opt) {
    case 'P':
        w->target.port = value;
        return number_parse(value, 1, 65535, &port);
    case 'b':
        w->target.brick = value;
        return true;
    case 'o':
        return number_parse(value, 0, COUNT_MAX, &w->first);
    case 'd':
        return number_parse(value, 1, COUNT_MAX, &w->dirs);
    case 'f':
        return number_parse(value, 1, COUNT_MAX, &w->files);
    default:
        return number_parse(value, 1, DEPTH_MAX, &w->depth);
    }
}

int
main(int argc, char **argv)
{
    struct walk w = {.target = {.host = "127.0.0.1"}, .conn = {.fd = -1},
                     .dirs = 1, .files = 1000, .depth = 32};
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (opt == '?')
            return 2;
        if (!option_set(&w, opt, optarg)) {
            fprintf(stderr, "wire_walk: bad value: %s\n", optarg);
            return 2;
        }
    }
    if (w.target.port == NULL || w.target.brick == NULL || optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    return walk(&w) == 0 ? 0 : 1;
}
