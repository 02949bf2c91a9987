/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A job is on `waiting`, then with the thread, then on `finished`; the thread
 * rings `bell`, and the main loop calls done().
 */
#include "server/admin/background.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/admin/ranks.h"

#define BACKGROUND_MAGIC 0x4241434bu

MEM_TYPE(mt_background, "server.admin", "background");

struct background {
    unsigned magic;
    const char *name;
    bool started; /* the main loop's: there is a thread */
    pthread_t thread;
    int bell; /* eventfd */
    struct event *bell_event;

    struct mutex mtx;
    struct cond wake;
    bool stop;                     /* [mtx] */
    unsigned waiting_count;        /* [mtx] */
    struct cds_list_head waiting;  /* [mtx] */
    struct cds_list_head finished; /* [mtx] */
};

static struct background_job *
first_locked(struct cds_list_head *list)
{
    struct background_job *job;

    if (cds_list_empty(list))
        return NULL;
    job = cds_list_first_entry(list, struct background_job, node);
    cds_list_del(&job->node);
    return job;
}

/* --- the thread --- */

static void
ring(struct background *bg)
{
    uint64_t one = 1;
    ssize_t n;

    do
        n = write(bg->bell, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
    must(n == (ssize_t)sizeof(one) || errno == EAGAIN);
}

/* NULL: the thread is to end. */
static struct background_job *
next_job(struct background *bg)
{
    MUTEX_SCOPE(&bg->mtx);
    while (!bg->stop && cds_list_empty(&bg->waiting))
        cond_wait(&bg->wake, &bg->mtx);
    if (bg->stop)
        return NULL;
    bg->waiting_count--;
    return first_locked(&bg->waiting);
}

static void *
thread_run(void *arg)
{
    struct background *bg = arg;
    struct background_job *job;

    urcu_memb_register_thread();
    while ((job = next_job(bg)) != NULL) {
        job->run(job);
        mutex_lock(&bg->mtx);
        cds_list_add_tail(&job->node, &bg->finished);
        mutex_unlock(&bg->mtx);
        ring(bg);
    }
    urcu_memb_unregister_thread();
    return NULL;
}

/* --- the main loop's side --- */

static void
tell(struct background *bg, struct cds_list_head *list, bool ran)
{
    struct background_job *job;

    for (;;) {
        mutex_lock(&bg->mtx);
        job = first_locked(list);
        mutex_unlock(&bg->mtx);
        if (job == NULL)
            return;
        job->done(job, ran);
    }
}

static void
on_bell(evutil_socket_t fd, short what, void *arg)
{
    struct background *bg = arg;
    uint64_t count;

    OBJ_CHECK(bg, BACKGROUND_MAGIC);
    /* Empty is fine: the list says what there is to do. */
    if (read(fd, &count, sizeof(count)) < 0)
        must(errno == EAGAIN || errno == EINTR);
    tell(bg, &bg->finished, true);
}

static void
release(struct background *bg)
{
    if (bg->bell_event != NULL)
        event_free(bg->bell_event);
    if (bg->bell >= 0)
        (void)close(bg->bell);
    cond_destroy(&bg->wake);
    mutex_destroy(&bg->mtx);
    bg->magic = 0;
    mem_free(bg);
}

int
background_start(struct background *bg)
{
    sigset_t all, old;
    int err;

    OBJ_CHECK(bg, BACKGROUND_MAGIC);
    if (bg->started)
        return 0;
    /* Signals are the main loop's. */
    (void)sigfillset(&all);
    must(pthread_sigmask(SIG_SETMASK, &all, &old) == 0);
    err = pthread_create(&bg->thread, NULL, thread_run, bg);
    must(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
    if (err != 0)
        return -err;
    (void)pthread_setname_np(bg->thread, bg->name);
    bg->started = true;
    return 0;
}

int
background_new(struct background **out, struct event_base *base,
               const char *name)
{
    struct background *bg = mem_zalloc(&mt_background, sizeof(*bg));
    int err;

    *out = NULL;
    if (bg == NULL)
        return -ENOMEM;
    bg->magic = BACKGROUND_MAGIC;
    bg->name = name;
    mutex_init(&bg->mtx, "server.background", ADMIN_RANK_BACKGROUND);
    cond_init(&bg->wake);
    CDS_INIT_LIST_HEAD(&bg->waiting);
    CDS_INIT_LIST_HEAD(&bg->finished);
    bg->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    err = bg->bell < 0 ? -errno : 0;
    if (err == 0) {
        bg->bell_event =
            event_new(base, bg->bell, EV_READ | EV_PERSIST, on_bell, bg);
        if (bg->bell_event == NULL || event_add(bg->bell_event, NULL) < 0)
            err = -ENOMEM;
    }
    if (err < 0) {
        release(bg);
        return err;
    }
    *out = bg;
    return 0;
}

void
background_stop(struct background **bgp)
{
    struct background *bg = *bgp;

    *bgp = NULL;
    if (bg == NULL)
        return;
    OBJ_CHECK(bg, BACKGROUND_MAGIC);
    mutex_lock(&bg->mtx);
    bg->stop = true;
    cond_signal(&bg->wake);
    mutex_unlock(&bg->mtx);
    if (bg->started)
        must(pthread_join(bg->thread, NULL) == 0);
    tell(bg, &bg->finished, true);
    tell(bg, &bg->waiting, false);
    release(bg);
}

int
background_submit(struct background *bg, struct background_job *job)
{
    int err;

    err = background_start(bg);
    if (err < 0)
        return err;
    MUTEX_SCOPE(&bg->mtx);
    if (bg->waiting_count == BACKGROUND_WAITING_MAX)
        return -EBUSY;
    bg->waiting_count++;
    cds_list_add_tail(&job->node, &bg->waiting);
    cond_signal(&bg->wake);
    return 0;
}
