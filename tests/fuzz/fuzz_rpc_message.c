/* SPDX-License-Identifier: BSD-2-Clause */
/* A message without its mark: header, then credential; and what is found out
 * from a part of a header must hold for the whole. */
#include "tests/fuzz/target.h"

#include <errno.h>

#include "mem/must.h"
#include "rpc/auth.h"
#include "rpc/message.h"

static void
check_cred(const struct message_call *call)
{
    struct rpc_cred cred;
    uint32_t sum = 0;

    if (rpc_cred_decode(&cred, call->cred_flavor, call->cred,
                        call->cred_bytes) != 0)
        return;
    must(cred.groups_count <= RPC_GROUPS_MAX);
    must(cred.lk_owner_bytes <= RPC_LK_OWNER_BYTES_MAX);
    for (uint32_t i = 0; i < cred.lk_owner_bytes; i++)
        sum += cred.lk_owner[i];
    for (uint32_t i = 0; i < cred.groups_count; i++)
        sum += cred.groups[i];
    __asm__ volatile("" : : "r"(sum)); /* the reads are the test */
}

static void
check_head(const struct message_call *call, const uint8_t *data)
{
    size_t need;

    for (size_t avail = 0; avail < call->head_bytes; avail += 4) {
        must(message_call_head_bytes(data, avail, &need) == -EAGAIN);
        must(need > avail && need <= call->head_bytes);
    }
    must(message_call_head_bytes(data, call->head_bytes, &need) == 0);
    must(need == call->head_bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_call call;
    int type = message_type(data, size);

    if (type == MESSAGE_REPLY) {
        (void)message_check_reply(data, size);
    } else if (type == MESSAGE_CALL &&
               message_decode_call(&call, data, size) == 0) {
        must(call.head_bytes <= size);
        must(call.cred_bytes <= RPC_CRED_BYTES_MAX);
        check_head(&call, data);
        check_cred(&call);
    }
    return 0;
}
