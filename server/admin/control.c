/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of the control socket.
 *
 *   idle     waiting for a line; CONTROL_IDLE_SECS without one ends it
 *   busy     its request runs elsewhere (background.h); it is not read
 *   sending  an answer is on its way; the next line waits until it is taken
 *
 * So one connection costs one line and one answer at most, whatever it sends
 * and however little it reads.  `leaving` ends it once the answer is out.
 */
#include "server/admin/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu/list.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "server/admin/control_command.h"
#include "server/admin/control_socket.h"
#include "server/admin/control_text.h"
#define LOG_DOMAIN "control"
#include "server/core/log.h"

#define CONTROL_MAGIC 0x4354524cu
#define CONN_MAGIC 0x4354434eu

enum { ACCEPT_PAUSE_SECS = 1 };

MEM_TYPE(mt_control, "server.admin", "control");
MEM_TYPE(mt_conn, "server.admin", "control connection");
MEM_TYPE(mt_call, "server.admin", "control call");

struct control {
    unsigned magic;
    struct admin *admin;
    struct statedump *sd;
    struct background *bg; /* runs what takes long */
    struct evconnlistener *listener;
    struct event *resume; /* accept again after an error */
    struct cds_list_head conns;
    unsigned conns_count;
    struct stat made;
    char path[CONTROL_PATH_BYTES];
};

struct conn {
    unsigned magic;
    struct control *control;
    struct cds_list_head node;
    struct bufferevent *bev;
    struct control_call *call; /* busy: the one that runs */
    bool leaving;
};

static void
conn_free(struct conn *conn)
{
    OBJ_CHECK(conn, CONN_MAGIC);
    if (conn->call != NULL)
        conn->call->arg = NULL; /* its answer will find nobody */
    bufferevent_free(conn->bev);
    cds_list_del(&conn->node);
    conn->control->conns_count--;
    conn->magic = 0;
    mem_free(conn);
}

/* --- answers --- */

static void
call_free(struct control_call *call)
{
    control_request_fini(&call->req);
    json_object_put(call->reply);
    mem_free(call);
}

/* false: no memory for it, and the connection is to be closed.  Writing is
 * begun here: libevent's own way to notice that there is something to write is
 * missing, and nobody told, where it had no memory for that at first. */
static bool
send_object(struct conn *conn, json_object *obj)
{
    size_t bytes;
    const char *text = json_object_to_json_string_length(
        obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &bytes);

    return text != NULL && bufferevent_write(conn->bev, text, bytes) == 0 &&
           bufferevent_write(conn->bev, "\n", 1) == 0 &&
           bufferevent_enable(conn->bev, EV_WRITE) == 0;
}

static bool
send_error(struct conn *conn, int code, const char *text)
{
    json_object *obj = json_object_new_object();
    bool sent;

    if (obj == NULL)
        return false;
    control_add_bool(obj, "ok", 0);
    control_add_text(obj, "error", text);
    control_add_number(obj, "code", -code);
    sent = send_object(conn, obj);
    json_object_put(obj);
    return sent;
}

/* Frees the call; false: the connection is to be closed. */
static bool
answer(struct conn *conn, struct control_call *call, int ret)
{
    bool sent = ret < 0 ? send_error(conn, ret, call->err)
                        : send_object(conn, call->reply);

    call_free(call);
    return sent;
}

static void
call_finish(struct control_call *call, int ret)
{
    struct conn *conn = call->arg;

    if (conn == NULL) {
        call_free(call);
        return;
    }
    OBJ_CHECK(conn, CONN_MAGIC);
    must(conn->call == call);
    conn->call = NULL;
    if (!answer(conn, call, ret) ||
        (!conn->leaving && bufferevent_enable(conn->bev, EV_READ) < 0))
        conn_free(conn);
}

/* --- requests --- */

static struct control_call *
call_new(struct conn *conn)
{
    struct control_call *call = mem_zalloc(&mt_call, sizeof(*call));

    if (call == NULL)
        return NULL;
    call->admin = conn->control->admin;
    call->sd = conn->control->sd;
    call->bg = conn->control->bg;
    call->finish = call_finish;
    call->arg = conn;
    call->reply = json_object_new_object();
    if (call->reply == NULL) {
        mem_free(call);
        return NULL;
    }
    control_add_bool(call->reply, "ok", 1);
    return call;
}

