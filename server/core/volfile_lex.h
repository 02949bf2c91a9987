/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of a volfile.  Private to core/. */
#ifndef CLINKER_SERVER_CORE_VOLFILE_LEX_H
#define CLINKER_SERVER_CORE_VOLFILE_LEX_H

#include <stdbool.h>
#include <stddef.h>

enum { VOLFILE_WORD_BYTES_MAX = 16384 }; /* with the NUL */

struct volfile_lex {
    const char *pos, *end;
    unsigned line; /* of pos */
    /* The word read last. */
    bool at_end;   /* there was none */
    bool quoted;   /* never a keyword */
    unsigned word_line;
    size_t word_bytes;
    char word[VOLFILE_WORD_BYTES_MAX]; /* NUL-terminated, no NUL in it */
};

void volfile_lex_init(struct volfile_lex *lex, const char *text, size_t bytes);
/* Reads the next word; NULL, or what is wrong (static text). */
const char *volfile_lex_next(struct volfile_lex *lex);

#endif
