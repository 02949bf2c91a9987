/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The syntax of values, the peer's (doc/protocol.md): words for booleans,
 * suffixes for sizes and times, 0x and 0 for other bases.  What the peer reads
 * as something else than it says ("12monkeys" as 12) is refused.
 */
#include "server/core/option_value.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem/must.h"
#include "server/core/gfid.h"

/* A percentage is kept below zero, in millionths. */
static const double percent_unit = 1e6;

struct unit {
    const char *suffix;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"b", 1},
    {"k", INT64_C(1) << 10},
    {"kb", INT64_C(1) << 10},
    {"m", INT64_C(1) << 20},
    {"mb", INT64_C(1) << 20},
    {"g", INT64_C(1) << 30},
    {"gb", INT64_C(1) << 30},
    {"t", INT64_C(1) << 40},
    {"tb", INT64_C(1) << 40},
    {"p", INT64_C(1) << 50},
    {"pb", INT64_C(1) << 50},
};

static const struct unit time_units[] = {
    {"", 1},      {"s", 1},      {"sec", 1},     {"m", 60},
    {"min", 60},  {"h", 3600},   {"hr", 3600},   {"d", 86400},
    {"day", 86400}, {"days", 86400}, {"w", 604800},  {"wk", 604800},
};

static const struct {
    const char *word;
    bool value;
} bool_words[] = {
    {"on", true},      {"off", false},     {"yes", true},   {"no", false},
    {"true", true},    {"false", false},   {"enable", true},
    {"disable", false}, {"1", true},       {"0", false},
};

static const struct {
    const char *name;
    const char *accepts;
} types[] = {
    [OPTION_BOOL] = {"boolean", "on or off (yes, no, true, false, enable, "
                                "disable, 1, 0)"},
    [OPTION_INT] = {"number", "a whole number"},
    [OPTION_SIZE] = {"size", "bytes, or a number with KB, MB, GB, TB or PB"},
    [OPTION_SECONDS] = {"time", "seconds, or a number with s, min, h, d or w"},
    [OPTION_PERCENT_OR_SIZE] = {"percent or size",
                                "a percentage, a number with KB, MB, GB, TB "
                                "or PB, or off"},
    [OPTION_OCTAL] = {"mode", "an octal mode"},
    [OPTION_STRING] = {"text", "text without control characters"},
    [OPTION_CHOICE] = {"choice", "one of a list"},
    [OPTION_PATH] = {"path", "an absolute path without .."},
    [OPTION_UUID] = {"uuid", "a uuid, 8-4-4-4-12 hexadecimal digits"},
};

const char *
option_type_name(enum option_type type)
{
    must((size_t)type < COUNT_OF(types));
    return types[type].name;
}

/* Parsers of one type each: 0, -EINVAL, or -ERANGE when the number is beyond
 * all ranges. */

static int
parse_bool(const char *text, int64_t *out)
{
    for (size_t i = 0; i < COUNT_OF(bool_words); i++) {
        if (strcasecmp(text, bool_words[i].word) == 0) {
            *out = bool_words[i].value;
            return 0;
        }
    }
    return -EINVAL;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* strtoll() would take blanks before, and "" for 0. */
static int
parse_integer(const char *text, int base, const char **end, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *stop;

    if (!is_digit(*digits))
        return -EINVAL;
    errno = 0;
    *out = strtoll(text, &stop, base);
    *end = stop;
    return errno == ERANGE ? -ERANGE : 0;
}

static int
parse_int(const char *text, int base, int64_t *out)
{
    const char *end;
    int err = parse_integer(text, base, &end, out);

    return *text == '\0' || (err != -EINVAL && *end != '\0') ? -EINVAL : err;
}

static int
unit_factor(const struct unit *units, size_t count, const char *suffix,
            int64_t *factor)
{
    while (*suffix == ' ')
        suffix++;
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(suffix, units[i].suffix) == 0) {
            *factor = units[i].factor;
            return 0;
        }
    }
    return -EINVAL;
}

