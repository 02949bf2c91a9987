/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The health check: a file is written and read back every so often.
 *
 * Two threads.  The prober does the I/O and may hang in it; the watcher asks
 * for a probe, waits for the answer and judges it, and never touches the disk:
 *
 *     no answer in time    the disk is slow: a warning, another each time the
 *                          wait has doubled, and the brick goes on
 *     a passing error      (no space, no memory …) a warning when it changes
 *     any other error      asked again at once; twice in a row: the brick is
 *                          dead, and whoever wanted to know is told
 *
 * At the end a prober that hangs is left behind.  It owns what it uses, and
 * frees it should the disk ever answer.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

MEM_TYPE(mt_health, "server.posix", "health check");

enum {
    HEALTH_RANK = 56,
    FAILURES_MAX = 2, /* in a row */
    TEXT_BYTES = 26,  /* "YYYY-MM-DD HH:MM:SS +0000" and a NUL */
};

/* What the two threads share; freed by the last of them. */
struct prober {
    struct mutex mtx; /* rank 56 */
    struct cond cond;
    unsigned users;   /* [mtx] */
    bool stop;        /* [mtx] */
    bool wanted;      /* [mtx] a probe is to be made, or is being made */
    bool busy;        /* [mtx] it is being made */
    int error;        /* [mtx] of the last one: 0 or -errno */
    const char *step; /* [mtx] which failed; static text */
    int dot_fd;       /* the prober's own */
};

struct posix_health {
    struct prober *prober;
    pthread_t prober_thread, watcher_thread;
    char path[PATH_MAX + 32]; /* for messages */
    bool changed;             /* [prober->mtx] options have changed */
    void (*dead_fn)(void *arg, int error); /* [prober->mtx] */
    void *dead_arg;                        /* [prober->mtx] */
    bool dead;                             /* [prober->mtx] */
    uint64_t probes, slow, failures;       /* [prober->mtx] counts */
};

/* --- the prober --- */

static int
write_text(int dot_fd, const char *text, size_t bytes, const char **step)
{
    AUTO_CLOSE int fd = -1;
    ssize_t n;

    *step = "open";
    fd = posix_openat(dot_fd, "health_check", O_CREAT | O_WRONLY | O_TRUNC,
                      0644);
    if (fd < 0)
        return fd;
    *step = "write";
    n = pwrite(fd, text, bytes, 0);
    if (n < 0)
        return -errno;
    if ((size_t)n != bytes)
        return -ENOSPC;
    /* To the disk, and out of the cache: memory is not what is in doubt. */
    *step = "sync";
    if (fdatasync(fd) < 0)
        return -errno;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return 0;
}

static int
read_text(int dot_fd, const char *text, size_t bytes, const char **step)
{
    AUTO_CLOSE int fd = -1;
    char back[TEXT_BYTES + 1];
    ssize_t n;

    *step = "open to read";
    fd = posix_openat(dot_fd, "health_check", O_RDONLY, 0);
    if (fd < 0)
        return fd;
    *step = "read";
    n = pread(fd, back, sizeof(back), 0);
    if (n < 0)
        return -errno;
    *step = "compare";
    return (size_t)n == bytes && memcmp(back, text, bytes) == 0 ? 0 : -EIO;
}

static int
probe(int dot_fd, const char **step)
{
    char text[TEXT_BYTES];
    struct tm tm;
    time_t now = time(NULL);
    size_t bytes;
    int err;

    must(gmtime_r(&now, &tm) != NULL);
    bytes = strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S +0000", &tm);
    must(bytes > 0);
    err = write_text(dot_fd, text, bytes, step);
    return err < 0 ? err : read_text(dot_fd, text, bytes, step);
}

static void
prober_leave(struct prober *p)
{
    bool last;

    mutex_lock(&p->mtx);
    last = --p->users == 0;
    mutex_unlock(&p->mtx);
    if (!last)
        return;
    (void)close(p->dot_fd);
    cond_destroy(&p->cond);
    mutex_destroy(&p->mtx);
    mem_free(p);
}

