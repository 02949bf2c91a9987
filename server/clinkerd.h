/* SPDX-License-Identifier: BSD-2-Clause */
/* The program clinkerd, also by the name of glusterfsd. */
#ifndef CLINKER_SERVER_CLINKERD_H
#define CLINKER_SERVER_CLINKERD_H

/* As main(): returns the exit status. */
int clinkerd_main(int argc, char **argv);

#endif
