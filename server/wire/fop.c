/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/wire/fop.h"

const struct fop_def fop_table[FOP_PROCS] = {
#define FOP(proc_, number_, name_, class_, request_, result_, counts_, flags_) \
    [proc_] = {.name = #name_,                                                 \
               .proc = (proc_),                                                \
               .number = (number_),                                            \
               .class = IOT_##class_,                                          \
               .request = (request_),                                          \
               .result = (result_),                                            \
               .counts = FOP_COUNTS_##counts_,                                 \
               .flags = (flags_)},
#include "server/wire/fop_list.h"
#undef FOP
};
