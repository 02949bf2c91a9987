/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser of volfiles, by recursive descent over words:
 *
 *   file    := volume+
 *   volume  := "volume" WORD "type" WORD body "end-volume"
 *   body    := option* subvolumes option*  |  option+
 *
 * A translator refers to its children by index, and only to earlier ones, so
 * that no circle can be written.
 */
#include "server/core/volfile.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/escape.h"
#include "server/core/volfile_lex.h"

MEM_TYPE(mt_volfile, "server.core", "volfile");

enum { XLATORS_MAX = 512, XLATOR_OPTIONS_MAX = 512, CHILDREN_MAX = 512 };

struct parser {
    struct volfile_lex lex;
    struct volfile *v;
    const char *file;
    char *err;
};

static int __attribute__((format(printf, 2, 3)))
fail(struct parser *p, const char *fmt, ...)
{
    char what[VOLFILE_ERROR_BYTES], line[VOLFILE_ERROR_BYTES + 256];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    must(n >= 0);
    (void)snprintf(line, sizeof(line), "%.200s:%u: %s", p->file,
                   p->lex.word_line, what);
    (void)escape_line(p->err, VOLFILE_ERROR_BYTES, line, strlen(line), NULL);
    return -EINVAL;
}

static int
no_memory(struct parser *p)
{
    (void)fail(p, "no memory");
    return -ENOMEM;
}

/* One more element of an array, grown by doubling; NULL without memory. */
static void *
grow(void *arrayp, size_t count, size_t element_bytes)
{
    char **array = arrayp;
    char *larger;

    /* Room for 4, 8, 16 …: full whenever the count is one of those. */
    if (count == 0 || (count >= 4 && (count & (count - 1)) == 0)) {
        larger = mem_realloc(&mt_volfile, *array,
                             (count == 0 ? 4 : count * 2) * element_bytes);
        if (larger == NULL)
            return NULL;
        *array = larger;
    }
    memset(*array + count * element_bytes, 0, element_bytes);
    return *array + count * element_bytes;
}

static bool
is_keyword(const struct volfile_lex *lex, const char *keyword)
{
    return !lex->at_end && !lex->quoted && strcmp(lex->word, keyword) == 0;
}

static bool
is_any_keyword(const struct volfile_lex *lex)
{
    static const char *const keywords[] = {"volume", "type", "option",
                                           "subvolumes", "end-volume"};

    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (is_keyword(lex, keywords[i]))
            return true;
    }
    return false;
}

static int
next(struct parser *p)
{
    const char *wrong = volfile_lex_next(&p->lex);

    return wrong != NULL ? fail(p, "%s", wrong) : 0;
}

/* The current word for `what`, copied, and on to the next. */
static int
take_word(struct parser *p, const char *what, char **out)
{
    if (p->lex.at_end)
        return fail(p, "the file ends where %s should be", what);
    if (is_any_keyword(&p->lex))
        return fail(p, "'%s' stands where %s should be", p->lex.word, what);
    *out = mem_strdup(&mt_volfile, p->lex.word);
    return *out == NULL ? no_memory(p) : next(p);
}

static int
take_keyword(struct parser *p, const char *keyword)
{
    if (p->lex.at_end)
        return fail(p, "the file ends where '%s' should be", keyword);
    if (!is_keyword(&p->lex, keyword))
        return fail(p, "'%.100s' stands where '%s' should be", p->lex.word,
                    keyword);
    return next(p);
}

/* Sets an option; takes key and value in any case.  0, -E2BIG, -ENOMEM. */
static int
set_option(struct volfile_xlator *x, char *key, char *value)
{
    struct volfile_option *o = NULL;

    for (size_t i = 0; i < x->options_count; i++) {
        if (strcmp(x->options[i].key, key) == 0)
            o = &x->options[i];
    }
    if (o != NULL) {
        mem_free(o->value);
        mem_free(key);
        o->value = value;
        return 0;
    }
    if (x->options_count < XLATOR_OPTIONS_MAX)
        o = grow(&x->options, x->options_count, sizeof(*o));
    if (o == NULL) {
        mem_free(key);
        mem_free(value);
        return x->options_count < XLATOR_OPTIONS_MAX ? -ENOMEM : -E2BIG;
    }
    *o = (struct volfile_option){key, value};
    x->options_count++;
    return 0;
}

