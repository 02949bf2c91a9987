/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread that writes statedumps.
 *
 *   signal   sets `signalled`, which the thread clears as it begins: one dump
 *            more for any number of signals during the one being written
 *   command  is a job on `waiting`; the thread moves it to `done` and rings
 *            `bell`, and the main loop tells whoever asked
 *
 * Sections are written with no mutex held: each copies what it shows first, or
 * asks a table that hands its members out one by one.
 */
#include "server/admin/statedump.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <urcu/list.h>
#include <urcu/urcu-memb.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/admin/directory.h"
#include "server/admin/ranks.h"
#include "server/admin/sections.h"
#include "server/admin/statedump_options.h"
#include "server/core/dump.h"
#define LOG_DOMAIN "statedump"
#include "server/core/log.h"

#define STATEDUMP_MAGIC 0x53444d50u

MEM_TYPE(mt_statedump, "server.admin", "statedump");

struct job {
    struct cds_list_head node; /* [mtx] on waiting, then on done */
    unsigned parts;
    void (*done)(void *arg, int err, const char *path);
    void *arg;
    int err;
    char path[PATH_MAX];
};

struct statedump {
    unsigned magic;
    struct admin *admin;
    pthread_t thread;
    int bell; /* eventfd: rung when a job is done */
    struct event *bell_event;
    time_t last_epoch; /* the thread's: number of the last file */

    struct mutex mtx;
    struct cond wake;
    bool stop;                    /* [mtx] */
    bool signalled;               /* [mtx] */
    uint32_t waiting_count;       /* [mtx] */
    struct cds_list_head waiting; /* [mtx] */
    struct cds_list_head done;    /* [mtx] */
};

/* --- one dump --- */

/* Dumps of one second get numbers of the seconds that follow: no file is ever
 * written over. */
static int
choose_name(struct statedump *sd, const char *dir, char *name, size_t bytes)
{
    time_t epoch = time(NULL);
    char path[PATH_MAX];
    struct stat st;
    int n;

    if (epoch <= sd->last_epoch)
        epoch = sd->last_epoch + 1;
    for (;; epoch++) {
        n = snprintf(name, bytes, "%s.%d.dump.%lld",
                     sd->admin->dump_name != NULL ? sd->admin->dump_name
                                                  : "glusterdump",
                     (int)getpid(), (long long)epoch);
        if (n < 0 || (size_t)n >= bytes || n > NAME_MAX)
            return -ENAMETOOLONG;
        n = snprintf(path, sizeof(path), "%s/%s", dir, name);
        if (n < 0 || (size_t)n >= sizeof(path))
            return -ENAMETOOLONG;
        if (lstat(path, &st) < 0)
            break;
    }
    if (errno != ENOENT)
        return -errno;
    sd->last_epoch = epoch;
    return 0;
}

static void
choose_directory(struct statedump *sd, const struct statedump_options *o,
                 char dir[PATH_MAX])
{
    if (o->path[0] != '\0')
        memcpy(dir, o->path, PATH_MAX);
    else
        (void)options_text(sd->admin->brick->options, OPT_STATEDUMP_PATH, dir,
                           PATH_MAX);
    if (strcmp(dir, STATEDUMPDIR) == 0) {
        int err = directory_make(dir);

        if (err < 0)
            log_warning("%s cannot be made: %s", dir, strerror(-err));
    }
}

static int
write_one(struct statedump *sd, unsigned parts, char path[PATH_MAX])
{
    struct admin *admin = sd->admin;
    struct statedump_options o;
    char dir[PATH_MAX], name[NAME_MAX + 1];
    struct dump *d;
    int err = statedump_options_read(&o, STATEDUMPDIR, getpid());

    if (err < 0)
        log_warning("the options file in %s is not used: %s", STATEDUMPDIR,
                    strerror(-err));
    choose_directory(sd, &o, dir);
    err = dump_begin(&d, dir, parts != 0 ? parts : o.parts,
                     options_bool(admin->brick->options, OPT_LOG_LOCALTIME));
    if (err < 0) {
        log_error("no statedump in %s: %s", dir, strerror(-err));
        return err;
    }
    sections_write(d, admin);
    err = choose_name(sd, dir, name, sizeof(name));
    if (err < 0)
        name[0] = '\0'; /* which dump_end() takes as "no file" */
    if (err < 0)
        (void)dump_end(&d, name, NULL, 0);
    else
        err = dump_end(&d, name, path, PATH_MAX);
    if (err < 0)
        log_error("no statedump in %s: %s", dir, strerror(-err));
    else
        log_info("statedump written to %s", path);
    return err;
}

/* --- the thread --- */

