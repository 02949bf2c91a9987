/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From text to words.  Blanks and line ends separate; '#' at the start of a
 * word begins a comment; quotes keep blanks, and in them a backslash takes the
 * next character as it is.  A backtick would run a command on the peer: here
 * it is an error, wherever a word could hold one.
 */
#include "server/core/volfile_lex.h"

#include <string.h>

void
volfile_lex_init(struct volfile_lex *lex, const char *text, size_t bytes)
{
    memset(lex, 0, sizeof(*lex));
    lex->pos = text;
    lex->end = text + bytes;
    lex->line = 1;
    lex->word_line = 1;
}

static void
skip_blanks_and_comments(struct volfile_lex *lex)
{
    bool comment = false;

    for (; lex->pos < lex->end; lex->pos++) {
        switch (*lex->pos) {
        case '\n':
            lex->line++;
            comment = false;
            break;
        case ' ':
        case '\t':
        case '\r':
            break;
        case '#':
            comment = true;
            break;
        default:
            if (!comment)
                return;
        }
    }
}

/* Add a byte of a word. */
static const char *
take(struct volfile_lex *lex, char c)
{
    unsigned char u = (unsigned char)c;

    if (c == '`')
        return "backticks are not supported";
    if (u < 0x20 || u == 0x7f)
        return "there is a control character in the word";
    if (lex->word_bytes + 1 >= sizeof(lex->word))
        return "the word is too long";
    lex->word[lex->word_bytes++] = c;
    return NULL;
}

static const char *
read_quoted(struct volfile_lex *lex)
{
    const char *wrong;

    lex->quoted = true;
    for (lex->pos++; lex->pos < lex->end; lex->pos++) {
        if (*lex->pos == '"') {
            lex->pos++;
            return lex->word_bytes > 0 ? NULL : "the quotes are empty";
        }
        if (*lex->pos == '\n')
            return "the line ends within quotes";
        if (*lex->pos == '\\' && ++lex->pos == lex->end)
            break;
        wrong = take(lex, *lex->pos);
        if (wrong != NULL)
            return wrong;
    }
    return "the file ends within quotes";
}

static const char *
read_plain(struct volfile_lex *lex)
{
    const char *wrong;

    for (; lex->pos < lex->end; lex->pos++) {
        switch (*lex->pos) {
        case ' ':
        case '\t':
        case '\r':
        case '\n':
        case '"':
            return NULL;
        case '\\':
            return "a backslash is only good within quotes";
        default:
            wrong = take(lex, *lex->pos);
            if (wrong != NULL)
                return wrong;
        }
    }
    return NULL;
}

const char *
volfile_lex_next(struct volfile_lex *lex)
{
    const char *wrong = NULL;

    skip_blanks_and_comments(lex);
    lex->word_bytes = 0;
    lex->quoted = false;
    lex->word_line = lex->line;
    lex->at_end = lex->pos == lex->end;
    if (!lex->at_end)
        wrong = *lex->pos == '"' ? read_quoted(lex) : read_plain(lex);
    lex->word[lex->word_bytes] = '\0';
    return wrong;
}
