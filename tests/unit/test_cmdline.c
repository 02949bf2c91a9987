/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: glusterd's, admins', and our own. */
#include "server/core/cmdline.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"
#include "tests/unit/core_fixture.h"

static struct cmdline c;
static int code;
static char out[16384], told[16384]; /* stdout and stderr of the last parse */

static int
into_file(const char *name, int fd)
{
    int saved = dup(fd), file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(saved, 0);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(dup2(file, fd), fd);
    ck_assert_int_eq(close(file), 0);
    return saved;
}

static void
back_again(int saved, int fd)
{
    ck_assert_int_eq(dup2(saved, fd), fd);
    ck_assert_int_eq(close(saved), 0);
}

/* Words are split at blanks; argv must outlive the parse. */
static int
parse(const char *line)
{
    static char words[65536];
    static char *argv[600];
    int argc = 0, saved_out, saved_err, result;
    char *save = NULL;

    ck_assert_uint_lt(strlen(line), sizeof(words));
    strcpy(words, line);
    for (char *w = strtok_r(words, " ", &save); w != NULL;
         w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    argv[argc] = NULL;
    code = -1;
    ck_assert_int_eq(fflush(stdout), 0);
    saved_out = into_file("out", STDOUT_FILENO);
    saved_err = into_file("err", STDERR_FILENO);
    result = cmdline_parse(&c, argc, argv, &code);
    ck_assert_int_eq(fflush(stdout), 0);
    back_again(saved_out, STDOUT_FILENO);
    back_again(saved_err, STDERR_FILENO);
    strcpy(out, core_file_read("out", NULL));
    strcpy(told, core_file_read("err", NULL));
    return result;
}

static void
goes_on(const char *line)
{
    ck_assert_msg(parse(line) == 0, "%s: %s", line, told);
    ck_assert_str_eq(told, "");
    ck_assert_str_eq(out, "");
}

static void
leaves(const char *line, int want)
{
    ck_assert_msg(parse(line) == 1, "%s", line);
    ck_assert_msg(code == want, "%s: %d, not %d", line, code, want);
}

START_TEST(glusterds_line_is_taken)
{
    goes_on("/usr/sbin/glusterfsd -s vm --volfile-id v1.vm.d-b1 "
            "-p /var/run/gluster/vols/v1/vm-d-b1.pid "
            "-S /var/run/gluster/0123456789abcdef.socket "
            "--brick-name /d/b1 -l /var/log/glusterfs/bricks/d-b1.log "
            "--xlator-option *-posix.glusterd-uuid=UUID "
            "--process-name brick --localtime-logging --brick-port 49152,0 "
            "--xlator-option v1-server.transport.rdma.listen-port=0 "
            "--global-threading --io-engine linux --logger=syslog "
            "--xlator-option v1-server.listen-port=49152 "
            "--xlator-option transport.socket.bind-address=1.2.3.4 "
            "--volfile-server-transport=socket,rdma "
            "--xlator-option transport.address-family=inet "
            "--mem-accounting --brick-mux");
    ck_assert(c.peer_mode);
    ck_assert_str_eq(c.program, "glusterfsd");
    ck_assert_str_eq(c.volfile_server, "vm");
    ck_assert_int_eq(c.volfile_server_port, 24007);
    ck_assert_str_eq(c.volfile_server_transport, "socket,rdma");
    ck_assert_str_eq(c.volfile_id, "v1.vm.d-b1");
    ck_assert_ptr_null(c.volfile);
    ck_assert_str_eq(c.pid_file, "/var/run/gluster/vols/v1/vm-d-b1.pid");
    ck_assert_str_eq(c.mgmt_socket, "/var/run/gluster/0123456789abcdef.socket");
    ck_assert_str_eq(c.brick_name, "/d/b1");
    ck_assert_int_eq(c.brick_port, 49152);
    ck_assert_str_eq(c.log_file, "/var/log/glusterfs/bricks/d-b1.log");
    ck_assert_str_eq(c.process_name, "brick");
    ck_assert_str_eq(c.logger, "syslog");
    ck_assert(c.localtime_logging);
    ck_assert(!c.foreground);
    ck_assert_uint_eq(c.xlator_options_count, 5);
    ck_assert_str_eq(c.xlator_options[0], "*-posix.glusterd-uuid=UUID");
    ck_assert_str_eq(c.xlator_options[4], "transport.address-family=inet");
}
END_TEST

START_TEST(lines_of_scripts_are_taken)
{
    goes_on("glusterfsd -N --volfile-id ta -f /ta.vol --brick-port 24007 "
            "--xlator-option ta-server.transport.socket.listen-port=24007 "
            "-LWARNING");
    ck_assert(c.foreground);
    ck_assert_str_eq(c.log_level, "WARNING");
    goes_on("glusterfsd --debug --spec-file=/x /mnt");
    ck_assert(c.debug && c.foreground);
    ck_assert_str_eq(c.log_level, "DEBUG");
    ck_assert_str_eq(c.log_file, "/dev/stderr");
    ck_assert_str_eq(c.volfile, "/x");
    ck_assert_ptr_null(c.brick);
    goes_on("glusterfsd --oom-score-adj -1000 -s a -s b --volfile-id i");
    ck_assert(c.oom_score_adj_set);
    ck_assert_int_eq(c.oom_score_adj, -1000);
    ck_assert_str_eq(c.volfile_server, "a");
}
END_TEST

START_TEST(unique_prefixes_will_do)
{
    goes_on("glusterfsd --volfile-i i --volfile-server=h --brick-n=/b "
            "--brick-p=1 --xl=a.b=c --pid=/p --no-d --log-fi=/l --con 5 "
            "--fo");
    ck_assert_str_eq(c.volfile_id, "i");
    ck_assert_str_eq(c.brick_name, "/b");
    ck_assert_int_eq(c.brick_port, 1);
    ck_assert_uint_eq(c.xlator_options_count, 1);
    ck_assert_str_eq(c.pid_file, "/p");
    ck_assert_str_eq(c.log_file, "/l");
    ck_assert(c.foreground);
    leaves("glusterfsd -f x --volfile-s=h", 64);
    ck_assert_contains(told, "ambiguous");
}
END_TEST

static const char *const ignored[] = {
    "--volume-name n", "--read-only", "--acl", "--selinux", "--capability",
    "--aux-gfid-mount", "--enable-ino32", "--enable-ino32=on", "--worm",
    "--mac-compat=off", "--fopen-keep-cache", "--global-timer-wheel",
    "--thin-client", "--volfile-check", "--volfile-max-fetch-attempts 3",
    "--direct-io-mode", "--direct-io-mode=auto", "--entry-timeout 1",
    "--negative-timeout 1", "--attribute-timeout 1", "--gid-timeout 1",
    "--resolve-gids", "--lru-limit 1", "--invalidate-limit 1",
    "--background-qlen 1", "--congestion-threshold 1", "--no-root-squash",
    "--user-map-root u", "--dump-fuse /x", "--fuse-mountopts o",
    "--use-readdirp", "--event-history=on", "--reader-thread-count 1",
    "--kernel-writeback-cache", "--attr-times-granularity 1",
    "--fuse-flush-handle-interrupt", "--auto-invalidation=no",
    "--fuse-dev-eperm-ratelimit-ns 1", "--fs-display-name n",
    "--inode-table-size 1", "--fuse-setlk-handle-interrupt",
    "--fuse-handle-copy_file_range", "--client-pid -1", "--run-id r", "-r r",
    "--no-mem-accounting", "--mem-accounting", "--brick-mux",
    "--io-engine libaio", "--global-threading=off", "--subdir-mount /d",
    "--secure-mgmt=off", "--log-format with-msg-id", "--log-buf-size 20",
    "--log-flush-timeout 30", "--logger gluster-log",
};

START_TEST(options_for_others_are_taken_in_silence)
{
    char line[256];

    (void)snprintf(line, sizeof(line), "glusterfsd %s -f x", ignored[_i]);
    goes_on(line);
    ck_assert_str_eq(c.volfile, "x");
}
END_TEST

/* Exit codes of the peer's: 64 for what is no command line, 255 for bad
 * values. */
static const struct {
    const char *line;
    int code;
    const char *told;
} bad_lines[] = {
    {"glusterfsd --bogus", 64, "--bogus"},
    {"glusterfsd -z", 64, "'z'"},
    {"glusterfsd a b", 64, "Too many arguments"},
    {"glusterfsd -f", 64, "requires an argument"},
    {"glusterfsd --set a=b -f x", 64, "--set"},
    {"glusterfsd -f x -L LOUD", 255, "glusterfsd: unrecognized log level"},
    {"glusterfsd -f x --log-format odd", 255, "glusterfsd: unknown log form"},
    {"glusterfsd -f x --logger odd", 255, "glusterfsd: unknown logger"},
    {"glusterfsd -f x --log-buf-size 21", 255, "log-buf-size"},
    {"glusterfsd -f x --log-flush-timeout 29", 255, "log-flush-timeout"},
    {"glusterfsd -f x --xlator-option a=b", 255, "xlator-option"},
    {"glusterfsd -f x --xlator-option a.b", 255, "xlator-option"},
    {"glusterfsd -f x --xlator-option a.b=", 255, "xlator-option"},
    {"glusterfsd -f x --xlator-option a.=b", 255, "xlator-option"},
    {"glusterfsd -f x --brick-port 0", 255, "brick-port"},
    {"glusterfsd -f x --brick-port 65536", 255, "brick-port"},
    {"glusterfsd -f x --brick-port 1,x", 255, "brick-port"},
    {"glusterfsd -f x --volfile-server-port 0", 255, "volfile-server-port"},
    {"glusterfsd -f x --volfile-server-port 1x", 255, "volfile-server-port"},
    {"glusterfsd -f x --oom-score-adj 1001", 255, "oom-score-adj"},
    {"glusterfsd -f x --global-threading=maybe", 255, "global-threading"},
    {"glusterfsd -f x --secure-mgmt", 255, "--secure-mgmt is not supported"},
    {"glusterfsd -f x --subdir-mount d", 255, "subdir-mount"},
    {"glusterfsd -s h", 255, "needs --volfile-id"},
    /* The peer's options make it the peer's line, whatever we are called. */
    {"clinkerd -L LOUD -f x", 255, "clinkerd: unrecognized log level"},
    {"clinkerd -L LOUD", 64, "clinkerd: unrecognized log level"},
    {"clinkerd -c a -f x", 255, "do not go with a volfile"},
    {"clinkerd --brick /b -f x", 255, "do not go with a volfile"},
    {"clinkerd --bogus", 64, "--bogus"},
    {"clinkerd /a /b", 64, "Too many arguments"},
    {"clinkerd --brick /a /b", 64, "two bricks, '/a' and '/b'"},
    {"clinkerd --set a", 64, "KEY=VALUE"},
    {"clinkerd --set =a", 64, "KEY=VALUE"},
};

START_TEST(a_bad_line_has_the_peers_exit_code)
{
    leaves(bad_lines[_i].line, bad_lines[_i].code);
    ck_assert_contains(told, bad_lines[_i].told);
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(without_any_volfile_the_usage_is_told)
{
    if (access("/etc/glusterfs/glusterfsd.vol", R_OK) == 0) {
        goes_on("/x/glusterfsd -N");
        ck_assert_str_eq(c.volfile, "/etc/glusterfs/glusterfsd.vol");
    } else {
        leaves("/x/glusterfsd -N", 255);
        ck_assert_str_eq(told,
                         "USAGE: /x/glusterfsd [options] [mountpoint]\n");
    }
}
END_TEST

START_TEST(our_own_line_is_taken)
{
    goes_on("clinkerd");
    ck_assert(!c.peer_mode);
    goes_on("clinkerd /b -c /etc/c.conf --set a.b=c=d --set e= --foreground "
            "-l - -L debug -p /pid --check-config");
    ck_assert(!c.peer_mode);
    ck_assert_str_eq(c.brick, "/b");
    ck_assert_str_eq(c.config, "/etc/c.conf");
    ck_assert_uint_eq(c.sets_count, 2);
    ck_assert_str_eq(c.sets[0], "a.b=c=d");
    ck_assert_str_eq(c.sets[1], "e=");
    ck_assert(c.foreground && c.check_only && !c.list_options);
    ck_assert_str_eq(c.log_file, "-");
    ck_assert_str_eq(c.log_level, "debug");
    goes_on("clinkerd --brick=/b -N --list-options");
    ck_assert_str_eq(c.brick, "/b");
    ck_assert(c.foreground && c.list_options);
}
END_TEST

START_TEST(the_peers_options_make_it_the_peers_line)
{
    static const char *const lines[] = {
        "clinkerd -f x",
        "clinkerd -s h --volfile-id i",
        "clinkerd --volfile x",
        "clinkerd -f x -S /s",
        "clinkerd -f x --brick-name b",
        "clinkerd -f x --xlator-option a.b=c",
        "clinkerd -f x --process-name brick",
    };

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        goes_on(lines[i]);
        ck_assert(c.peer_mode);
    }
    goes_on("/usr/sbin/glusterfsd.real -f x");
    ck_assert(c.peer_mode);
}
END_TEST

START_TEST(lists_have_bounds)
{
    static char line[16384];
    char *p = stpcpy(line, "clinkerd");

    for (int i = 0; i < CMDLINE_SETS_MAX; i++)
        p = stpcpy(p, " --set=a=b");
    goes_on(line);
    ck_assert_uint_eq(c.sets_count, CMDLINE_SETS_MAX);
    strcpy(p, " --set=a=b");
    leaves(line, 64);
    ck_assert_contains(told, "more than 256 --set");
}
END_TEST

START_TEST(queries_print_one_line)
{
    leaves("glusterfsd --print-statedumpdir --bogus", 0);
    ck_assert_str_eq(out, STATEDUMPDIR "\n");
    ck_assert_str_eq(c.print, STATEDUMPDIR);
    ck_assert_str_eq(told, "");
    leaves("glusterfsd --print-logdir", 0);
    ck_assert_str_eq(out, LOGDIR "\n");
    leaves("glusterfsd --print-xlatordir", 0);
    ck_assert_contains(out, "/glusterfs/10.3/xlator\n");
    leaves("clinkerd --print-libexecdir", 0);
    ck_assert_contains(out, "/glusterfs\n");
}
END_TEST

START_TEST(the_version_begins_as_scripts_expect)
{
    leaves("glusterfsd --version", 0);
    ck_assert(strncmp(out, "glusterfs 10.3\n", 15) == 0);
    leaves("clinkerd -V", 0);
    ck_assert(strncmp(out, "clinkerd ", 9) == 0);
    ck_assert_contains_not(out, "glusterfs 10.3");
}
END_TEST

START_TEST(help_lists_what_there_is)
{
    leaves("clinkerd --help", 0);
    ck_assert_contains(out, "Usage: clinkerd [OPTION...] [BRICK-DIRECTORY]\n");
    ck_assert_contains(out, "--check-config");
    ck_assert_contains(out, "--volfile-id=KEY");
    ck_assert_contains_not(out, "--fuse-mountopts");
    leaves("glusterfsd -?", 0);
    ck_assert_contains_not(out, "--check-config");
    leaves("glusterfsd --usage", 0);
    ck_assert_contains(out, "Usage: glusterfsd");
    ck_assert_str_eq(told, "");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cmdline");
    TCase *tc = core_tcase(suite, "cmdline");

    tcase_add_test(tc, glusterds_line_is_taken);
    tcase_add_test(tc, lines_of_scripts_are_taken);
    tcase_add_test(tc, unique_prefixes_will_do);
    tcase_add_loop_test(tc, options_for_others_are_taken_in_silence, 0,
                        COUNT_OF(ignored));
    tcase_add_loop_test(tc, a_bad_line_has_the_peers_exit_code, 0,
                        COUNT_OF(bad_lines));
    tcase_add_test(tc, without_any_volfile_the_usage_is_told);
    tcase_add_test(tc, our_own_line_is_taken);
    tcase_add_test(tc, the_peers_options_make_it_the_peers_line);
    tcase_add_test(tc, lists_have_bounds);
    tcase_add_test(tc, queries_print_one_line);
    tcase_add_test(tc, the_version_begins_as_scripts_expect);
    tcase_add_test(tc, help_lists_what_there_is);
    return core_run(suite);
}
