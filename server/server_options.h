/* SPDX-License-Identifier: BSD-2-Clause */
/* Options as the lower layers want them, and their changes while running. */
#ifndef CLINKER_SERVER_SERVER_OPTIONS_H
#define CLINKER_SERVER_SERVER_OPTIONS_H

#include "server/fop/brick.h"

struct iot_limits server_iot_limits(const struct options *o);
struct rpc_service_params server_rpc_params(const struct options *o);
/* bind points into the options. */
struct rpc_listen_params server_listen_params(const struct options *o);
/* An option has changed: hand it to whom it concerns. */
void server_option_changed(struct brick *brick, enum option_id id);

#endif
