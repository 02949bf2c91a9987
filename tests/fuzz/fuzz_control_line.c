/* SPDX-License-Identifier: BSD-2-Clause */
/* A line on the control socket; one that parses must say what it was taken
 * for.  The options file of statedumps rides along: it is text, too. */
#include "tests/fuzz/target.h"

#include <string.h>

#include "mem/must.h"
#include "server/admin/control_line.h"
#include "server/admin/control_text.h"
#include "server/admin/statedump_options.h"
#include "server/core/dump.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *line = (const char *)data;
    char err[CONTROL_ERROR_BYTES] = "";
    struct statedump_options options;
    struct control_request req;

    if (control_line_parse(&req, line, size, err) == 0) {
        const char *text = control_request_text(&req, "key");
        json_object *again = control_text(req.command);

        must(err[0] == '\0');
        must(size <= CONTROL_LINE_BYTES_MAX);
        must(strlen(req.command) < size);
        must(text == NULL || strlen(text) < size);
        /* It was valid UTF-8 and stays as it is. */
        must(strcmp(json_object_get_string(again), req.command) == 0);
        json_object_put(again);
        control_request_fini(&req);
    } else {
        must(err[0] != '\0' && req.root == NULL);
    }
    (void)statedump_options_parse(&options, line, size);
    must(options.parts != 0 && (options.parts & ~(unsigned)DUMP_ALL) == 0);
    must(options.path[0] == '\0' || options.path[0] == '/');
    must(memchr(options.path, '\0', sizeof(options.path)) != NULL);
    return 0;
}
