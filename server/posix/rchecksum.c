/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checksums of a range, by which self-heal finds out what differs: Adler-32
 * (started from 0, as clients of mixed volumes compare it with the peer's) and
 * SHA-256 or MD5.
 */
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "mem/must.h"

enum { CHUNK_BYTES = 1 << 20 };

struct sums {
    uint32_t weak;
    EVP_MD_CTX *strong;
    bool zeros; /* nothing else so far */
};

static bool
is_zero(const uint8_t *p, size_t bytes)
{
    return bytes == 0 || (p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0);
}

static int
sums_add(struct sums *s, const uint8_t *p, size_t bytes, bool look_for_zeros)
{
    s->weak = (uint32_t)adler32(s->weak, p, (uInt)bytes);
    if (look_for_zeros && s->zeros)
        s->zeros = is_zero(p, bytes);
    return EVP_DigestUpdate(s->strong, p, bytes) == 1 ? 0 : -EIO;
}

static int
sums_of_range(struct sums *s, struct fd *fd, uint64_t offset, uint32_t size,
              bool look_for_zeros)
{
    struct iobuf *buf = iobuf_new(size < CHUNK_BYTES ? size : CHUNK_BYTES);
    int err = 0;

    if (buf == NULL)
        return -ENOMEM;
    while (size > 0 && err == 0) {
        size_t part = size < CHUNK_BYTES ? size : CHUNK_BYTES;
        ssize_t n = pread(fd->os_fd, buf->data, part, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = -errno;
        if (n <= 0)
            break;
        err = sums_add(s, buf->data, (size_t)n, look_for_zeros);
        offset += (uint64_t)n;
        size -= (uint32_t)n;
    }
    iobuf_put(buf);
    return err;
}

static int
sums_end(struct sums *s, uint8_t strong[POSIX_CHECKSUM_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;

    if (EVP_DigestFinal_ex(s->strong, digest, &bytes) != 1)
        return -EIO;
    must(bytes <= POSIX_CHECKSUM_BYTES);
    memset(strong, 0, POSIX_CHECKSUM_BYTES);
    memcpy(strong, digest, bytes);
    return 0;
}

static int
checksum_reply(struct posix_call *c, bool sha256, bool zeros, bool looked)
{
    int err = 0;

    c->reply->null = false;
    if (sha256)
        err = dict_set_i64(c->reply, "fips-mode-rchecksum", 1);
    if (err == 0 && looked)
        err = dict_set_u64(c->reply, "buf-has-zeroes", zeros);
    return err;
}

int
posix_rchecksum(struct posix_call *c, struct fd *fd, uint64_t offset,
                uint32_t size, uint32_t *weak,
                uint8_t strong[POSIX_CHECKSUM_BYTES])
{
    bool sha256 = options_bool(c->px->options, OPT_FIPS_RCHECKSUM);
    bool look = ops_asked_true(c, "check-zero-filled");
    struct sums s = {.zeros = true};
    int err;

    OBJ_CHECK(fd, FD_MAGIC);
    if (inode_type(fd->inode) == S_IFDIR)
        return -EISDIR;
    err = ops_range_check(offset, size);
    if (err < 0)
        return err;
    s.strong = EVP_MD_CTX_new();
    if (s.strong == NULL)
        return -ENOMEM;
    if (EVP_DigestInit_ex(s.strong, sha256 ? EVP_sha256() : EVP_md5(), NULL) !=
        1)
        err = -EIO;
    if (err == 0)
        err = sums_of_range(&s, fd, offset, size, look);
    if (err == 0)
        err = sums_end(&s, strong);
    EVP_MD_CTX_free(s.strong);
    if (err < 0)
        return err;
    *weak = s.weak;
    posix_mdata_apply(c->px, c->caller, fd->inode, fd->os_fd, false);
    return checksum_reply(c, sha256, s.zeros, look);
}
