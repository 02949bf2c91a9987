/* SPDX-License-Identifier: BSD-2-Clause */
/* See thread.h. */
#include "iothreads/thread.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "mem/must.h"

int
iot_thread_start(void *(*body)(void *arg), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, saved;
    int err;

    err = pthread_attr_init(&attr);
    if (err != 0)
        return -err;
    must(pthread_attr_setstacksize(&attr, IOT_STACK_BYTES) == 0);

    /* A thread inherits the mask: blocked here, so that there is no moment in
     * which a signal could reach it. */
    must(sigfillset(&all) == 0);
    must(pthread_sigmask(SIG_SETMASK, &all, &saved) == 0);
    err = pthread_create(&thread, &attr, body, arg);
    must(pthread_sigmask(SIG_SETMASK, &saved, NULL) == 0);

    must(pthread_attr_destroy(&attr) == 0);
    return -err;
}

void
iot_thread_set_name(const char *name)
{
    must(strlen(name) < 16);
    /* Only for the eyes of ps and top: no harm where it cannot be set. */
    (void)pthread_setname_np(pthread_self(), name);
}
