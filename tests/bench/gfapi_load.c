/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The load that tests/bench/brick puts on a brick through libgfapi.
 *
 * A few threads, each with a directory, a data file and file names of its own,
 * do one kind of operation until its number or its time is used up; then all
 * together go on to the next kind.  Reads and writes of an open file are kept
 * in flight by the asynchronous calls, everything else is synchronous.  The
 * client's volfile has no caching translator, so every call reaches the brick.
 *
 * One line of JSON per kind on stdout.
 *
 * Memory is mapped, and nothing of mem/ but must() is linked: libgfapi's own
 * libraries have functions of the same names, and would call ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glusterfs/api/glfs-handles.h>
#include <glusterfs/api/glfs.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "mem/must.h"
#include "tests/bench/measure.h"
#include "tests/bench/step.h"

enum {
    SMALL_BYTES = 4096,
    LARGE_BYTES = 128 * 1024,
    DATA_BYTES = 16 * 1024 * 1024, /* a worker's data file */
    HANDLES_MAX = 256,             /* per worker, for calls by gfid */
    XATTR_BYTES = 64,
    NAME_BYTES = 32,
    THREADS_MAX = 256,
    DEPTH_MAX = 1024,
};

struct load {
    const char *volfile, *log, *select;
    pid_t server;
    unsigned threads, depth;
    uint64_t ops;
    double seconds; /* 0: no limit */
    bool stepped;
    glfs_t *fs;
    glfs_object_t *root;
    uint64_t deadline_ns;
    pthread_barrier_t barrier;
};

struct slot { /* one asynchronous call */
    struct worker *worker;
    struct slot *next;
    uint8_t *buf;
};

struct worker {
    struct load *load;
    const struct op *op;
    pthread_t thread;
    uint64_t quota, done;
    int error; /* of the first call that failed */
    uint64_t random;
    glfs_object_t *dir;
    glfs_fd_t *data;
    /* Files 0..unlinked are gone, unlinked..renamed have their new name. */
    uint64_t files, renamed, unlinked;
    glfs_object_t *handles[HANDLES_MAX];
    uint64_t handles_count;
    glfs_fd_t *listing;
    uint8_t buf[SMALL_BYTES];

    struct slot *slots;
    pthread_mutex_t mtx; /* guards what follows, and error during async calls */
    pthread_cond_t freed;
    struct slot *free_slots;
    unsigned busy;
};

