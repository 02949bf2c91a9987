/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of clinkerctl.  Commands and options are listed in
 * ctl_list.h, and nowhere else: they are found, checked and explained from
 * there.
 */
#include "cli/ctl.h"

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif
#include <getopt.h>
#include <string.h>

#include "mem/must.h"
#include "server/core/nearest.h"

struct command {
    const char *words; /* "config set" */
    const char *args;
    int min, max;
    int (*run)(struct ctl *ctl);
    const char *summary, *details;
};

struct flag {
    const char *name;
    char letter;
    const char *arg;
    const char *summary;
};

#define COMMAND(words_, args_, min_, max_, run_, summary_, details_)           \
    {words_, args_, min_, max_, run_, summary_, details_},
static const struct command commands[] = {
#include "cli/ctl_list.h"
};
#undef COMMAND

#define FLAG(name_, letter_, arg_, summary_)                                   \
    {name_, letter_, arg_, summary_},
static const struct flag flags[] = {
#include "cli/ctl_list.h"
};
#undef FLAG

enum { COMMANDS = COUNT_OF(commands), FLAGS = COUNT_OF(flags) };

/* --- finding a command --- */

/* How many of the arguments the command's words are; 0: it is another. */
static int
match(const struct command *c, int argc, char **argv)
{
    const char *word = c->words;

    for (int n = 0; n < argc; n++) {
        size_t bytes = strcspn(word, " ");

        if (strlen(argv[n]) != bytes || memcmp(argv[n], word, bytes) != 0)
            return 0;
        if (word[bytes] == '\0')
            return n + 1;
        word += bytes + 1;
    }
    return 0;
}

static const struct command *
find(int argc, char **argv, int *words)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        *words = match(&commands[i], argc, argv);
        if (*words > 0)
            return &commands[i];
    }
    return NULL;
}

static bool
begins_command(const char *word)
{
    size_t bytes = strlen(word);

    for (size_t i = 0; i < COMMANDS; i++)
        if (strncmp(commands[i].words, word, bytes) == 0 &&
            commands[i].words[bytes] == ' ')
            return true;
    return false;
}

/* "config" alone, or with a word that does not go with it. */
static void
tell_partial(struct ctl *ctl, const char *word)
{
    const char *before = "";

    (void)fprintf(stderr, "%s: '%s' is followed by one of:", ctl->program,
                  word);
    for (size_t i = 0; i < COMMANDS; i++)
        if (strncmp(commands[i].words, word, strlen(word)) == 0 &&
            commands[i].words[strlen(word)] == ' ') {
            (void)fprintf(stderr, "%s %s", before,
                          commands[i].words + strlen(word) + 1);
            before = ",";
        }
    (void)fputc('\n', stderr);
}