static void *
prober_run(void *arg)
{
    struct prober *p = arg;

    (void)prctl(PR_SET_NAME, "healthio");
    mutex_lock(&p->mtx);
    while (!p->stop) {
        const char *step = "";
        int err;

        if (!p->wanted) {
            cond_wait(&p->cond, &p->mtx);
            continue;
        }
        p->busy = true;
        mutex_unlock(&p->mtx);
        err = probe(p->dot_fd, &step);
        mutex_lock(&p->mtx);
        p->busy = false;
        p->wanted = false;
        p->error = err;
        p->step = step;
        cond_broadcast(&p->cond);
    }
    mutex_unlock(&p->mtx);
    prober_leave(p);
    return NULL;
}

/* --- the watcher --- */

static bool
is_passing(int err)
{
    switch (-err) {
    case EAGAIN:
    case EINTR:
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return true;
    default:
        return false;
    }
}

static struct timespec
seconds_after(uint64_t start_ns, int64_t seconds)
{
    return clock_timespec(start_ns + (uint64_t)seconds * CLOCK_NS_PER_SEC);
}

/* Until the next probe is due; options may change meanwhile.  False: stop. */
static bool
wait_interval_locked(struct posix *px, struct posix_health *h)
{
    struct prober *p = h->prober;
    uint64_t start_ns = clock_ns();

    for (;;) {
        int64_t interval = options_number(px->options, OPT_HEALTH_INTERVAL);
        struct timespec until = seconds_after(start_ns, interval);

        h->changed = false;
        while (!p->stop && !h->changed) {
            if (interval == 0)
                cond_wait(&p->cond, &p->mtx);
            else if (!cond_wait_until(&p->cond, &p->mtx, &until))
                return !p->stop;
        }
        if (p->stop)
            return false;
    }
}

/* A probe and its answer, however long that takes.  False: stop. */
static bool
ask_locked(struct posix *px, struct posix_health *h)
{
    struct prober *p = h->prober;
    uint64_t start_ns = clock_ns();
    int64_t waited = 0;

    h->probes++;
    p->wanted = true;
    cond_broadcast(&p->cond);
    while (p->wanted && !p->stop) {
        int64_t timeout = options_number(px->options, OPT_HEALTH_TIMEOUT);
        int64_t next = waited > 0 ? waited * 2 : timeout;
        struct timespec until = seconds_after(start_ns, next);
        bool in_time = true;

        h->changed = false;
        while (p->wanted && !p->stop && !h->changed && in_time) {
            if (timeout == 0)
                cond_wait(&p->cond, &p->mtx);
            else
                in_time = cond_wait_until(&p->cond, &p->mtx, &until);
        }
        if (in_time)
            continue;
        waited = next;
        h->slow++;
        log_warning("health check of %s: slow, no answer for %" PRId64
                    " seconds",
                    h->path, waited);
    }
    if (p->stop)
        return false;
    if (waited > 0)
        log_notice("health check of %s: answered after %" PRIu64 " seconds",
                   h->path, (clock_ns() - start_ns) / CLOCK_NS_PER_SEC);
    return true;
}

static void
tell_locked(struct posix_health *h, int error)
{
    struct prober *p = h->prober;
    void (*fn)(void *arg, int error);
    void *arg;

    h->dead = true;
    /* Nobody may want to know just yet. */
    while (h->dead_fn == NULL && !p->stop)
        cond_wait(&p->cond, &p->mtx);
    fn = h->dead_fn;
    arg = h->dead_arg;
    if (p->stop)
        return;
    mutex_unlock(&p->mtx);
    fn(arg, error);
    mutex_lock(&p->mtx);
}

static void
watch_locked(struct posix *px, struct posix_health *h)
{
    struct prober *p = h->prober;
    int passing = 0;
    unsigned failed = 0;

    for (;;) {
        if (failed == 0 && !wait_interval_locked(px, h))
            return;
        if (!ask_locked(px, h))
            return;
        if (p->error == 0) {
            if (passing != 0 || failed > 0)
                log_notice("health check of %s: well again", h->path);
            passing = 0;
            failed = 0;
        } else if (is_passing(p->error)) {
            if (passing != p->error)
                log_warning("health check: %s %s: %s; going on", p->step,
                            h->path, strerror(-p->error));
            passing = p->error;
            failed = 0;
        } else {
            h->failures++;
            if (++failed >= FAILURES_MAX) {
                log_at(LOG_LVL_EMERG,
                       "health check failed: %s %s: %s (errno %d); the brick "
                       "is dead",
                       p->step, h->path,
                       strcmp(p->step, "compare") == 0
                           ? "the text read is not the text written"
                           : strerror(-p->error),
                       -p->error);
                tell_locked(h, p->error);
                return;
            }
        }
    }
}