struct op {
    const char *name;
    unsigned scale; /* how many for each of --ops: cheap ones need more */
    int (*run)(struct worker *w, uint64_t i); /* one; 0 or a negative errno */
    size_t block_bytes;                       /* asynchronous data */
    bool writes;
    bool by_handle;
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

static int
failed(void)
{
    return errno > 0 ? -errno : -EIO;
}

static void
file_name(char name[NAME_BYTES], uint64_t i, bool renamed)
{
    snprintf(name, NAME_BYTES, "%s%08" PRIu64, renamed ? "renamed-" : "file-",
             i);
}

/* A full count, or an error even where errno has none. */
static int
check_count(ssize_t got, size_t want)
{
    if (got < 0)
        return failed();
    return (size_t)got == want ? 0 : -EIO;
}

/* --- the kinds of operation --- */

static int
run_create(struct worker *w, uint64_t i)
{
    char name[NAME_BYTES];
    struct stat st;
    glfs_fd_t *fd = NULL;
    glfs_object_t *object;
    int rc;

    file_name(name, i, false);
    object = glfs_h_creat_open(w->load->fs, w->dir, name,
                               O_CREAT | O_EXCL | O_RDWR, 0644, &st, &fd);
    if (object == NULL)
        return failed();
    w->files = i + 1;
    rc = check_count(glfs_pwrite(fd, w->buf, SMALL_BYTES, 0, 0, NULL, NULL),
                     SMALL_BYTES);
    if (glfs_close(fd) != 0 && rc == 0)
        rc = failed();
    if (glfs_h_close(object) != 0 && rc == 0)
        rc = failed();
    return rc;
}

static int
run_lookup(struct worker *w, uint64_t i)
{
    char name[NAME_BYTES];
    struct stat st;
    glfs_object_t *object;

    file_name(name, i % w->files, false);
    object = glfs_h_lookupat(w->load->fs, w->dir, name, &st, 0);
    if (object == NULL)
        return failed();
    if (st.st_size != SMALL_BYTES) {
        (void)glfs_h_close(object);
        return -EIO;
    }
    return glfs_h_close(object) == 0 ? 0 : failed();
}

static int
run_stat(struct worker *w, uint64_t i)
{
    struct stat st;

    if (glfs_h_stat(w->load->fs, w->handles[i % w->handles_count], &st) != 0)
        return failed();
    return st.st_size == SMALL_BYTES ? 0 : -EIO;
}

static int
run_open_read(struct worker *w, uint64_t i)
{
    glfs_fd_t *fd;
    int rc;

    fd = glfs_h_open(w->load->fs, w->handles[i % w->handles_count], O_RDONLY);
    if (fd == NULL)
        return failed();
    rc = check_count(glfs_pread(fd, w->buf, SMALL_BYTES, 0, 0, NULL),
                     SMALL_BYTES);
    if (glfs_close(fd) != 0 && rc == 0)
        rc = failed();
    return rc;
}

/* One entry. */
static int
run_readdirp(struct worker *w, uint64_t i)
{
    struct stat st;
    union {
        struct dirent entry;
        char room[512]; /* what glfs.h asks for */
    } place;
    struct dirent *found = NULL;

    if (w->listing == NULL) {
        w->listing = glfs_h_opendir(w->load->fs, w->dir);
        if (w->listing == NULL)
            return failed();
    }
    if (glfs_readdirplus_r(w->listing, &st, &place.entry, &found) != 0)
        return failed();
    if (found != NULL)
        return 0;
    if (glfs_closedir(w->listing) != 0) {
        w->listing = NULL;
        return failed();
    }
    w->listing = NULL;
    /* The directory is never empty: this goes one level deep. */
    return run_readdirp(w, i);
}

static int
run_setxattr(struct worker *w, uint64_t i)
{
    return glfs_h_setxattrs(w->load->fs, w->handles[i % w->handles_count],
                            "user.bench", w->buf, XATTR_BYTES, 0) == 0
               ? 0
               : failed();
}

static int
run_getxattr(struct worker *w, uint64_t i)
{
    return check_count(glfs_h_getxattrs(w->load->fs,
                                        w->handles[i % w->handles_count],
                                        "user.bench", w->buf, SMALL_BYTES),
                       XATTR_BYTES);
}

static int
run_statfs(struct worker *w, uint64_t i)
{
    struct statvfs sv;

    return glfs_h_statfs(w->load->fs, w->load->root, &sv) == 0 ? 0 : failed();
}

static int
run_rename(struct worker *w, uint64_t i)
{
    char from[NAME_BYTES], to[NAME_BYTES];

    file_name(from, i, false);
    file_name(to, i, true);
    if (glfs_h_rename(w->load->fs, w->dir, from, w->dir, to) != 0)
        return failed();
    w->renamed = i + 1;
    return 0;
}

static int
run_unlink(struct worker *w, uint64_t i)
{
    char name[NAME_BYTES];

    file_name(name, i, i < w->renamed);
    if (glfs_h_unlink(w->load->fs, w->dir, name) != 0)
        return failed();
    w->unlinked = i + 1;
    return 0;
}

/* In the order in which they need each other. */
static const struct op ops[] = {
    {.name = "create", .scale = 1, .run = run_create},
    {.name = "lookup", .scale = 2, .run = run_lookup},
    {.name = "stat", .scale = 4, .run = run_stat, .by_handle = true},
    {.name = "open-read", .scale = 1, .run = run_open_read, .by_handle = true},
    {.name = "write-4k", .scale = 4, .block_bytes = SMALL_BYTES,
     .writes = true},
    {.name = "read-4k", .scale = 4, .block_bytes = SMALL_BYTES},
    {.name = "write-128k", .scale = 1, .block_bytes = LARGE_BYTES,
     .writes = true},
    {.name = "read-128k", .scale = 1, .block_bytes = LARGE_BYTES},
    {.name = "readdirp", .scale = 10, .run = run_readdirp},
    {.name = "setxattr", .scale = 2, .run = run_setxattr, .by_handle = true},
    {.name = "getxattr", .scale = 4, .run = run_getxattr, .by_handle = true},
    {.name = "statfs", .scale = 2, .run = run_statfs},
    {.name = "rename", .scale = 1, .run = run_rename},
    {.name = "unlink", .scale = 1, .run = run_unlink},
};

/* --- asynchronous data --- */

static uint64_t
random_next(uint64_t *state) /* xorshift64 */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void
slot_free_locked(struct slot *slot)
{
    slot->next = slot->worker->free_slots;
    slot->worker->free_slots = slot;
    slot->worker->busy--;
    must(pthread_cond_signal(&slot->worker->freed) == 0);
}

static void
on_data(glfs_fd_t *fd, ssize_t ret, struct glfs_stat *before,
        struct glfs_stat *after, void *data)
{
    struct slot *slot = data;
    struct worker *w = slot->worker;
    int rc = check_count(ret, w->op->block_bytes);

