/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The load that tests/bench/brick puts on a brick through libgfapi.
 *
 * A few threads, each with a directory, a data file and file names of its own,
 * do one kind of operation until its number or its time is used up; then all
 * together go on to the next kind (gfapi_ops.c has them).  The client's volfile
 * has no caching translator, so every call reaches the brick.
 *
 * One line of JSON per kind on stdout.
 *
 * Memory is mapped, and nothing of mem/ but must() is linked: libgfapi's own
 * libraries have functions of the same names, and would call ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "mem/must.h"
#include "tests/bench/gfapi_ops.h"
#include "tests/bench/measure.h"
#include "tests/bench/select.h"
#include "tests/bench/step.h"

enum { THREADS_MAX = 256, DEPTH_MAX = 1024 };

struct load {
    const char *volfile, *log, *select;
    pid_t server;
    unsigned threads, depth;
    uint64_t ops;
    double seconds; /* 0: no limit */
    bool stepped;
    glfs_t *fs;
    glfs_object_t *root;
    pthread_barrier_t barrier;
};

struct thread {
    struct worker worker;
    struct load *load;
    pthread_t id;
};

/* Zeroed pages, never given back; NULL and errno. */
static void *
map_pages(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    return p;
}

/* --- workers --- */

static void *
worker_main(void *arg)
{
    struct thread *t = arg;

    /* Twice: everybody is here; the clocks are read. */
    (void)pthread_barrier_wait(&t->load->barrier);
    (void)pthread_barrier_wait(&t->load->barrier);
    gfapi_op_run(&t->worker);
    return NULL;
}

static int
worker_fill_data(struct worker *w, unsigned number)
{
    glfs_object_t *object;
    struct stat st;
    char name[NAME_BYTES];
    int rc = 0;

    snprintf(name, sizeof(name), "data-%u", number);
    object = glfs_h_creat_open(w->fs, w->root, name,
                               O_CREAT | O_EXCL | O_RDWR, 0644, &st, &w->data);
    if (object == NULL)
        return gfapi_failed();
    for (off_t at = 0; at < DATA_BYTES && rc == 0; at += LARGE_BYTES)
        rc = gfapi_check_count(glfs_pwrite(w->data, w->slots[0].buf,
                                           LARGE_BYTES, at, 0, NULL, NULL),
                               LARGE_BYTES);
    if (glfs_h_close(object) != 0 && rc == 0)
        rc = gfapi_failed();
    return rc;
}

static int
worker_init(struct worker *w, const struct load *load, unsigned number)
{
    struct stat st;
    char name[NAME_BYTES];
    uint8_t *bufs;

    w->fs = load->fs;
    w->root = load->root;
    w->random = UINT64_C(0x9e3779b97f4a7c15) * (number + 1);
    must(pthread_mutex_init(&w->mtx, NULL) == 0);
    must(pthread_cond_init(&w->freed, NULL) == 0);
    memset(w->buf, 'b', sizeof(w->buf));
    w->slots = map_pages(load->depth * sizeof(*w->slots));
    bufs = map_pages(load->depth * (size_t)LARGE_BYTES);
    if (w->slots == NULL || bufs == NULL)
        return -ENOMEM;
    memset(bufs, 'd', load->depth * (size_t)LARGE_BYTES);
    for (unsigned i = 0; i < load->depth; i++) {
        struct slot *slot = &w->slots[i];

        slot->worker = w;
        slot->buf = bufs + i * (size_t)LARGE_BYTES;
        slot->next = w->free_slots;
        w->free_slots = slot;
    }
    snprintf(name, sizeof(name), "dir-%u", number);
    w->dir = glfs_h_mkdir(load->fs, load->root, name, 0755, &st);
    if (w->dir == NULL)
        return gfapi_failed();
    return worker_fill_data(w, number);
}

/* Best effort: the brick is thrown away after us. */
static void
worker_fini(struct worker *w)
{
    if (w->fs == NULL)
        return;
    if (w->data != NULL)
        (void)glfs_close(w->data);
    for (uint64_t i = 0; i < w->handles_count; i++)
        (void)glfs_h_close(w->handles[i]);
    if (w->dir != NULL)
        (void)glfs_h_close(w->dir);
    must(pthread_cond_destroy(&w->freed) == 0);
    must(pthread_mutex_destroy(&w->mtx) == 0);
}

