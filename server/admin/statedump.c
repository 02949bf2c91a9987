/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing statedumps, on a thread of its own.  A dump that a signal asked for
 * is a job, too: `signalled` is set until it begins, so that any number of
 * signals meanwhile ask for one more.
 *
 * Sections are written with no mutex held: each copies what it shows first, or
 * asks a table that hands its members out one by one.
 */
#include "server/admin/statedump.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "server/admin/background.h"
#include "server/admin/directory.h"
#include "server/admin/sections.h"
#include "server/admin/statedump_options.h"
#include "server/core/dump.h"
#define LOG_DOMAIN "statedump"
#include "server/core/log.h"

#define STATEDUMP_MAGIC 0x53444d50u

MEM_TYPE(mt_statedump, "server.admin", "statedump");

struct job {
    struct background_job base;
    struct statedump *sd;
    unsigned parts;
    void (*done)(void *arg, int err, const char *path);
    void *arg;
    int err;
    char path[PATH_MAX];
};

struct statedump {
    unsigned magic;
    struct admin *admin;
    struct background *bg;
    time_t last_epoch; /* the thread's: number of the last file */
    unsigned waiting;  /* jobs of commands; the main loop's */
    /* That of signals: its memory is had before there is a shortage. */
    struct job signal_job;
    bool signal_busy;            /* submitted; the main loop's */
    _Atomic(bool) signalled;     /* a dump is to begin after now */
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

/* --- jobs --- */

static void
run_job(struct background_job *base)
{
    struct job *job = container_of_member(base, struct job, base);

    job->err = write_one(job->sd, job->parts, job->path);
}

static void
job_done(struct background_job *base, bool ran)
{
    struct job *job = container_of_member(base, struct job, base);

    job->sd->waiting--;
    if (!ran)
        job->err = -ESHUTDOWN;
    job->done(job->arg, job->err, job->err < 0 ? NULL : job->path);
    mem_free(job);
}

static void
run_signalled(struct background_job *base)
{
    struct job *job = container_of_member(base, struct job, base);

    atomic_store(&job->sd->signalled, false);
    (void)write_one(job->sd, 0, job->path);
}

static void
submit_signalled(struct statedump *sd)
{
    int err;

    if (sd->signal_busy)
        return;
    err = background_submit(sd->bg, &sd->signal_job.base);
    sd->signal_busy = err == 0;
    if (err < 0)
        log_error("no statedump: %s", strerror(-err));
}

static void
signalled_done(struct background_job *base, bool ran)
{
    struct job *job = container_of_member(base, struct job, base);
    struct statedump *sd = job->sd;

    sd->signal_busy = false;
    if (ran && atomic_load(&sd->signalled))
        submit_signalled(sd);
}

/* --- the main loop's side --- */

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
    sd->signal_job.sd = sd;
    sd->signal_job.base.run = run_signalled;
    sd->signal_job.base.done = signalled_done;
    err = background_new(&sd->bg, admin->base, "glfs_sdump");
    if (err == 0)
        err = background_start(sd->bg);
    if (err < 0) {
        background_stop(&sd->bg);
        mem_free(sd);
        return err;
    }
    *out = sd;
    return 0;
}

void
statedump_stop(struct statedump **sdp)
{
    struct statedump *sd = *sdp;

    *sdp = NULL;
    if (sd == NULL)
        return;
    OBJ_CHECK(sd, STATEDUMP_MAGIC);
    /* Nothing is submitted from now on. */
    atomic_store(&sd->signalled, false);
    background_stop(&sd->bg);
    must(sd->waiting == 0);
    sd->magic = 0;
    mem_free(sd);
}

void
statedump_request(struct statedump *sd)
{
    OBJ_CHECK(sd, STATEDUMP_MAGIC);
    atomic_store(&sd->signalled, true);
    submit_signalled(sd);
}

int
statedump_write(struct statedump *sd, unsigned parts,
                void (*done)(void *arg, int err, const char *path), void *arg)
{
    struct job *job;
    int err;

    OBJ_CHECK(sd, STATEDUMP_MAGIC);
    if (sd->waiting == STATEDUMP_WAITING_MAX)
        return -EBUSY;
    job = mem_zalloc(&mt_statedump, sizeof(*job));
    if (job == NULL)
        return -ENOMEM;
    job->base.run = run_job;
    job->base.done = job_done;
    job->sd = sd;
    job->parts = parts;
    job->done = done;
    job->arg = arg;
    err = background_submit(sd->bg, &job->base);
    if (err < 0) {
        mem_free(job);
        return err;
    }
    sd->waiting++;
    return 0;
}