    must(pthread_mutex_lock(&w->mtx) == 0);
    if (rc == 0)
        w->done++;
    else if (w->error == 0)
        w->error = rc;
    slot_free_locked(slot);
    must(pthread_mutex_unlock(&w->mtx) == 0);
}

/* NULL once a call has failed. */
static struct slot *
slot_get(struct worker *w)
{
    struct slot *slot = NULL;

    must(pthread_mutex_lock(&w->mtx) == 0);
    while (w->free_slots == NULL && w->error == 0)
        must(pthread_cond_wait(&w->freed, &w->mtx) == 0);
    if (w->error == 0) {
        slot = w->free_slots;
        w->free_slots = slot->next;
        w->busy++;
    }
    must(pthread_mutex_unlock(&w->mtx) == 0);
    return slot;
}

static void
run_data(struct worker *w)
{
    const struct op *op = w->op;

    for (uint64_t i = 0; i < w->quota; i++) {
        struct slot *slot;
        off_t offset = (off_t)(random_next(&w->random) %
                               (DATA_BYTES / op->block_bytes) *
                               op->block_bytes);
        int rc;

        if (measure_now_ns() >= w->load->deadline_ns)
            break;
        slot = slot_get(w);
        if (slot == NULL)
            break;
        if (op->writes)
            rc = glfs_pwrite_async(w->data, slot->buf, (int)op->block_bytes,
                                   offset, 0, on_data, slot);
        else
            rc = glfs_pread_async(w->data, slot->buf, op->block_bytes, offset,
                                  0, on_data, slot);
        if (rc != 0) {
            rc = failed();
            must(pthread_mutex_lock(&w->mtx) == 0);
            w->error = rc;
            slot_free_locked(slot);
            must(pthread_mutex_unlock(&w->mtx) == 0);
        }
    }
    must(pthread_mutex_lock(&w->mtx) == 0);
    while (w->busy > 0)
        must(pthread_cond_wait(&w->freed, &w->mtx) == 0);
    must(pthread_mutex_unlock(&w->mtx) == 0);
}

/* --- workers --- */

static void
run_calls(struct worker *w)
{
    for (uint64_t i = 0; i < w->quota && w->error == 0; i++) {
        if (measure_now_ns() >= w->load->deadline_ns)
            break;
        w->error = w->op->run(w, i);
        if (w->error == 0)
            w->done++;
    }
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;

    /* Twice: everybody is here; the clocks are read. */
    (void)pthread_barrier_wait(&w->load->barrier);
    (void)pthread_barrier_wait(&w->load->barrier);
    if (w->op->block_bytes > 0)
        run_data(w);
    else
        run_calls(w);
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
    object = glfs_h_creat_open(w->load->fs, w->load->root, name,
                               O_CREAT | O_EXCL | O_RDWR, 0644, &st, &w->data);
    if (object == NULL)
        return failed();
    for (off_t at = 0; at < DATA_BYTES && rc == 0; at += LARGE_BYTES)
        rc = check_count(glfs_pwrite(w->data, w->slots[0].buf, LARGE_BYTES, at,
                                     0, NULL, NULL),
                         LARGE_BYTES);
    if (glfs_h_close(object) != 0 && rc == 0)
        rc = failed();
    return rc;
}

static int
worker_init(struct worker *w, struct load *load, unsigned number)
{
    struct stat st;
    char name[NAME_BYTES];
    uint8_t *bufs;

    w->load = load;
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
        return failed();
    return worker_fill_data(w, number);
}

/* Best effort: the brick is thrown away after us. */
static void
worker_fini(struct worker *w)
{
    if (w->load == NULL)
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

/* Unmeasured: handles for the calls by gfid, with their xattr in place. */
static int
worker_handles(struct worker *w)
{
    while (w->handles_count < HANDLES_MAX && w->handles_count < w->files) {
        char name[NAME_BYTES];
        struct stat st;
        uint64_t i = w->handles_count;
        int rc;

        file_name(name, i, false);
        w->handles[i] =
            glfs_h_lookupat(w->load->fs, w->dir, name, &st, 0);
        if (w->handles[i] == NULL)
            return failed();
        w->handles_count++;
        rc = run_setxattr(w, i);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* --- the run --- */

static uint64_t
quota_of(const struct load *load, const struct worker *w, unsigned number)
{
    uint64_t all = load->ops * w->op->scale;
    uint64_t share = all / load->threads + (number < all % load->threads);

    /* These use a file up. */
    if (w->op->run == run_rename || w->op->run == run_unlink)
        return share < w->files ? share : w->files;
    return share;
}

static int
threads_run(struct load *load, struct worker *workers, struct measure *m)
{
    int rc;

    /* A thread that cannot be made would leave the others at the barrier. */
    for (unsigned i = 0; i < load->threads; i++)
        must(pthread_create(&workers[i].thread, NULL, worker_main,
                            &workers[i]) == 0);
    (void)pthread_barrier_wait(&load->barrier);
    rc = measure_start(m);
    load->deadline_ns = UINT64_MAX;
    if (load->seconds > 0)
        load->deadline_ns = m->wall_ns + (uint64_t)(load->seconds * 1e9);
    if (rc != 0)
        load->deadline_ns = 0;
    (void)pthread_barrier_wait(&load->barrier);
    for (unsigned i = 0; i < load->threads; i++)
        must(pthread_join(workers[i].thread, NULL) == 0);
    return rc != 0 ? rc : measure_stop(m);
}

static int
op_run(struct load *load, struct worker *workers, const struct op *op)
{
    struct measure m;
    uint64_t done = 0;
    int rc = load->stepped ? step_wait() : 0;

    if (rc == 0)
        rc = measure_init(&m, load->server);
    for (unsigned i = 0; i < load->threads && rc == 0; i++) {
        struct worker *w = &workers[i];

        w->op = op;
        w->done = 0;
        w->quota = quota_of(load, w, i);
        if (op->by_handle)
            rc = worker_handles(w);
    }
    if (rc == 0)
        rc = threads_run(load, workers, &m);
    for (unsigned i = 0; i < load->threads; i++) {
        if (workers[i].listing != NULL && glfs_closedir(workers[i].listing) != 0
            && rc == 0)
            rc = failed();
        workers[i].listing = NULL;
        if (rc == 0)
            rc = workers[i].error;
        done += workers[i].done;
    }
    if (rc != 0) {
        fprintf(stderr, "gfapi_load: %s: %s\n", op->name, strerror(-rc));
        return rc;
    }
    measure_print(stdout, &m, op->name, done);
    measure_print_end(stdout);
    return 0;
}

static bool
selected(const struct load *load, const char *name)
{
    size_t bytes = strlen(name);

    for (const char *p = load->select; p != NULL; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, name, bytes) == 0 && (p[bytes] == ',' || !p[bytes]))
            return true;
    }
    return load->select == NULL;
}

static int
run_all(struct load *load, struct worker *workers)
{
    int rc = 0;

    for (unsigned i = 0; i < load->threads && rc == 0; i++) {
        rc = worker_init(&workers[i], load, i);
        if (rc != 0)
            fprintf(stderr, "gfapi_load: preparing: %s\n", strerror(-rc));
    }
    if (rc == 0 && load->stepped)
        step_ready();
    for (size_t i = 0; i < COUNT_OF(ops) && rc == 0; i++) {
        /* The others need its files. */
        if (ops[i].run == run_create || selected(load, ops[i].name))
            rc = op_run(load, workers, &ops[i]);
    }
    for (unsigned i = 0; i < load->threads; i++)
        worker_fini(&workers[i]);
    return rc;
}

static int
volume_open(struct load *load)
{
    struct stat st;

    load->fs = glfs_new("bench");
    if (load->fs == NULL)
        return failed();
    if (glfs_set_volfile(load->fs, load->volfile) != 0 ||
        (load->log != NULL && glfs_set_logging(load->fs, load->log, 7) != 0) ||
        glfs_init(load->fs) != 0)
        return failed();
    load->root = glfs_h_lookupat(load->fs, NULL, "/", &st, 0);
    return load->root != NULL ? 0 : failed();
}

static int
load_run(struct load *load)
{
    struct worker *workers;
    int rc = volume_open(load);

    if (rc != 0) {
        fprintf(stderr, "gfapi_load: %s: %s\n", load->volfile, strerror(-rc));
        goto out_fs;
    }
    workers = map_pages(load->threads * sizeof(*workers));
    if (workers == NULL) {
        rc = -ENOMEM;
        goto out_root;
    }
    must(pthread_barrier_init(&load->barrier, NULL, load->threads + 1) == 0);
    rc = run_all(load, workers);
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
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        puts(ops[i].name);
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
