/* SPDX-License-Identifier: BSD-2-Clause */
/* Lock counts that a request asks for in its xdata, answered in the reply's. */
#ifndef CLINKER_SERVER_FOP_LOCK_COUNTS_H
#define CLINKER_SERVER_FOP_LOCK_COUNTS_H

#include "server/fop/call.h"

/* Of a successful reply, by the operation's column in fop_list.h.  0, -ENOMEM,
 * -E2BIG. */
int lock_counts_answer(struct call *c);
/* Whether a request asks for any. */
bool lock_counts_are_asked(const struct call *c);
/* Of an entry of READDIRP, into its dictionary. */
int lock_counts_entry(struct call *c, const char *name,
                      const struct gfid *gfid, struct dict *xdata);

#endif
