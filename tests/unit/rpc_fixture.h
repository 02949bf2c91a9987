/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A service with a program made for tests, and clients that speak to it over
 * real sockets on loopback.
 */
#ifndef CLINKER_TESTS_RPC_FIXTURE_H
#define CLINKER_TESTS_RPC_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/mutex.h"
#include "mem/pool.h"
#include "rpc/service.h"

enum { ECHO_PROGRAM = 0x20000001, ECHO_VERSION = 7 };

enum echo_proc {
    PROC_NONE,
    PROC_ECHO,   /* results: the arguments */
    PROC_WRITE,  /* u32 bytes of arguments, payload; results: their sums */
    PROC_HOLD,   /* answered by fixture_release() */
    PROC_PARK,   /* the same, not counted as outstanding */
    PROC_READ,   /* u32 n; results: u32 n and a payload of n bytes */
    PROC_TRUST,  /* lifts the bound on records; empty results */
    PROC_DROP,   /* no answer */
    PROC_CLOSE,  /* no answer, and the connection ends */
    PROC_NOTIFY, /* a one-way call first, then empty results */
    PROC_FAIL,   /* SYSTEM_ERR */
    PROC_COUNT,
};

enum { HELD_MAX = 4096, EVENTS_COUNT = RPC_ACCEPT_FAILED + 1 };

struct fixture {
    struct rpc_service *svc;
    struct rpc_listener *listener;
    struct mem_pool *pool;
    struct mutex mtx;
    struct cond changed;
    /* [mtx] */
    unsigned opened, closed, init, fini, threads;
    unsigned events[EVENTS_COUNT];
    struct rpc_request *held[HELD_MAX];
    unsigned held_count;
};

struct fixture *fixture_start(const struct rpc_service_params *params);
struct fixture *fixture_start_default(void);
/* Stops and destroys, and checks that nothing is left of it. */
void fixture_end(struct fixture *f);
/* Wait for *count (one of the fixture's) to reach n. */
void fixture_wait(struct fixture *f, const unsigned *count, unsigned n);
/* Take the held request with this xid out. */
struct rpc_request *fixture_take(struct fixture *f, uint32_t xid);
/* Answer it, from this thread, with its xid as results. */
void fixture_release(struct fixture *f, uint32_t xid);

/* Poll until the service's counters satisfy what. */
void wait_stats(struct fixture *f,
                bool (*what)(const struct rpc_service_stats *st, uint64_t n),
                uint64_t n);

int client_connect(struct fixture *f);
void client_send(int fd, const void *p, size_t bytes);
/* One call in one fragment. */
void client_call(int fd, uint32_t xid, uint32_t proc, const void *args,
                 size_t bytes);
/* The same into memory; returns its bytes. */
size_t client_call_bytes(uint8_t *out, uint32_t xid, uint32_t proc,
                         const void *args, size_t bytes);
/* A record, without its mark; returns its bytes. */
size_t client_record(int fd, uint8_t *out, size_t max);
/* An accepted, successful reply: its results; *xid is set. */
size_t client_results(int fd, uint32_t *xid, uint8_t *out, size_t max);
/* An accepted reply with this status. */
void client_expect_stat(int fd, uint32_t xid, uint32_t stat);
/* The connection works. */
void client_expect_alive(int fd);
/* The server has closed it. */
void client_expect_closed(int fd);

uint32_t get_be32(const uint8_t *p);
void put_be32(uint8_t *p, uint32_t v);
/* A byte that depends on where it is. */
void fill_pattern(uint8_t *p, size_t bytes, unsigned seed);
uint32_t sum_bytes(const uint8_t *p, size_t bytes);

#endif