/* false: the connection is to be closed. */
static bool
run_line(struct conn *conn, const char *line, size_t bytes)
{
    struct control_call *call = call_new(conn);
    int ret;

    if (call == NULL)
        return false;
    ret = control_line_parse(&call->req, line, bytes, call->err);
    if (ret == 0)
        ret = control_command_run(call);
    if (ret != CONTROL_LATER)
        return answer(conn, call, ret);
    conn->call = call;
    return bufferevent_disable(conn->bev, EV_READ) == 0;
}

/* Takes one line off the input and runs it.  false: the connection is to be
 * closed; *none: there is no whole line. */
static bool
run_next(struct conn *conn, bool *none)
{
    struct evbuffer *in = bufferevent_get_input(conn->bev);
    struct evbuffer_ptr end = evbuffer_search_eol(in, NULL, NULL,
                                                  EVBUFFER_EOL_LF);
    const char *line = "";
    size_t bytes;
    bool ok;

    *none = false;
    if (end.pos < 0 && evbuffer_get_length(in) <= CONTROL_LINE_BYTES_MAX) {
        *none = true;
        return true;
    }
    if (end.pos < 0 || end.pos > CONTROL_LINE_BYTES_MAX) {
        /* Where the next line begins, nobody knows. */
        conn->leaving = true;
        (void)evbuffer_drain(in, evbuffer_get_length(in));
        return bufferevent_disable(conn->bev, EV_READ) == 0 &&
               send_error(conn, -EMSGSIZE, "the request is too long");
    }
    bytes = (size_t)end.pos;
    if (bytes > 0)
        line = (const char *)evbuffer_pullup(in, (ev_ssize_t)bytes);
    if (line == NULL)
        return false;
    ok = run_line(conn, line, bytes);
    (void)evbuffer_drain(in, bytes + 1);
    return ok;
}

/* What has come while it cannot be served is enough once a line must be among
 * it.  (libevent's watermark would do that too, but setting it ends the process
 * where there is no memory.) */
static void
read_enough(struct conn *conn)
{
    if (evbuffer_get_length(bufferevent_get_input(conn->bev)) >
        CONTROL_LINE_BYTES_MAX)
        (void)bufferevent_disable(conn->bev, EV_READ);
}

static bool
read_on(struct conn *conn)
{
    return conn->call != NULL || conn->leaving ||
           (bufferevent_get_enabled(conn->bev) & EV_READ) != 0 ||
           bufferevent_enable(conn->bev, EV_READ) == 0;
}

/* As far as it goes now; may free the connection. */
static void
conn_go_on(struct conn *conn)
{
    struct evbuffer *out = bufferevent_get_output(conn->bev);
    bool none = false;

    if (conn->call != NULL || evbuffer_get_length(out) > 0) {
        read_enough(conn);
        return;
    }
    if (!run_next(conn, &none) || (none && conn->leaving) ||
        !read_on(conn))
        conn_free(conn);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
    struct conn *conn = arg;

    OBJ_CHECK(conn, CONN_MAGIC);
    if (!conn->leaving)
        conn_go_on(conn);
}

/* The answer is out. */
static void
on_written(struct bufferevent *bev, void *arg)
{
    struct conn *conn = arg;

    OBJ_CHECK(conn, CONN_MAGIC);
    conn_go_on(conn);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
    struct conn *conn = arg;

    OBJ_CHECK(conn, CONN_MAGIC);
    /* One that has said all it wants may still listen. */
    if ((what & BEV_EVENT_EOF) && !(what & BEV_EVENT_ERROR)) {
        conn->leaving = true;
        conn_go_on(conn);
        return;
    }
    conn_free(conn);
}

/* --- connections come --- */

static void
refuse(int fd, int code, const char *text)
{
    char line[128];
    int n = snprintf(line, sizeof(line),
                     "{\"ok\":false,\"error\":\"%s\",\"code\":%d}\n", text,
                     code);

    log_limited(LOG_LVL_WARNING, 1, "a connection was refused: %s", text);
    /* Best effort: a fresh socket has room for a line. */
    (void)send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
}

static struct conn *
conn_new(struct control *c, int fd)
{
    static const struct timeval idle = {.tv_sec = CONTROL_IDLE_SECS};
    struct conn *conn = mem_zalloc(&mt_conn, sizeof(*conn));

    if (conn == NULL)
        return NULL;
    conn->magic = CONN_MAGIC;
    conn->control = c;
    conn->bev = bufferevent_socket_new(c->admin->base, fd,
                                       BEV_OPT_CLOSE_ON_FREE);
    if (conn->bev == NULL) {
        mem_free(conn);
        return NULL;
    }
    bufferevent_setcb(conn->bev, on_read, on_written, on_event, conn);
    bufferevent_set_timeouts(conn->bev, &idle, &idle);
    c->conns_count++;
    cds_list_add_tail(&conn->node, &c->conns);
    return conn;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
          struct sockaddr *addr, int addr_bytes, void *arg)
{
    struct control *c = arg;
    struct conn *conn;

