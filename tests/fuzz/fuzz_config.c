/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration file; what is read can be put in force, and a refusal says
 * where and why. */
#include "tests/fuzz/target.h"

#include <string.h>

#include "mem/must.h"
#include "server/core/config_file.h"
#include "server/core/options_stage.h"

static void
check_in_force(struct options_stage *stage)
{
    struct options *o = options_new();
    char text[OPTION_VALUE_BYTES_MAX], err[OPTION_ERROR_BYTES];

    must(o != NULL);
    options_stage_commit(stage, o, false, NULL, NULL);
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const enum option_id id = (enum option_id)i;

        (void)options_text(o, id, text, sizeof(text));
        if (!options_is_default(o, id))
            must(options_check(option_def(id)->key, text, err) == 0);
    }
    options_free(&o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct options_stage *stage = options_stage_new();
    char err[OPTION_ERROR_BYTES] = "";
    int result;

    must(stage != NULL);
    result = config_parse(stage, (const char *)data, size, "fuzz", err);
    must(result <= 0);
    must((result == 0) == (err[0] == '\0'));
    if (result == 0)
        check_in_force(stage);
    else
        must(strncmp(err, "fuzz:", 5) == 0 && strchr(err, '\n') == NULL);
    options_stage_free(&stage);
    return 0;
}