static void *
watcher_run(void *arg)
{
    struct posix *px = arg;
    struct posix_health *h = px->health;
    struct prober *p = h->prober;

    (void)prctl(PR_SET_NAME, "health");
    /* Whoever is told may touch inodes. */
    urcu_memb_register_thread();
    mutex_lock(&p->mtx);
    watch_locked(px, h);
    mutex_unlock(&p->mtx);
    urcu_memb_unregister_thread();
    return NULL;
}

/* --- start and stop --- */

static struct prober *
prober_new(struct posix *px)
{
    struct prober *p = mem_zalloc(&mt_health, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->dot_fd = fcntl(px->dot_fd, F_DUPFD_CLOEXEC, 0);
    if (p->dot_fd < 0) {
        mem_free(p);
        return NULL;
    }
    p->users = 1;
    p->step = "";
    mutex_init(&p->mtx, "health check", HEALTH_RANK);
    cond_init(&p->cond);
    return p;
}

static void
prober_stop(struct posix_health *h)
{
    struct prober *p = h->prober;
    bool hangs;

    mutex_lock(&p->mtx);
    p->stop = true;
    hangs = p->busy;
    cond_broadcast(&p->cond);
    mutex_unlock(&p->mtx);
    if (hangs) {
        /* Or is just about to answer; who can tell. */
        must(pthread_detach(h->prober_thread) == 0);
    } else {
        must(pthread_join(h->prober_thread, NULL) == 0);
    }
}

int
posix_health_start(struct posix *px)
{
    struct posix_health *h = mem_zalloc(&mt_health, sizeof(*h));
    int err;

    if (h == NULL)
        return -ENOMEM;
    (void)snprintf(h->path, sizeof(h->path), "%s/.glusterfs/health_check",
                   px->directory);
    errno = ENOMEM;
    h->prober = prober_new(px);
    if (h->prober == NULL) {
        err = errno;
        goto fail_prober;
    }
    h->prober->users++;
    err = pthread_create(&h->prober_thread, NULL, prober_run, h->prober);
    if (err != 0) {
        h->prober->users--;
        goto fail_prober_thread;
    }
    px->health = h;
    err = pthread_create(&h->watcher_thread, NULL, watcher_run, px);
    if (err == 0)
        return 0;
    px->health = NULL;
    prober_stop(h);
fail_prober_thread:
    prober_leave(h->prober);
fail_prober:
    mem_free(h);
    return -err;
}

void
posix_health_stop(struct posix *px)
{
    struct posix_health *h = px->health;

    if (h == NULL)
        return;
    /* The watcher sees p->stop as well, and it never waits for the disk. */
    prober_stop(h);
    must(pthread_join(h->watcher_thread, NULL) == 0);
    px->health = NULL;
    prober_leave(h->prober);
    mem_free(h);
}

void
posix_health_on_dead(struct posix *px, void (*fn)(void *arg, int error),
                     void *arg)
{
    struct posix_health *h = px->health;

    MUTEX_SCOPE(&h->prober->mtx);
    h->dead_fn = fn;
    h->dead_arg = arg;
    cond_broadcast(&h->prober->cond);
}

void
posix_health_wake(struct posix *px)
{
    struct posix_health *h = px->health;

    MUTEX_SCOPE(&h->prober->mtx);
    h->changed = true;
    cond_broadcast(&h->prober->cond);
}

void
posix_health_dump(struct posix *px, struct dump *d)
{
    struct posix_health *h = px->health;
    uint64_t probes, slow, failures;
    const char *state;

    mutex_lock(&h->prober->mtx);
    probes = h->probes;
    slow = h->slow;
    failures = h->failures;
    state = h->dead ? "dead" : h->prober->busy ? "probing" : "idle";
    mutex_unlock(&h->prober->mtx);
    dump_line(d, "health_check.state", "%s", state);
    dump_line(d, "health_check.probes", "%" PRIu64, probes);
    dump_line(d, "health_check.slow", "%" PRIu64, slow);
    dump_line(d, "health_check.failures", "%" PRIu64, failures);
}
