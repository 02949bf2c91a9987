/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/wire_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

static const uint8_t root[WIRE_GFID_BYTES] = {[15] = 1};
static const char data_name[] = "data";

void
scene_name(uint8_t out[SCENE_NAME_BYTES], unsigned i)
{
    char text[SCENE_NAME_BYTES + 1];

    snprintf(text, sizeof(text), "name-%07u", i % 10000000);
    memcpy(out, text, SCENE_NAME_BYTES);
}

static int
gfid_new(uint8_t gfid[WIRE_GFID_BYTES])
{
    if (getrandom(gfid, WIRE_GFID_BYTES, 0) != WIRE_GFID_BYTES)
        return -EIO;
    gfid[6] = (uint8_t)((gfid[6] & 0x0f) | 0x40); /* a random UUID */
    gfid[8] = (uint8_t)((gfid[8] & 0x3f) | 0x80);
    return 0;
}

static int
begin(struct xdr_out *call, const struct wire_conn *conn, enum wire_fop fop,
      uint32_t changes)
{
    int rc = wire_call_begin(call, conn->target, WIRE_FOP, fop);

    if (rc == 0 && !call->failed)
        wire_call_stamp(call->buf->data, changes);
    return rc;
}

static int
finish(struct wire_conn *conn, struct xdr_out *call, const void *payload,
       size_t payload_bytes)
{
    struct wire_reply reply;
    int rc = wire_await(conn, call, payload, payload_bytes, &reply);

    if (rc == 0)
        wire_reply_drop(&reply);
    return rc;
}

static int
make_dir(struct scene *scene, struct wire_conn *conn)
{
    struct xdr_out call;
    int rc = begin(&call, conn, WIRE_MKDIR, WIRE_CHANGES_NEW);

    if (rc != 0)
        return rc;
    xdr_out_fixed(&call, root, sizeof(root));
    xdr_out_u32(&call, S_IFDIR | 0755);
    xdr_out_u32(&call, 022);
    wire_out_string(&call, scene->dir_name);
    wire_out_gfid_request(&call, scene->dir);
    return finish(conn, &call, NULL, 0);
}

static int
make_file(const struct scene *scene, struct wire_conn *conn, const char *name,
          size_t name_bytes, const uint8_t gfid[WIRE_GFID_BYTES])
{
    struct xdr_out call;
    int rc = begin(&call, conn, WIRE_MKNOD, WIRE_CHANGES_NEW);

    if (rc != 0)
        return rc;
    xdr_out_fixed(&call, scene->dir, sizeof(scene->dir));
    xdr_out_u64(&call, 0); /* device */
    xdr_out_u32(&call, S_IFREG | 0644);
    xdr_out_u32(&call, 022);
    xdr_out_opaque(&call, name, name_bytes);
    wire_out_gfid_request(&call, gfid);
    return finish(conn, &call, NULL, 0);
}

static int
set_xattr(const struct scene *scene, struct wire_conn *conn,
          const uint8_t gfid[WIRE_GFID_BYTES])
{
    struct xdr_out call;
    int rc = begin(&call, conn, WIRE_SETXATTR, WIRE_CHANGES_XATTR);

    if (rc != 0)
        return rc;
    xdr_out_fixed(&call, gfid, WIRE_GFID_BYTES);
    xdr_out_u32(&call, 0);
    wire_out_one(&call, SCENE_XATTR, scene->block, SCENE_XATTR_BYTES);
    wire_out_no_dict(&call);
    return finish(conn, &call, NULL, 0);
}

int
scene_open_data(const struct scene *scene, struct wire_conn *conn, int64_t *fd)
{
    struct xdr_out call;
    struct wire_reply reply;
    int rc = begin(&call, conn, WIRE_OPEN, 0);

    if (rc != 0)
        return rc;
    xdr_out_fixed(&call, scene->data, sizeof(scene->data));
    xdr_out_u32(&call, O_RDWR);
    wire_out_no_dict(&call);
    rc = wire_await(conn, &call, NULL, 0, &reply);
    if (rc != 0)
        return rc;
    /* The last thing in the reply, behind a dictionary of any length. */
    *fd = (int64_t)wire_get_u64(reply.body + reply.bytes - 8);
    wire_reply_drop(&reply);
    return 0;
}