/* --- the run --- */

static uint64_t
quota_of(const struct load *load, const struct worker *w, unsigned number)
{
    uint64_t all = load->ops * w->op->scale;
    uint64_t share = all / load->threads + (number < all % load->threads);

    if (w->op->uses_up)
        return share < w->files ? share : w->files;
    return share;
}

static int
threads_run(struct load *load, struct thread *threads, struct measure *m)
{
    uint64_t deadline_ns = UINT64_MAX;
    int rc;

    /* A thread that cannot be made would leave the others at the barrier. */
    for (unsigned i = 0; i < load->threads; i++)
        must(pthread_create(&threads[i].id, NULL, worker_main,
                            &threads[i]) == 0);
    (void)pthread_barrier_wait(&load->barrier);
    rc = measure_start(m);
    if (load->seconds > 0)
        deadline_ns = m->wall_ns + (uint64_t)(load->seconds * 1e9);
    if (rc != 0)
        deadline_ns = 0;
    for (unsigned i = 0; i < load->threads; i++)
        threads[i].worker.deadline_ns = deadline_ns;
    (void)pthread_barrier_wait(&load->barrier);
    for (unsigned i = 0; i < load->threads; i++)
        must(pthread_join(threads[i].id, NULL) == 0);
    return rc != 0 ? rc : measure_stop(m);
}

static int
op_run(struct load *load, struct thread *threads, const struct op *op)
{
    struct measure m;
    uint64_t done = 0;
    int rc = load->stepped ? step_wait() : 0;

    if (rc == 0)
        rc = measure_init(&m, load->server);
    for (unsigned i = 0; i < load->threads && rc == 0; i++) {
        struct worker *w = &threads[i].worker;

        w->op = op;
        w->done = 0;
        w->quota = quota_of(load, w, i);
        if (op->by_handle)
            rc = gfapi_handles(w);
    }
    if (rc == 0)
        rc = threads_run(load, threads, &m);
    for (unsigned i = 0; i < load->threads; i++) {
        struct worker *w = &threads[i].worker;

        if (w->listing != NULL && glfs_closedir(w->listing) != 0 && rc == 0)
            rc = gfapi_failed();
        w->listing = NULL;
        if (rc == 0)
            rc = w->error;
        done += w->done;
    }
    if (rc != 0) {
        fprintf(stderr, "gfapi_load: %s: %s\n", op->name, strerror(-rc));
        return rc;
    }
    measure_print(stdout, &m, op->name, done);
    measure_print_end(stdout);
    return 0;
}

static int
run_all(struct load *load, struct thread *threads)
{
    int rc = 0;

    for (unsigned i = 0; i < load->threads && rc == 0; i++) {
        threads[i].load = load;
        rc = worker_init(&threads[i].worker, load, i);
        if (rc != 0)
            fprintf(stderr, "gfapi_load: preparing: %s\n", strerror(-rc));
    }
    if (rc == 0 && load->stepped)
        step_ready();
    for (size_t i = 0; i < gfapi_ops_count && rc == 0; i++)
        if (gfapi_ops[i].needed || is_selected(load->select, gfapi_ops[i].name))
            rc = op_run(load, threads, &gfapi_ops[i]);
    for (unsigned i = 0; i < load->threads; i++)
        worker_fini(&threads[i].worker);
    return rc;
}

static int
volume_open(struct load *load)
{
    struct stat st;

    load->fs = glfs_new("bench");
    if (load->fs == NULL)
        return gfapi_failed();
    if (glfs_set_volfile(load->fs, load->volfile) != 0 ||
        (load->log != NULL && glfs_set_logging(load->fs, load->log, 7) != 0) ||
        glfs_init(load->fs) != 0)
        return gfapi_failed();
    load->root = glfs_h_lookupat(load->fs, NULL, "/", &st, 0);
    return load->root != NULL ? 0 : gfapi_failed();
}