static int
parse_time(const char *text, int64_t *out)
{
    const char *end;
    int64_t factor;
    int err = parse_integer(text, 10, &end, out);

    if (err == -EINVAL ||
        unit_factor(time_units, COUNT_OF(time_units), end, &factor) < 0)
        return -EINVAL;
    if (err < 0 || __builtin_mul_overflow(*out, factor, out))
        return -ERANGE;
    return 0;
}

/* Digits with at most one point between them, whatever the locale says about
 * points.  The end of it goes to *end. */
static int
parse_fraction(const char *text, const char **end, double *out)
{
    double value = 0, scale = 1;
    const char *p = text;

    if (!is_digit(*p))
        return -EINVAL;
    for (; is_digit(*p); p++)
        value = value * 10 + (*p - '0');
    if (*p == '.') {
        p++;
        if (!is_digit(*p))
            return -EINVAL;
        for (; is_digit(*p); p++) {
            scale /= 10;
            value += (*p - '0') * scale;
        }
    }
    *end = p;
    *out = value;
    return 0;
}

/* Whole numbers go through integers, so that none is rounded. */
static int
parse_size(const char *text, int64_t *out)
{
    const char *end;
    int64_t factor;
    double value;
    int err;

    if (parse_fraction(text, &end, &value) < 0 ||
        unit_factor(size_units, COUNT_OF(size_units), end, &factor) < 0)
        return -EINVAL;
    if (memchr(text, '.', (size_t)(end - text)) != NULL) {
        value *= (double)factor;
        if (value >= 0x1p63)
            return -ERANGE;
        *out = (int64_t)value;
        return 0;
    }
    err = parse_integer(text, 10, &end, out);
    if (err < 0 || __builtin_mul_overflow(*out, factor, out))
        return -ERANGE;
    return 0;
}

static int
parse_percent_or_size(const char *text, int64_t *out)
{
    const char *end;
    double value;

    if (strcasecmp(text, "off") == 0) {
        *out = 0;
        return 0;
    }
    if (parse_fraction(text, &end, &value) < 0)
        return -EINVAL;
    while (*end == ' ')
        end++;
    if (strcmp(end, "%") != 0 && (*end != '\0' || value >= 100))
        return parse_size(text, out);
    if (value > 100)
        return -ERANGE;
    *out = -1 - (int64_t)(value * percent_unit + 0.5);
    return 0;
}

bool
option_percent(int64_t number, double *percent, uint64_t *bytes)
{
    if (number >= 0) {
        *bytes = (uint64_t)number;
        return false;
    }
    *percent = (double)(-1 - number) / percent_unit;
    return true;
}

static int
parse_octal(const char *text, int64_t *out)
{
    return is_digit(*text) ? parse_int(text, 8, out) : -EINVAL;
}

static int
parse_choice(const struct option_def *def, const char *text,
             struct option_value *out)
{
    const char *p = def->choices;
    size_t bytes = strlen(text);

    must(p != NULL);
    for (int64_t i = 0;; i++) {
        size_t n = strcspn(p, "|");

        if (n == bytes && strncasecmp(p, text, n) == 0) {
            *out = (struct option_value){i, p, n};
            return 0;
        }
        if (p[n] == '\0')
            return -EINVAL;
        p += n + 1;
    }
}

static bool
has_control(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f)
            return true;
    }
    return false;
}

/* "" takes a path back. */
static int
check_path(const char *text)
{
    const char *p = text;

    if (*text == '\0')
        return 0;
    if (*text != '/' || strlen(text) >= PATH_MAX)
        return -EINVAL;
    while ((p = strstr(p, "/..")) != NULL) {
        if (p[3] == '/' || p[3] == '\0')
            return -EINVAL;
        p += 3;
    }
    return 0;
}

static int
check_uuid(const char *text)
{
    struct gfid g;

    return *text == '\0' ? 0 : gfid_parse(&g, text, strlen(text));
}