    OBJ_CHECK(c, CONTROL_MAGIC);
    if (!control_socket_peer_allowed(fd)) {
        refuse(fd, EACCES, "permission denied");
        return;
    }
    if (c->conns_count == CONTROL_CONNS_MAX) {
        refuse(fd, EBUSY, "too many connections");
        return;
    }
    conn = conn_new(c, fd);
    if (conn == NULL) {
        refuse(fd, ENOMEM, "out of memory");
        return;
    }
    if (bufferevent_enable(conn->bev, EV_READ | EV_WRITE) < 0)
        conn_free(conn);
}

/* Out of descriptors, for one: the waiting connection would wake us again at
 * once. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
    static const struct timeval pause = {.tv_sec = ACCEPT_PAUSE_SECS};
    struct control *c = arg;
    int err = errno;

    log_limited(LOG_LVL_WARNING, 1, "accept: %s", strerror(err));
    if (evconnlistener_disable(listener) == 0 &&
        event_add(c->resume, &pause) < 0)
        (void)evconnlistener_enable(listener);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct control *c = arg;

    if (evconnlistener_enable(c->listener) < 0)
        log_error("the control socket takes no connections any more");
}

/* --- start and stop --- */

static void
release(struct control *c)
{
    background_stop(&c->bg);
    if (c->resume != NULL)
        event_free(c->resume);
    if (c->listener != NULL)
        evconnlistener_free(c->listener);
    c->magic = 0;
    mem_free(c);
}

static int
start_listener(struct control *c, char err[CONTROL_ERROR_BYTES])
{
    int fd = control_socket_listen(c->path, &c->made, err);

    if (fd < 0)
        return fd;
    c->resume = evtimer_new(c->admin->base, on_resume, c);
    if (c->resume != NULL)
        c->listener = evconnlistener_new(
            c->admin->base, on_accept, c,
            LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (c->listener == NULL) {
        (void)close(fd);
        control_socket_remove(c->path, &c->made);
        (void)snprintf(err, CONTROL_ERROR_BYTES, "%s: out of memory", c->path);
        return -ENOMEM;
    }
    evconnlistener_set_error_cb(c->listener, on_accept_error);
    return 0;
}

int
control_start(struct control **out, struct admin *admin, struct statedump *sd,
              const char *path, char err[CONTROL_ERROR_BYTES])
{
    struct control *c = mem_zalloc(&mt_control, sizeof(*c));
    int ret;

    *out = NULL;
    if (c == NULL) {
        (void)snprintf(err, CONTROL_ERROR_BYTES, "out of memory");
        return -ENOMEM;
    }
    c->magic = CONTROL_MAGIC;
    c->admin = admin;
    c->sd = sd;
    CDS_INIT_LIST_HEAD(&c->conns);
    if (path == NULL) {
        control_socket_path(admin->dump_name, c->path);
    } else if (strlen(path) < sizeof(c->path)) {
        strcpy(c->path, path);
    } else {
        (void)snprintf(err, CONTROL_ERROR_BYTES,
                       "control socket: the path is longer than %zu bytes",
                       sizeof(c->path) - 1);
        release(c);
        return -ENAMETOOLONG;
    }
    ret = background_new(&c->bg, admin->base, "control");
    if (ret < 0)
        (void)snprintf(err, CONTROL_ERROR_BYTES, "control socket: %s",
                       strerror(-ret));
    else
        ret = start_listener(c, err);
    if (ret < 0) {
        release(c);
        return ret;
    }
    log_info("control socket at %s", c->path);
    *out = c;
    return 0;
}

void
control_stop(struct control **cp)
{
    struct control *c = *cp;
    struct conn *conn, *next;

    *cp = NULL;
    if (c == NULL)
        return;
    OBJ_CHECK(c, CONTROL_MAGIC);
    /* What runs is waited for and answered. */
    background_stop(&c->bg);
    cds_list_for_each_entry_safe(conn, next, &c->conns, node)
        conn_free(conn);
    must(c->conns_count == 0);
    control_socket_remove(c->path, &c->made);
    release(c);
}

const char *
control_path(const struct control *c)
{
    OBJ_CHECK(c, CONTROL_MAGIC);
    return c->path;
}