static void
ring(struct statedump *sd)
{
    uint64_t one = 1;
    ssize_t n;

    do
        n = write(sd->bell, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
    must(n == (ssize_t)sizeof(one) || errno == EAGAIN);
}

/* The next thing to write: true with *job (NULL: for a signal), false when the
 * thread is to end. */
static bool
next_job(struct statedump *sd, struct job **job)
{
    MUTEX_SCOPE(&sd->mtx);
    while (!sd->stop && !sd->signalled && cds_list_empty(&sd->waiting))
        cond_wait(&sd->wake, &sd->mtx);
    if (sd->stop)
        return false;
    *job = NULL;
    if (sd->signalled) {
        sd->signalled = false;
        return true;
    }
    *job = cds_list_first_entry(&sd->waiting, struct job, node);
    cds_list_del(&(*job)->node);
    sd->waiting_count--;
    return true;
}

static void *
thread_run(void *arg)
{
    struct statedump *sd = arg;
    char path[PATH_MAX];
    struct job *job;

    urcu_memb_register_thread();
    while (next_job(sd, &job)) {
        if (job == NULL) {
            (void)write_one(sd, 0, path);
            continue;
        }
        job->err = write_one(sd, job->parts, job->path);
        mutex_lock(&sd->mtx);
        cds_list_add_tail(&job->node, &sd->done);
        mutex_unlock(&sd->mtx);
        ring(sd);
    }
    urcu_memb_unregister_thread();
    return NULL;
}

/* --- the main loop's side --- */

static struct job *
take_first(struct statedump *sd, struct cds_list_head *list)
{
    struct job *job;

    MUTEX_SCOPE(&sd->mtx);
    if (cds_list_empty(list))
        return NULL;
    job = cds_list_first_entry(list, struct job, node);
    cds_list_del(&job->node);
    return job;
}

static void
tell(struct job *job)
{
    job->done(job->arg, job->err, job->err < 0 ? NULL : job->path);
    mem_free(job);
}

static void
on_bell(evutil_socket_t fd, short what, void *arg)
{
    struct statedump *sd = arg;
    struct job *job;
    uint64_t count;

    OBJ_CHECK(sd, STATEDUMP_MAGIC);
    /* Empty is fine: the list says what there is to do. */
    if (read(fd, &count, sizeof(count)) < 0)
        must(errno == EAGAIN || errno == EINTR);
    while ((job = take_first(sd, &sd->done)) != NULL)
        tell(job);
}

/* Signals are the main loop's. */
static int
start_thread(struct statedump *sd)
{
    sigset_t all, old;
    int err;

    (void)sigfillset(&all);
    must(pthread_sigmask(SIG_SETMASK, &all, &old) == 0);
    err = pthread_create(&sd->thread, NULL, thread_run, sd);
    must(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
    if (err != 0)
        return -err;
    (void)pthread_setname_np(sd->thread, "glfs_sdump");
    return 0;
}

static void
release(struct statedump *sd)
{
    if (sd->bell_event != NULL)
        event_free(sd->bell_event);
    if (sd->bell >= 0)
        (void)close(sd->bell);
    cond_destroy(&sd->wake);
    mutex_destroy(&sd->mtx);
    sd->magic = 0;
    mem_free(sd);
}

int
statedump_start(struct statedump **out, struct admin *admin)
{
    struct statedump *sd = mem_zalloc(&mt_statedump, sizeof(*sd));
    int err;

    *out = NULL;
    if (sd == NULL)
        return -ENOMEM;
    sd->magic = STATEDUMP_MAGIC;
    sd->admin = admin;
    mutex_init(&sd->mtx, "server.statedump", ADMIN_RANK_STATEDUMP);
    cond_init(&sd->wake);
    CDS_INIT_LIST_HEAD(&sd->waiting);
    CDS_INIT_LIST_HEAD(&sd->done);
    sd->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    err = sd->bell < 0 ? -errno : 0;
    if (err == 0) {
        sd->bell_event = event_new(admin->base, sd->bell, EV_READ | EV_PERSIST,
                                   on_bell, sd);
        if (sd->bell_event == NULL || event_add(sd->bell_event, NULL) < 0)
            err = -ENOMEM;
    }
    if (err == 0)
        err = start_thread(sd);
    if (err < 0) {
        release(sd);
        return err;
    }
    *out = sd;
    return 0;
}

void
statedump_stop(struct statedump **sdp)
{
    struct statedump *sd = *sdp;
    struct job *job;

    *sdp = NULL;
    if (sd == NULL)
        return;
    OBJ_CHECK(sd, STATEDUMP_MAGIC);
    mutex_lock(&sd->mtx);
    sd->stop = true;
    cond_signal(&sd->wake);
    mutex_unlock(&sd->mtx);
    must(pthread_join(sd->thread, NULL) == 0);
    while ((job = take_first(sd, &sd->done)) != NULL)
        tell(job);
    while ((job = take_first(sd, &sd->waiting)) != NULL) {
        job->err = -ESHUTDOWN;
        tell(job);
    }
    release(sd);
}

void
statedump_request(struct statedump *sd)
{
    OBJ_CHECK(sd, STATEDUMP_MAGIC);
    MUTEX_SCOPE(&sd->mtx);
    sd->signalled = true;
    cond_signal(&sd->wake);
}

int
statedump_write(struct statedump *sd, unsigned parts,
                void (*done)(void *arg, int err, const char *path), void *arg)
{
    struct job *job;

    OBJ_CHECK(sd, STATEDUMP_MAGIC);
    job = mem_alloc(&mt_statedump, sizeof(*job));
    if (job == NULL)
        return -ENOMEM;
    job->parts = parts;
    job->done = done;
    job->arg = arg;
    job->err = 0;
    MUTEX_SCOPE(&sd->mtx);
    if (sd->waiting_count == STATEDUMP_WAITING_MAX) {
        mem_free(job);
        return -EBUSY;
    }
    sd->waiting_count++;
    cds_list_add_tail(&job->node, &sd->waiting);
    cond_signal(&sd->wake);
    return 0;
}