static int
parse_by_type(const struct option_def *def, const char *text,
              struct option_value *out)
{
    *out = (struct option_value){0, text, strlen(text)};
    switch (def->type) {
    case OPTION_BOOL:
        return parse_bool(text, &out->number);
    case OPTION_INT:
        return parse_int(text, 0, &out->number);
    case OPTION_SIZE:
        return parse_size(text, &out->number);
    case OPTION_SECONDS:
        return parse_time(text, &out->number);
    case OPTION_PERCENT_OR_SIZE:
        return parse_percent_or_size(text, &out->number);
    case OPTION_OCTAL:
        return parse_octal(text, &out->number);
    case OPTION_CHOICE:
        return parse_choice(def, text, out);
    case OPTION_PATH:
        return check_path(text);
    case OPTION_UUID:
        return check_uuid(text);
    case OPTION_STRING:
        break;
    }
    return 0;
}

static bool
in_range(const struct option_def *def, const struct option_value *v)
{
    switch (def->type) {
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_SECONDS:
    case OPTION_OCTAL:
        return v->number >= def->min && v->number <= def->max;
    case OPTION_STRING: /* min and max are bytes, where they are given */
        return def->max == 0 || ((int64_t)v->text_bytes >= def->min &&
                                 (int64_t)v->text_bytes <= def->max);
    case OPTION_PERCENT_OR_SIZE: /* the parser has bounded both */
    case OPTION_BOOL:
    case OPTION_CHOICE:
    case OPTION_PATH:
    case OPTION_UUID:
        break;
    }
    return true;
}

char *
option_range_text(const struct option_def *def, char *out, size_t bytes)
{
    switch (def->type) {
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_SECONDS:
        (void)snprintf(out, bytes, "%" PRId64 " to %" PRId64, def->min,
                       def->max);
        return out;
    case OPTION_OCTAL:
        (void)snprintf(out, bytes, "%04" PRIo64 " to %04" PRIo64,
                       (uint64_t)def->min, (uint64_t)def->max);
        return out;
    case OPTION_STRING:
        if (def->max == 0)
            break;
        (void)snprintf(out, bytes, "%" PRId64 " to %" PRId64 " characters",
                       def->min, def->max);
        return out;
    case OPTION_CHOICE:
        (void)snprintf(out, bytes, "%s", def->choices);
        return out;
    case OPTION_PERCENT_OR_SIZE:
        (void)snprintf(out, bytes, "0%% to 100%%, or bytes");
        return out;
    case OPTION_BOOL:
        (void)snprintf(out, bytes, "on|off");
        return out;
    case OPTION_PATH:
    case OPTION_UUID:
        break;
    }
    (void)snprintf(out, bytes, "%s", types[def->type].accepts);
    return out;
}

int
option_value_parse(const struct option_def *def, const char *text,
                   struct option_value *out, char err[OPTION_ERROR_BYTES])
{
    char range[256];
    int result;

    if (strlen(text) >= OPTION_VALUE_BYTES_MAX) {
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "%s: the value is longer than %d bytes", def->key,
                       OPTION_VALUE_BYTES_MAX - 1);
        return -ERANGE;
    }
    if (has_control(text)) {
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "%s: the value has a control character in it",
                       def->key);
        return -EINVAL;
    }
    result = parse_by_type(def, text, out);
    if (result == 0 && !in_range(def, out))
        result = -ERANGE;
    if (result == -ERANGE)
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "%s: '%.100s' is out of range, which is %s", def->key,
                       text, option_range_text(def, range, sizeof(range)));
    else if (result < 0 && def->type == OPTION_CHOICE)
        (void)snprintf(err, OPTION_ERROR_BYTES, "%s: '%.100s' is not one of %s",
                       def->key, text, def->choices);
    else if (result < 0)
        (void)snprintf(err, OPTION_ERROR_BYTES, "%s: '%.100s' is not %s",
                       def->key, text, types[def->type].accepts);
    return result;
}