static int
unknown(struct ctl *ctl, int argc, char **argv)
{
    const char *words[COMMANDS], *near;
    char said[128];

    if (begins_command(argv[0]) && argc == 1) {
        tell_partial(ctl, argv[0]);
        return CTL_USAGE;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        words[i] = commands[i].words;
    near = nearest(argv[0], words, COMMANDS);
    (void)snprintf(said, sizeof(said), "%s %s", argv[0],
                   argc > 1 ? argv[1] : "");
    if (near == NULL && argc > 1)
        near = nearest(said, words, COMMANDS);
    if (begins_command(argv[0]) && near == NULL) {
        tell_partial(ctl, argv[0]);
        return CTL_USAGE;
    }
    (void)fprintf(stderr, "%s: unknown command '%s'", ctl->program,
                  begins_command(argv[0]) ? said : argv[0]);
    if (near != NULL)
        (void)fprintf(stderr, "; did you mean '%s'?\n", near);
    else
        (void)fprintf(stderr, "; see '%s help'\n", ctl->program);
    return CTL_USAGE;
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
    const struct command *c;
    int words;

    c = find(argc, argv, &words);
    if (c == NULL)
        return unknown(ctl, argc, argv);
    ctl->argc = argc - words;
    ctl->argv = argv + words;
    if (ctl->argc < c->min || ctl->argc > c->max) {
        (void)fprintf(stderr, "usage: %s %s%s%s\n", ctl->program, c->words,
                      c->args[0] != '\0' ? " " : "", c->args);
        return CTL_USAGE;
    }
    return c->run(ctl);
}

/* --- help --- */

static void
print_flags(void)
{
    char left[64];

    for (size_t i = 0; i < FLAGS; i++) {
        (void)snprintf(left, sizeof(left), "-%c, --%s%s%s", flags[i].letter,
                       flags[i].name, flags[i].arg != NULL ? " " : "",
                       flags[i].arg != NULL ? flags[i].arg : "");
        (void)printf("  %-34s%s\n", left, flags[i].summary);
    }
}

static void
print_help(struct ctl *ctl)
{
    char left[64];

    (void)printf("usage: %s [OPTION...] COMMAND [ARGUMENT...]\n\n"
                 "Look into and steer a running clinkerd.\n\nCommands:\n",
                 ctl->program);
    for (size_t i = 0; i < COMMANDS; i++) {
        (void)snprintf(left, sizeof(left), "%s %s", commands[i].words,
                       commands[i].args);
        (void)printf("  %-34s%s\n", left, commands[i].summary);
    }
    (void)printf("\nOptions:\n");
    print_flags();
    (void)printf("\nExit status: 0 done, 1 the daemon refused, 2 wrong usage, "
                 "3 no daemon answers.\n");
}

static void
print_names(void)
{
    for (size_t i = 0; i < COMMANDS; i++)
        (void)printf("command %s\n", commands[i].words);
    for (size_t i = 0; i < FLAGS; i++)
        (void)printf("option -%c --%s\n", flags[i].letter, flags[i].name);
}

int
cmd_help(struct ctl *ctl)
{
    const struct command *c;
    int words;

    if (ctl->list) {
        print_names();
        return CTL_OK;
    }
    if (ctl->argc == 0) {
        print_help(ctl);
        return CTL_OK;
    }
    c = find(ctl->argc, ctl->argv, &words);
    if (c == NULL || words < ctl->argc)
        return unknown(ctl, ctl->argc, ctl->argv);
    (void)printf("usage: %s %s %s\n\n%s\n\n%s\n", ctl->program, c->words,
                 c->args, c->summary, c->details);
    return CTL_OK;
}

/* --- options --- */

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static void
make_options(struct option longs[FLAGS + 1], char shorts[2 * FLAGS + 2])
{
    char *p = shorts;

    *p++ = '-'; /* words are handed out as they come */
    memset(longs, 0, (FLAGS + 1) * sizeof(longs[0]));
    for (size_t i = 0; i < FLAGS; i++) {
        longs[i].name = flags[i].name;
        longs[i].has_arg = flags[i].arg != NULL ? required_argument
                                                : no_argument;
        longs[i].val = flags[i].letter;
        *p++ = flags[i].letter;
        if (flags[i].arg != NULL)
            *p++ = ':';
    }
    *p = '\0';
}

/* "-1" is a value: no option is a digit. */
static bool
is_number(const char *word)
{
    return word[0] == '-' && word[1] >= '0' && word[1] <= '9';
}

/* The next option, or 1 with a word in optarg; -1 at the end. */
static int
next_argument(int argc, char **argv, const char *shorts,
              const struct option *longs)
{
    if (optind > 0 && optind < argc && is_number(argv[optind])) {
        optarg = argv[optind++];
        return 1;
    }
    return getopt_long(argc, argv, shorts, longs, NULL);
}

/* -1: go on, with *words words at argv + 1; else the exit code. */
static int
take_options(struct ctl *ctl, int argc, char **argv, int *words)
{
    struct option longs[FLAGS + 1];
    char shorts[2 * FLAGS + 2];
    bool help = false;
    int opt;

    *words = 0;
    make_options(longs, shorts);
    optind = 0; /* glibc: from the start, whoever used it before */
    while ((opt = next_argument(argc, argv, shorts, longs)) != -1) {
        switch (opt) {
        case 1:
            argv[++*words] = optarg;
            break;
        case 's':
            ctl->socket = optarg;
            break;
        case 'j':
            ctl->json = true;
            break;
        case 'l':
            ctl->list = true;
            break;
        case 'i':
            ctl->interval = optarg;
            break;
        case 'n':
            ctl->count = optarg;
            break;
        case 't':
            ctl->since = optarg;
            break;
        case 'o':
            ctl->op = optarg;
            break;
        case 'd':
            (void)puts(STATEDUMPDIR);
            return CTL_OK;
        case 'V':
            (void)printf("clinkerctl %s\n", PACKAGE_VERSION);
            return CTL_OK;
        case 'h':
            help = true;
            break;
        default:
            (void)fprintf(stderr, "see '%s --help'\n", ctl->program);
            return CTL_USAGE;
        }
    }
    while (optind < argc) /* behind "--" */
        argv[++*words] = argv[optind++];
    if (!help)
        return -1;
    ctl->argc = *words;
    ctl->argv = argv + 1;
    return cmd_help(ctl);
}

static int
run_all(struct ctl *ctl, int argc, char **argv)
{
    int words, code = take_options(ctl, argc, argv, &words);

    if (code >= 0)
        return code;
    if (words == 0) {
        (void)fprintf(stderr, "%s: no command; see '%s help'\n", ctl->program,
                      ctl->program);
        return CTL_USAGE;
    }
    return run(ctl, words, argv + 1);
}

int
clinkerctl_main(int argc, char **argv)
{
    struct ctl ctl = {.program = "clinkerctl"};
    int code;

    if (argc > 0)
        ctl.program = base_name(argv[0]);
    code = run_all(&ctl, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror(ctl.program);
        return code != CTL_OK ? code : CTL_REFUSED;
    }
    return code;
}