static int
load_run(struct load *load)
{
    struct thread *threads;
    int rc = volume_open(load);

    if (rc != 0) {
        fprintf(stderr, "gfapi_load: %s: %s\n", load->volfile, strerror(-rc));
        goto out_fs;
    }
    threads = map_pages(load->threads * sizeof(*threads));
    if (threads == NULL) {
        rc = -ENOMEM;
        goto out_root;
    }
    must(pthread_barrier_init(&load->barrier, NULL, load->threads + 1) == 0);
    rc = run_all(load, threads);
    must(pthread_barrier_destroy(&load->barrier) == 0);
out_root:
    (void)glfs_h_close(load->root);
out_fs:
    if (load->fs != NULL)
        (void)glfs_fini(load->fs);
    return rc;
}

/* --- command line --- */

static const char usage[] =
    "usage: gfapi_load --volfile FILE [OPTION]...\n"
    "Load a volume through libgfapi; print one line of JSON per operation.\n"
    "\n"
    "  --volfile FILE    the client's volume file\n"
    "  --log FILE        libgfapi's log\n"
    "  --server-pid PID  also measure the CPU time of this process\n"
    "  --ops N           operations of each kind (5000; cheap ones are done\n"
    "                    2 to 10 times as often)\n"
    "  --seconds S       end each kind after this time (no limit)\n"
    "  --threads N       threads (4)\n"
    "  --depth N         data calls in flight for each thread (8)\n"
    "  --select LIST     only these, separated by commas, and create\n"
    "  --stepped         say \"ready\" when prepared, and before each kind of\n"
    "                    operation await a line on stdin\n"
    "  --list            print their names\n"
    "  --help            print this text\n";

static bool
number_parse(const char *text, uint64_t max, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *text != '-' &&
           *out >= 1 && *out <= max;
}

static bool
seconds_parse(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out > 0 && *out < 1e6;
}

static void
list_ops(void)
{
    for (size_t i = 0; i < gfapi_ops_count; i++)
        puts(gfapi_ops[i].name);
}

/* false: the value is no good. */
static bool
option_set(struct load *load, int opt, const char *value)
{
    uint64_t n = 0;
    bool ok = true;

    switch (opt) {
    case 'v':
        load->volfile = value;
        break;
    case 'l':
        load->log = value;
        break;
    case 'e':
        load->select = value;
        break;
    case 'S':
        load->stepped = true;
        break;
    case 's':
        ok = seconds_parse(value, &load->seconds);
        break;
    case 'p':
        ok = number_parse(value, INT32_MAX, &n);
        load->server = (pid_t)n;
        break;
    case 'n':
        ok = number_parse(value, 100 * 1000 * 1000, &load->ops);
        break;
    case 't':
        ok = number_parse(value, THREADS_MAX, &n);
        load->threads = (unsigned)n;
        break;
    case 'd':
        ok = number_parse(value, DEPTH_MAX, &n);
        load->depth = (unsigned)n;
        break;
    default:
        ok = false;
    }
    return ok;
}

static const struct option options[] = {
    {"volfile", required_argument, NULL, 'v'},
    {"log", required_argument, NULL, 'l'},
    {"server-pid", required_argument, NULL, 'p'},
    {"ops", required_argument, NULL, 'n'},
    {"seconds", required_argument, NULL, 's'},
    {"threads", required_argument, NULL, 't'},
    {"depth", required_argument, NULL, 'd'},
    {"select", required_argument, NULL, 'e'},
    {"stepped", no_argument, NULL, 'S'},
    {"list", no_argument, NULL, 'L'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

int
main(int argc, char **argv)
{
    struct load load = {.threads = 4, .depth = 8, .ops = 5000};
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (opt == 'L') {
            list_ops();
            return 0;
        }
        if (opt == '?')
            return 2;
        if (!option_set(&load, opt, optarg)) {
            fprintf(stderr, "gfapi_load: bad value: %s\n", optarg);
            return 2;
        }
    }
    if (load.volfile == NULL || optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    if (load.ops < load.threads)
        load.ops = load.threads; /* each has a file to work on */
    return load_run(&load) == 0 ? 0 : 1;
}