static int
parse_option(struct parser *p, struct volfile_xlator *x)
{
    char *key = NULL, *value = NULL;
    int err = take_keyword(p, "option");

    if (err == 0)
        err = take_word(p, "an option's name", &key);
    if (err == 0)
        err = take_word(p, "an option's value", &value);
    if (err < 0) {
        mem_free(key);
        mem_free(value);
        return err;
    }
    err = set_option(x, key, value);
    if (err == -E2BIG)
        return fail(p, "'%.100s' has more than %d options", x->name,
                    XLATOR_OPTIONS_MAX);
    return err < 0 ? no_memory(p) : 0;
}

static int
find_xlator(const struct volfile *v, const char *name, size_t *index)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->xlators[i].name, name) == 0) {
            *index = i;
            return 0;
        }
    }
    return -ENOENT;
}

/* x is not in v->xlators yet, so it cannot find itself. */
static int
parse_subvolumes(struct parser *p, struct volfile_xlator *x)
{
    int err = take_keyword(p, "subvolumes");

    if (err == 0 && (p->lex.at_end || is_any_keyword(&p->lex)))
        return fail(p, "there is nothing after 'subvolumes'");
    while (err == 0 && !p->lex.at_end && !is_any_keyword(&p->lex)) {
        size_t index, *child;

        if (strcmp(p->lex.word, x->name) == 0)
            return fail(p, "'%.100s' is its own subvolume", x->name);
        if (find_xlator(p->v, p->lex.word, &index) < 0)
            return fail(p, "subvolume '%.100s' is not defined before it",
                        p->lex.word);
        if (x->children_count >= CHILDREN_MAX)
            return fail(p, "'%.100s' has more than %d subvolumes", x->name,
                        CHILDREN_MAX);
        child = grow(&x->children, x->children_count, sizeof(*child));
        if (child == NULL)
            return no_memory(p);
        *child = index;
        x->children_count++;
        err = next(p);
    }
    return err;
}

static int
parse_body(struct parser *p, struct volfile_xlator *x)
{
    int err = 0;

    while (err == 0) {
        if (is_keyword(&p->lex, "option"))
            err = parse_option(p, x);
        else if (is_keyword(&p->lex, "subvolumes") && x->children_count == 0)
            err = parse_subvolumes(p, x);
        else
            break;
    }
    if (err == 0 && x->options_count == 0 && x->children_count == 0)
        return fail(p, "'%.100s' has neither options nor subvolumes", x->name);
    return err;
}

static void
free_xlator(struct volfile_xlator *x)
{
    for (size_t i = 0; i < x->options_count; i++) {
        mem_free(x->options[i].key);
        /* Passwords are among them. */
        explicit_bzero(x->options[i].value, strlen(x->options[i].value));
        mem_free(x->options[i].value);
    }
    mem_free(x->options);
    mem_free(x->children);
    mem_free(x->name);
    mem_free(x->type);
}

static int
parse_head(struct parser *p, struct volfile_xlator *x)
{
    size_t other;
    int err = take_keyword(p, "volume");

    if (err == 0)
        err = take_word(p, "a volume's name", &x->name);
    if (err == 0 && find_xlator(p->v, x->name, &other) == 0)
        return fail(p, "there is a volume '%.100s' already", x->name);
    if (err == 0)
        err = take_keyword(p, "type");
    if (err == 0)
        err = take_word(p, "a type", &x->type);
    return err;
}

static int
parse_volume(struct parser *p)
{
    struct volfile_xlator x = {0}, *place;
    int err;

    if (p->v->count >= XLATORS_MAX)
        return fail(p, "there are more than %d volumes", XLATORS_MAX);
    err = parse_head(p, &x);
    if (err == 0)
        err = parse_body(p, &x);
    if (err == 0)
        err = take_keyword(p, "end-volume");
    if (err == 0) {
        place = grow(&p->v->xlators, p->v->count, sizeof(*place));
        if (place != NULL) {
            *place = x;
            p->v->count++;
            return 0;
        }
        err = no_memory(p);
    }
    free_xlator(&x);
    return err;
}

static int
parse_file(struct parser *p)
{
    int err = next(p);

    if (err == 0 && p->lex.at_end)
        return fail(p, "there is no volume in the file");
    while (err == 0 && !p->lex.at_end)
        err = parse_volume(p);
    return err;
}

