/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop of `clinkerctl top`.  In a terminal it draws over itself, on the
 * second screen that terminals have, until q or a signal; whatever ends it,
 * the terminal is left as it was.
 */
#include "cli/ctl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/top.h"
#include "mem/clock.h"
#include "mem/must.h"

#define INTERVAL_NS (2 * CLOCK_NS_PER_SEC)
#define INTERVAL_SECONDS_MIN 0.1
#define INTERVAL_SECONDS_MAX 3600.0
enum { COUNT_MAX = 1000000 };

struct loop {
    struct ctl *ctl;
    uint64_t interval_ns;
    long count; /* 0: no end */
    bool screen; /* drawing in a terminal */
    struct termios saved;
    sigset_t before; /* what ppoll() lets through */
    json_object *older;
};

static volatile sig_atomic_t ended;

/* --- what was asked for --- */

static int
wrong(struct ctl *ctl, const char *flag, const char *value, const char *what)
{
    (void)fprintf(stderr, "%s: %s is %s, not '%s'\n", ctl->program, flag, what,
                  value);
    return CTL_USAGE;
}

static int
read_flags(struct loop *l)
{
    const char *interval = l->ctl->interval, *count = l->ctl->count;
    char *end;

    if (interval != NULL) {
        double s = strtod(interval, &end);

        /* Written so that no number at all fails too. */
        if (end == interval || *end != '\0' ||
            !(s >= INTERVAL_SECONDS_MIN && s <= INTERVAL_SECONDS_MAX))
            return wrong(l->ctl, "--interval", interval,
                         "from 0.1 to 3600 seconds");
        l->interval_ns = (uint64_t)(s * (double)CLOCK_NS_PER_SEC);
    }
    if (count != NULL) {
        errno = 0;
        l->count = strtol(count, &end, 10);
        if (errno != 0 || end == count || *end != '\0' || l->count < 1 ||
            l->count > COUNT_MAX)
            return wrong(l->ctl, "--count", count, "a number from 1 on");
    }
    return CTL_OK;
}

/* --- the terminal --- */

static void
on_signal(int number)
{
    ended = 1;
}

static void
on_resize(int number)
{
    (void)number; /* it is enough that ppoll() returns */
}

/* Signals are blocked but while it waits: none is lost before. */
static void
screen_begin(struct loop *l)
{
    struct sigaction end = {.sa_handler = on_signal};
    struct sigaction resize = {.sa_handler = on_resize};
    struct termios raw;
    sigset_t block;

    (void)sigemptyset(&block);
    (void)sigaddset(&block, SIGINT);
    (void)sigaddset(&block, SIGTERM);
    (void)sigaddset(&block, SIGHUP);
    (void)sigaddset(&block, SIGWINCH);
    must(sigprocmask(SIG_BLOCK, &block, &l->before) == 0);
    must(sigaction(SIGINT, &end, NULL) == 0);
    must(sigaction(SIGTERM, &end, NULL) == 0);
    must(sigaction(SIGHUP, &end, NULL) == 0);
    must(sigaction(SIGWINCH, &resize, NULL) == 0);
    raw = l->saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    /* The second screen, no cursor, long lines cut. */
    (void)fputs("\033[?1049h\033[?25l\033[?7l", stdout);
}

static void
screen_end(struct loop *l)
{
    if (!l->screen)
        return;
    l->screen = false;
    (void)fputs("\033[?7h\033[?25h\033[?1049l", stdout);
    (void)fflush(stdout);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &l->saved);
    must(sigprocmask(SIG_SETMASK, &l->before, NULL) == 0);
}

static unsigned
screen_rows(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
        return 24;
    return size.ws_row;
}

/* True: q, or the keyboard has gone. */
static bool
key_ends(void)
{
    char key;
    ssize_t n = read(STDIN_FILENO, &key, 1);

    if (n < 0)
        return errno != EINTR && errno != EAGAIN;
    return n == 0 || key == 'q' || key == 'Q';
}

/* True: go on. */
static bool
wait_next(struct loop *l)
{
    struct pollfd keys = {.fd = l->screen ? STDIN_FILENO : -1,
                          .events = POLLIN};
    uint64_t until = clock_ns() + l->interval_ns, now;

    while (!ended && (now = clock_ns()) < until) {
        struct timespec left = clock_timespec(until - now);
        int n = ppoll(&keys, 1, &left, l->screen ? &l->before : NULL);

        if (n < 0 && errno == EINTR)
            return !ended; /* another size: draw at once */
        if (n > 0 && key_ends())
            return false;
    }
    return !ended;
}

/* --- one look --- */

static void
show_nothing(struct ctl *ctl, json_object *reply)
{
}

static int
look(struct loop *l)
{
    json_object *request = ctl_request("top"), *reply;
    char err[CTL_ERROR_BYTES];
    int ret = ctl_fetch(l->ctl, request, &reply, err);

    json_object_put(request);
    if (ret < 0) {
        screen_end(l);
        return ctl_unreachable(l->ctl, err, ret);
    }
    if (l->ctl->json || !ctl_bool(reply, "ok")) {
        screen_end(l);
        return ctl_show(l->ctl, reply, show_nothing);
    }
    if (l->screen)
        (void)fputs("\033[H\033[2J", stdout);
    top_print(stdout, l->older, reply, l->screen ? screen_rows() - 1 : 0);
    json_object_put(l->older);
    l->older = reply;
    return CTL_OK;
}

int
cmd_top(struct ctl *ctl)
{
    struct loop l = {.ctl = ctl, .interval_ns = INTERVAL_NS};
    int code = read_flags(&l);

    if (code != CTL_OK)
        return code;
    ended = 0;
    l.screen = !ctl->json && isatty(STDOUT_FILENO) &&
               tcgetattr(STDIN_FILENO, &l.saved) == 0;
    if (!l.screen && l.count == 0)
        l.count = 1;
    if (l.screen)
        screen_begin(&l);
    for (long n = 1; code == CTL_OK; n++) {
        code = look(&l);
        (void)fflush(stdout);
        if (code != CTL_OK || ferror(stdout) || n == l.count || !wait_next(&l))
            break;
        if (!l.screen)
            (void)putchar('\n');
    }
    screen_end(&l);
    json_object_put(l.older);
    return code;
}
