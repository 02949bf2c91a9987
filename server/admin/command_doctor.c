/* SPDX-License-Identifier: BSD-2-Clause */
/* Gathers what the doctor wants to know, and tells what he says. */
#include "server/admin/control_command.h"

#include <errno.h>
#include <malloc.h>

#include "mem/alloc.h"
#include "mem/scope.h"
#include "server/admin/control_text.h"
#include "server/admin/memory_doctor.h"
#include "server/admin/memory_rows.h"
#include "server/admin/usage.h"

MEM_TYPE(mt_findings, "server.admin", "memory doctor");

enum { IOBUF_CLASSES_MAX = 64 };

static const char *const weight_name[] = {
    [DOCTOR_FINE] = "fine",
    [DOCTOR_NOTE] = "note",
    [DOCTOR_WARNING] = "warning",
};

static int
tell(struct control_call *call, const struct doctor_finding *findings,
     size_t count)
{
    json_object *list = control_add_list(call->reply, "findings"), *obj;

    for (size_t i = 0; i < count; i++) {
        obj = control_list_object(list);
        if (obj == NULL)
            return control_no_memory(call);
        control_add_text(obj, "weight", weight_name[findings[i].weight]);
        control_add_text(obj, "text", findings[i].text);
    }
    return 0;
}

static int
run_doctor(struct control_call *call)
{
    struct memory_balance balance;
    struct mem_limit_stats limit;
    struct iobuf_stats buffers[IOBUF_CLASSES_MAX];
    struct usage_faults faults;
    struct doctor_facts f = {.balance = &balance,
                             .limit = &limit,
                             .buffers = buffers,
                             .symbol = mem_trace_symbol};
    AUTO_FREE struct mem_type_stats *types = memory_rows_types(&f.types_count);
    AUTO_FREE struct mem_growth *growth = memory_rows_growth(&f.growth_count);
    AUTO_FREE struct mem_pool_stats *pools = memory_rows_pools(&f.pools_count);
    AUTO_FREE struct mem_trace_site *sites = memory_rows_sites(&f.sites_count);
    AUTO_FREE struct doctor_finding *findings =
        mem_calloc(&mt_findings, DOCTOR_FINDINGS_MAX, sizeof(*findings));

    if (types == NULL || growth == NULL || pools == NULL || sites == NULL ||
        findings == NULL)
        return control_no_memory(call);
    memory_balance_read(&balance);
    mem_limit_read(&limit);
    usage_faults_read(&faults);
    f.buffers_count = iobuf_read(buffers, IOBUF_CLASSES_MAX);
    f.types = types;
    f.growth = growth;
    f.pools = pools;
    f.sites = sites;
    f.libc_free_bytes = mallinfo2().fordblks;
    f.major_faults_per_s = faults.major_per_s;
    return tell(call, findings, memory_doctor(&f, findings));
}

int
command_memory_doctor(struct control_call *call)
{
    return control_run_later(call, run_doctor);
}
