/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Orders about locks that come as GETXATTR: `glusterfs.clrlk.ORDER` clears
 * locks, `glusterfs.intrlk.ORDER` interrupts the caller's own waiting ones.
 * `gluster volume clear-locks` prints the answer's text.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "server/fop/handlers.h"
#include "server/fop/locks.h"
#include "server/lock/clear.h"

#define CLEAR "glusterfs.clrlk."
#define INTERRUPT "glusterfs.intrlk."

static bool
begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
fop_is_clear(const char *name, bool by_fd)
{
    return begins(name, CLEAR) || (by_fd && begins(name, INTERRUPT));
}

static int
read_order(const struct call *c, const char *name, struct lk_clear *order)
{
    bool all = begins(name, CLEAR);
    int err = lk_clear_parse(name + strlen(all ? CLEAR : INTERRUPT), order);

    if (err != 0)
        return err;
    if (all)
        /* Others' locks are an administrator's business. */
        return c->caller.uid == 0 || caller_is_internal(&c->caller) ? 0
                                                                    : -EPERM;
    if (order->family != LK_FAMILY_POSIX || !order->blocked || order->granted)
        return -EINVAL;
    order->client = c->client;
    order->caller_pid = c->caller.pid;
    return 0;
}

int64_t
fop_clear(struct call *c, struct inode *inode, const char *name)
{
    struct lk_rules rules = lock_rules(c->brick->options);
    struct lk_cleared cleared;
    struct lk_clear order;
    const char *text = "No locks cleared.";
    int err = read_order(c, name, &order);

    if (err != 0)
        return err;
    lk_clear(inode, &order, &rules, &cleared);
    if (cleared.blocked > 0 || cleared.granted > 0)
        text = arena_printf(&c->arena,
                            "%s:%s/: %s blocked locks=%" PRIu32
                            " granted locks=%" PRIu32,
                            posix_hostname(c->brick->px),
                            posix_directory(c->brick->px),
                            lk_family_name(order.family), cleared.blocked,
                            cleared.granted);
    if (text == NULL)
        return -ENOMEM;
    return dict_set_str(&c->reply.dict, name, text);
}