static int
fill_data(const struct scene *scene, struct wire_conn *conn)
{
    int64_t fd;
    int rc = scene_open_data(scene, conn, &fd);

    for (uint64_t at = 0; at < SCENE_DATA_BYTES && rc == 0;
         at += sizeof(scene->block)) {
        struct xdr_out call;

        rc = begin(&call, conn, WIRE_WRITE, WIRE_CHANGES_DATA);
        if (rc != 0)
            break;
        xdr_out_fixed(&call, scene->data, sizeof(scene->data));
        xdr_out_i64(&call, fd);
        xdr_out_u64(&call, at);
        xdr_out_u32(&call, sizeof(scene->block));
        xdr_out_u32(&call, 0);
        wire_out_no_dict(&call);
        rc = finish(conn, &call, scene->block, sizeof(scene->block));
    }
    return rc;
}

int
scene_make(struct scene *scene, struct wire_conn *conn)
{
    int rc = gfid_new(scene->dir);

    memset(scene->block, 'w', sizeof(scene->block));
    if (rc == 0)
        rc = gfid_new(scene->data);
    if (rc != 0)
        return rc;
    snprintf(scene->dir_name, sizeof(scene->dir_name), "wire-load-%08x",
             wire_get_u32(scene->dir));
    rc = make_dir(scene, conn);
    scene->dir_made = rc == 0;
    if (rc == 0)
        rc = make_file(scene, conn, data_name, strlen(data_name), scene->data);
    scene->data_made = rc == 0;
    if (rc == 0)
        rc = fill_data(scene, conn);
    for (unsigned i = 0; i < SCENE_NAMES && rc == 0; i++) {
        uint8_t name[SCENE_NAME_BYTES];

        scene_name(name, i);
        rc = gfid_new(scene->names[i]);
        if (rc == 0)
            rc = make_file(scene, conn, (const char *)name, sizeof(name),
                           scene->names[i]);
        if (rc == 0) {
            scene->names_made++;
            rc = set_xattr(scene, conn, scene->names[i]);
        }
    }
    return rc;
}

static int
unlink_file(const struct scene *scene, struct wire_conn *conn,
            const char *name, size_t name_bytes)
{
    struct xdr_out call;
    int rc = begin(&call, conn, WIRE_UNLINK, WIRE_CHANGES_GONE);

    if (rc != 0)
        return rc;
    xdr_out_fixed(&call, scene->dir, sizeof(scene->dir));
    xdr_out_opaque(&call, name, name_bytes);
    xdr_out_u32(&call, 0);
    wire_out_no_dict(&call);
    return finish(conn, &call, NULL, 0);
}

static int
remove_dir(const struct scene *scene, struct wire_conn *conn)
{
    struct xdr_out call;
    int rc = begin(&call, conn, WIRE_RMDIR, WIRE_CHANGES_GONE);

    if (rc != 0)
        return rc;
    xdr_out_fixed(&call, root, sizeof(root));
    xdr_out_i32(&call, 0);
    wire_out_string(&call, scene->dir_name);
    wire_out_no_dict(&call);
    return finish(conn, &call, NULL, 0);
}

int
scene_remove(struct scene *scene, struct wire_conn *conn)
{
    int rc = 0;

    for (; scene->names_made > 0 && rc == 0; scene->names_made--) {
        uint8_t name[SCENE_NAME_BYTES];

        scene_name(name, scene->names_made - 1);
        rc = unlink_file(scene, conn, (const char *)name, sizeof(name));
    }
    if (rc == 0 && scene->data_made)
        rc = unlink_file(scene, conn, data_name, strlen(data_name));
    if (rc == 0 && scene->dir_made)
        rc = remove_dir(scene, conn);
    return rc;
}
