/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/connect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/clock.h"

enum { CONNECT_WAIT_SECS = 10 };

MEM_TYPE(mt_answer, "cli", "answer");

static int __attribute__((format(printf, 3, 4)))
fail(char err[CONNECT_ERROR_BYTES], int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err, CONNECT_ERROR_BYTES, fmt, ap);
    va_end(ap);
    return code;
}

/* --- finding --- */

static int
connect_path(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    /* Bounds connect(), which waits while the daemon has many to accept. */
    static const struct timeval patience = {.tv_sec = CONNECT_WAIT_SECS};
    int fd, err;

    if (strlen(path) >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
                   sizeof(patience)) == 0 &&
        connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
        fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    err = errno == EAGAIN ? -ETIMEDOUT : -errno;
    (void)close(fd);
    return err;
}

static bool
is_socket_name(const char *name)
{
    size_t bytes = strlen(name);

    return bytes > 5 && name[0] != '.' &&
           strcmp(name + bytes - 5, ".sock") == 0;
}

struct search {
    int fd;           /* of the first that answered, -1: none yet */
    unsigned found;   /* that answered */
    unsigned refused; /* that we may not talk to */
    char list[CONNECT_ERROR_BYTES - 256]; /* their paths, a line each */
    size_t list_bytes;
};

static void
try_socket(struct search *s, const char *name)
{
    char path[sizeof(RUNDIR) + 1 + NAME_MAX + 1];
    int fd, n;

    (void)snprintf(path, sizeof(path), "%s/%s", RUNDIR, name);
    fd = connect_path(path);
    if (fd == -EACCES)
        s->refused++;
    if (fd < 0)
        return;
    s->found++;
    n = snprintf(s->list + s->list_bytes, sizeof(s->list) - s->list_bytes,
                 "\n  %s", path);
    if (n > 0 && (size_t)n < sizeof(s->list) - s->list_bytes)
        s->list_bytes += (size_t)n;
    else
        s->list[s->list_bytes] = '\0'; /* full */
    if (s->fd < 0)
        s->fd = fd;
    else
        (void)close(fd);
}

static int
search_directory(struct search *s)
{
    DIR *dir = opendir(RUNDIR);
    struct dirent *e;

    if (dir == NULL)
        return -errno;
    while ((e = readdir(dir)) != NULL)
        if (is_socket_name(e->d_name))
            try_socket(s, e->d_name);
    (void)closedir(dir);
    return 0;
}

static int
connect_only(char err[CONNECT_ERROR_BYTES])
{
    struct search s = {.fd = -1};
    int ret = search_directory(&s);

    if (ret < 0 && ret != -ENOENT)
        return fail(err, ret, "%s: %s", RUNDIR, strerror(-ret));
    if (s.found == 1)
        return s.fd;
    if (s.found > 1) {
        (void)close(s.fd);
        return fail(err, -EUSERS,
                    "several daemons run; choose one with --socket:%s",
                    s.list);
    }
    if (s.refused > 0)
        return fail(err, -EACCES, "%s: permission denied", RUNDIR);
    return fail(err, -ENOENT, "no daemon answers in %s", RUNDIR);
}

int
connect_daemon(const char *path, char err[CONNECT_ERROR_BYTES])
{
    int fd;

    if (path == NULL)
        return connect_only(err);
    fd = connect_path(path);
    if (fd < 0)
        return fail(err, fd, "%s: %s", path,
                    fd == -ECONNREFUSED ? "no daemon listens there"
                                        : strerror(-fd));
    return fd;
}

/* --- talking --- */

static int64_t
now_ms(void)
{
    return (int64_t)(clock_ns() / CLOCK_NS_PER_MS);
}

static int
wait_for(int fd, short what, int64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = what};
    int64_t left = until_ms - now_ms();
    int n = poll(&p, 1, left > 0 ? (int)left : 0);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    return n == 0 && left <= 0 ? -ETIMEDOUT : 0;
}

static int
send_all(int fd, const char *p, size_t bytes, int64_t until_ms)
{
    while (bytes > 0) {
        ssize_t n = send(fd, p, bytes, MSG_NOSIGNAL);
        int err;

        if (n >= 0) {
            p += n;
            bytes -= (size_t)n;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        err = wait_for(fd, POLLOUT, until_ms);
        if (err < 0)
            return err;
    }
    return 0;
}

/* An answer as it grows. */
struct answer {
    char *p;
    size_t used, room;
};

static int
make_room(struct answer *a)
{
    size_t room = a->room > 0 ? a->room * 2 : 16 * 1024;
    char *p;

    if (a->used < a->room)
        return 0;
    if (room > CONNECT_ANSWER_BYTES_MAX)
        return -EMSGSIZE;
    p = mem_realloc(&mt_answer, a->p, room);
    if (p == NULL)
        return -ENOMEM;
    a->p = p;
    a->room = room;
    return 0;
}

/* Up to the newline, which is not counted in used. */
static int
receive_line(int fd, struct answer *a, int64_t until_ms)
{
    for (;;) {
        int err = make_room(a);
        const char *end;
        ssize_t n;

        if (err < 0)
            return err;
        n = recv(fd, a->p + a->used, a->room - a->used, 0);
        if (n == 0)
            return -ECONNRESET;
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                return -errno;
            err = wait_for(fd, POLLIN, until_ms);
            if (err < 0)
                return err;
            continue;
        }
        end = memchr(a->p + a->used, '\n', (size_t)n);
        a->used += (size_t)n;
        if (end != NULL) {
            a->used = (size_t)(end - a->p);
            return 0;
        }
    }
}

static json_object *
parse(const struct answer *a)
{
    json_tokener *tok = json_tokener_new();
    json_object *obj;

    if (tok == NULL)
        return NULL;
    obj = json_tokener_parse_ex(tok, a->p, (int)a->used);
    json_tokener_free(tok);
    if (!json_object_is_type(obj, json_type_object)) {
        json_object_put(obj);
        return NULL;
    }
    return obj;
}

int
connect_ask(int fd, json_object *request, json_object **answer,
            char err[CONNECT_ERROR_BYTES])
{
    int64_t until_ms = now_ms() + CONNECT_ANSWER_SECS * 1000;
    struct answer a = {0};
    const char *text;
    size_t bytes;
    int ret;

    *answer = NULL;
    text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN,
                                             &bytes);
    if (text == NULL)
        return fail(err, -ENOMEM, "out of memory");
    ret = send_all(fd, text, bytes, until_ms);
    if (ret == 0)
        ret = send_all(fd, "\n", 1, until_ms);
    /* One that refuses us may have hung up before we spoke: its reason is
     * there to read all the same. */
    if (ret == 0 || ret == -EPIPE)
        ret = receive_line(fd, &a, until_ms);
    if (ret == 0) {
        *answer = parse(&a);
        ret = *answer == NULL ? -EBADMSG : 0;
    }
    mem_free(a.p);
    if (ret == 0)
        return 0;
    return fail(err, ret, "the daemon gives no answer: %s", strerror(-ret));
}
