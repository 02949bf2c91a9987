/* SPDX-License-Identifier: BSD-2-Clause */
/* The handshake program: SETVOLUME makes a connection a client's. */
#ifndef CLINKER_SERVER_FOP_HELLO_H
#define CLINKER_SERVER_FOP_HELLO_H

#include "rpc/program.h"

extern const struct rpc_program hello_program;

#endif
