/* SPDX-License-Identifier: BSD-2-Clause */
/* One executable: the name it is called by picks the program. */
#include <string.h>

#include "cli/ctl.h"
#include "server/clinkerd.h"

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

int
main(int argc, char **argv)
{
    if (argc > 0 && strcmp(base_name(argv[0]), "clinkerctl") == 0)
        return clinkerctl_main(argc, argv);
    return clinkerd_main(argc, argv);
}