int
volfile_parse(struct volfile **out, const char *text, size_t bytes,
              const char *file, char err[VOLFILE_ERROR_BYTES])
{
    struct parser *p;
    int result;

    *out = NULL;
    if (bytes > VOLFILE_BYTES_MAX) {
        (void)snprintf(err, VOLFILE_ERROR_BYTES,
                       "%.200s: longer than %d bytes", file,
                       VOLFILE_BYTES_MAX);
        return -EINVAL;
    }
    p = mem_zalloc(&mt_volfile, sizeof(*p));
    if (p == NULL || (p->v = mem_zalloc(&mt_volfile, sizeof(*p->v))) == NULL) {
        (void)snprintf(err, VOLFILE_ERROR_BYTES, "%.200s: no memory", file);
        mem_free(p);
        return -ENOMEM;
    }
    volfile_lex_init(&p->lex, text, bytes);
    p->file = file;
    p->err = err;
    result = parse_file(p);
    if (result < 0)
        volfile_free(&p->v);
    *out = p->v;
    mem_free(p);
    return result;
}

static int
read_text(int fd, char *text, size_t *bytes)
{
    *bytes = 0;
    while (*bytes <= VOLFILE_BYTES_MAX) {
        ssize_t n = read(fd, text + *bytes, VOLFILE_BYTES_MAX + 1 - *bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? 0 : -errno;
        *bytes += (size_t)n;
    }
    return -EFBIG;
}

int
volfile_read(struct volfile **out, const char *path,
             char err[VOLFILE_ERROR_BYTES])
{
    AUTO_CLOSE int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    AUTO_FREE char *text = NULL;
    size_t bytes = 0;
    int result = fd < 0 ? -errno : 0;

    *out = NULL;
    if (result == 0) {
        text = mem_alloc(&mt_volfile, VOLFILE_BYTES_MAX + 1);
        result = text == NULL ? -ENOMEM : read_text(fd, text, &bytes);
    }
    if (result < 0) {
        (void)snprintf(err, VOLFILE_ERROR_BYTES, "%.200s: %s", path,
                       strerror(-result));
        return result;
    }
    return volfile_parse(out, text, bytes, path, err);
}

void
volfile_free(struct volfile **vp)
{
    struct volfile *v = *vp;

    *vp = NULL;
    if (v == NULL)
        return;
    for (size_t i = 0; i < v->count; i++)
        free_xlator(&v->xlators[i]);
    mem_free(v->xlators);
    mem_free(v);
}

static int
override_one(struct volfile_xlator *x, const char *key, size_t key_bytes,
             const char *value)
{
    char *key_copy = mem_strndup(&mt_volfile, key, key_bytes);
    char *value_copy = mem_strdup(&mt_volfile, value);

    if (key_copy == NULL || value_copy == NULL) {
        mem_free(key_copy);
        mem_free(value_copy);
        return -ENOMEM;
    }
    return set_option(x, key_copy, value_copy);
}

int
volfile_override(struct volfile *v, const char *text,
                 char err[VOLFILE_ERROR_BYTES])
{
    const char *dot = strchr(text, '.');
    const char *equals = dot != NULL ? strchr(dot, '=') : NULL;
    AUTO_FREE char *pattern = NULL;
    int result = 0;

    if (equals == NULL || dot == text || equals == dot + 1 ||
        equals[1] == '\0' || strlen(text) >= VOLFILE_WORD_BYTES_MAX) {
        (void)snprintf(err, VOLFILE_ERROR_BYTES,
                       "'%.100s' is not TRANSLATOR.OPTION=VALUE", text);
        return -EINVAL;
    }
    pattern = mem_strndup(&mt_volfile, text, (size_t)(dot - text));
    if (pattern == NULL)
        result = -ENOMEM;
    for (size_t i = 0; i < v->count && result == 0; i++) {
        if (fnmatch(pattern, v->xlators[i].name, FNM_NOESCAPE) == 0)
            result = override_one(&v->xlators[i], dot + 1,
                                  (size_t)(equals - dot - 1), equals + 1);
    }
    if (result < 0)
        (void)snprintf(err, VOLFILE_ERROR_BYTES, "'%.100s': %s", text,
                       strerror(-result));
    return result;
}
