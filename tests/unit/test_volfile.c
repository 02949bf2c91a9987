/* SPDX-License-Identifier: BSD-2-Clause */
/* Volfiles: what is read, what is refused, and what becomes of it. */
#include "server/core/volfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/must.h"
#include "tests/unit/core_fixture.h"

/* As glusterd serves it, with what a brick has by default. */
static const char full[] =
    "volume v1-posix\n"
    "    type storage/posix\n"
    "    option shared-brick-count 3\n"
    "    option fips-mode-rchecksum on\n"
    "    option volume-id 4a56088c-f48f-4e1d-bd07-ae0209f26cc3\n"
    "    option directory /d/b1\n"
    "end-volume\n"
    "\n"
    "volume v1-trash\n"
    "    type features/trash\n"
    "    option trash-internal-op off\n"
    "    option brick-path /d/b1\n"
    "    option trash-dir .trashcan\n"
    "    subvolumes v1-posix\n"
    "end-volume\n"
    "\n"
    "volume v1-changelog\n"
    "    type features/changelog\n"
    "    option changelog-barrier-timeout 120\n"
    "    option changelog-notification off\n"
    "    option changelog-dir /d/b1/.glusterfs/changelogs\n"
    "    option changelog-brick /d/b1\n"
    "    subvolumes v1-trash\n"
    "end-volume\n"
    "\n"
    "volume v1-bitrot-stub\n"
    "    type features/bitrot-stub\n"
    "    option bitrot disable\n"
    "    option export /d/b1\n"
    "    subvolumes v1-changelog\n"
    "end-volume\n"
    "\n"
    "volume v1-access-control\n"
    "    type features/access-control\n"
    "    subvolumes v1-bitrot-stub\n"
    "end-volume\n"
    "\n"
    "volume v1-locks\n"
    "    type features/locks\n"
    "    option enforce-mandatory-lock off\n"
    "    subvolumes v1-access-control\n"
    "end-volume\n"
    "\n"
    "volume v1-worm\n"
    "    type features/worm\n"
    "    option worm-files-deletable on\n"
    "    option worm-file-level off\n"
    "    option worm off\n"
    "    subvolumes v1-locks\n"
    "end-volume\n"
    "\n"
    "volume v1-read-only\n"
    "    type features/read-only\n"
    "    option read-only off\n"
    "    subvolumes v1-worm\n"
    "end-volume\n"
    "\n"
    "volume v1-leases\n"
    "    type features/leases\n"
    "    option leases off\n"
    "    subvolumes v1-read-only\n"
    "end-volume\n"
    "\n"
    "volume v1-upcall\n"
    "    type features/upcall\n"
    "    option cache-invalidation off\n"
    "    subvolumes v1-leases\n"
    "end-volume\n"
    "\n"
    "volume v1-io-threads\n"
    "    type performance/io-threads\n"
    "    subvolumes v1-upcall\n"
    "end-volume\n"
    "\n"
    "volume v1-selinux\n"
    "    type features/selinux\n"
    "    option selinux on\n"
    "    subvolumes v1-io-threads\n"
    "end-volume\n"
    "\n"
    "volume v1-marker\n"
    "    type features/marker\n"
    "    option inode-quota off\n"
    "    option quota off\n"
    "    option gsync-force-xtime off\n"
    "    option xtime off\n"
    "    option quota-version 0\n"
    "    option timestamp-file /var/lib/glusterd/vols/v1/marker.tstamp\n"
    "    option volume-uuid 4a56088c-f48f-4e1d-bd07-ae0209f26cc3\n"
    "    subvolumes v1-selinux\n"
    "end-volume\n"
    "\n"
    "volume v1-barrier\n"
    "    type features/barrier\n"
    "    option barrier-timeout 120\n"
    "    option barrier disable\n"
    "    subvolumes v1-marker\n"
    "end-volume\n"
    "\n"
    "volume v1-index\n"
    "    type features/index\n"
    "    option xattrop-pending-watchlist trusted.afr.v1-\n"
    "    option xattrop-dirty-watchlist trusted.afr.dirty\n"
    "    option index-base /d/b1/.glusterfs/indices\n"
    "    subvolumes v1-barrier\n"
    "end-volume\n"
    "\n"
    "volume v1-quota\n"
    "    type features/quota\n"
    "    option deem-statfs off\n"
    "    option server-quota off\n"
    "    option volume-uuid v1\n"
    "    subvolumes v1-index\n"
    "end-volume\n"
    "\n"
    "volume /d/b1\n"
    "    type debug/io-stats\n"
    "    option global-threading off\n"
    "    option count-fop-hits off\n"
    "    option latency-measurement off\n"
    "    option threads 16\n"
    "    option log-level WARNING\n"
    "    option volume-id 4a56088c-f48f-4e1d-bd07-ae0209f26cc3\n"
    "    option unique-id /d/b1\n"
    "    subvolumes v1-quota\n"
    "end-volume\n"
    "\n"
    "volume v1-server\n"
    "    type protocol/server\n"
    "    option transport.listen-backlog 1024\n"
    "    option transport.socket.keepalive-count 8\n"
    "    option transport.socket.keepalive-interval 3\n"
    "    option transport.socket.keepalive-time 21\n"
    "    option transport.socket.ssl-enabled off\n"
    "    option rpc.outstanding-rpc-limit 32\n"
    "    option transport.socket.keepalive 1\n"
    "    option auth.addr./d/b1.allow 10.*\n"
    "    option auth-path /d/b1\n"
    "    option auth.login.f07d49d1-4ea0-4354-bd7e-c07b8f291d05.password "
    "4583620a-a056-47ee-9e6c-5a57d4b5aa01\n"
    "    option auth.login./d/b1.allow f07d49d1-4ea0-4354-bd7e-c07b8f291d05\n"
    "    option transport.address-family inet\n"
    "    option transport-type tcp\n"
    "    subvolumes /d/b1\n"
    "end-volume\n";

static struct options *o;
static struct volfile *v;
static struct core_lines notes;
static char err[VOLFILE_ERROR_BYTES];

static void
set_up(void)
{
    o = options_new();
    ck_assert_ptr_nonnull(o);
    v = NULL;
    notes = (struct core_lines){.count = 0};
    err[0] = '\0';
}

static void
tear_down(void)
{
    volfile_free(&v);
    options_free(&o);
}

static int
parse_bytes(const char *text, size_t bytes)
{
    volfile_free(&v);
    return volfile_parse(&v, text, bytes, "vol", err);
}

static int
parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void
parse_well(const char *text)
{
    ck_assert_msg(parse(text) == 0, "%s", err);
}

static int
apply(bool running)
{
    return volfile_apply(v, o, running, err, core_lines_add, &notes);
}

/* posix with server on top; more options of each. */
static const char *
small(const char *posix, const char *server)
{
    static char text[65536];

    (void)snprintf(text, sizeof(text),
                   "volume p type storage/posix option directory /b %s "
                   "end-volume\n"
                   "volume s type protocol/server %s subvolumes p end-volume",
                   posix, server);
    return text;
}

/* The same with a translator between. */
static const char *
between(const char *type, const char *option)
{
    static char text[4096];

    (void)snprintf(text, sizeof(text),
                   "volume p type storage/posix option directory /b "
                   "end-volume\n"
                   "volume x type %s %s subvolumes p end-volume\n"
                   "volume s type protocol/server subvolumes x end-volume\n",
                   type, option);
    return text;
}

static void
assert_text(enum option_id id, const char *want)
{
    char text[512];

    ck_assert_str_eq(options_text(o, id, text, sizeof(text)), want);
}

/* --- the parser --- */

START_TEST(the_whole_graph_is_read)
{
    parse_well(full);
    ck_assert_uint_eq(v->count, 18);
    ck_assert_str_eq(v->xlators[0].name, "v1-posix");
    ck_assert_str_eq(v->xlators[0].type, "storage/posix");
    ck_assert_uint_eq(v->xlators[0].options_count, 4);
    ck_assert_str_eq(v->xlators[0].options[3].key, "directory");
    ck_assert_str_eq(v->xlators[0].options[3].value, "/d/b1");
    ck_assert_uint_eq(v->xlators[0].children_count, 0);
    ck_assert_str_eq(v->xlators[17].name, "v1-server");
    ck_assert_uint_eq(v->xlators[17].options_count, 13);
    ck_assert_uint_eq(v->xlators[17].children_count, 1);
    ck_assert_uint_eq(v->xlators[17].children[0], 16);
}
END_TEST

START_TEST(quotes_keep_blanks_and_keywords)
{
    parse_well("# a comment with ` and \" in it\n"
               "volume a#b type t/x option \"type\" \"a \\\" b\\\\c\" "
               "option k foo#bar # the rest\n"
               "\toption \"volume\"\"end-volume\"\rend-volume");
    ck_assert_str_eq(v->xlators[0].name, "a#b");
    ck_assert_uint_eq(v->xlators[0].options_count, 3);
    ck_assert_str_eq(v->xlators[0].options[0].key, "type");
    ck_assert_str_eq(v->xlators[0].options[0].value, "a \" b\\c");
    ck_assert_str_eq(v->xlators[0].options[1].value, "foo#bar");
    ck_assert_str_eq(v->xlators[0].options[2].key, "volume");
    ck_assert_str_eq(v->xlators[0].options[2].value, "end-volume");
}
END_TEST

START_TEST(options_may_follow_subvolumes_and_the_last_wins)
{
    parse_well("volume a type t option k 1 option k 2 end-volume\n"
               "volume b type t option k 1 subvolumes a option j 2 option k 3 "
               "end-volume");
    ck_assert_uint_eq(v->xlators[0].options_count, 1);
    ck_assert_str_eq(v->xlators[0].options[0].value, "2");
    ck_assert_uint_eq(v->xlators[1].options_count, 2);
    ck_assert_str_eq(v->xlators[1].options[0].value, "3");
}
END_TEST

static const struct {
    const char *text, *told;
} bad_texts[] = {
    {"", "vol:1: there is no volume in the file"},
    {"\n\n # only a comment", "vol:3: there is no volume in the file"},
    {"volum a", "vol:1: 'volum' stands where 'volume' should be"},
    {"volume", "vol:1: the file ends where a volume's name should be"},
    {"volume type t", "'type' stands where a volume's name should be"},
    {"volume a\ntipe t", "vol:2: 'tipe' stands where 'type' should be"},
    {"volume a type t end-volume", "'a' has neither options nor subvolumes"},
    {"volume a type t\noption k\nend-volume",
     "vol:3: 'end-volume' stands where an option's value should be"},
    {"volume a type t option k v", "the file ends where 'end-volume'"},
    {"volume a type t option k v v end-volume",
     "'v' stands where 'end-volume' should be"},
    {"volume a type t option k v end-volume x", "'x' stands where 'volume'"},
    {"volume a type t option k v end-volume\n"
     "volume a type t option k v end-volume",
     "vol:2: there is a volume 'a' already"},
    {"volume a type t subvolumes a end-volume", "'a' is its own subvolume"},
    {"volume a type t subvolumes b end-volume\n"
     "volume b type t option k v end-volume",
     "subvolume 'b' is not defined before it"},
    {"volume a type t subvolumes end-volume", "nothing after 'subvolumes'"},
    {"volume a type t option k v end-volume\n"
     "volume b type t subvolumes a subvolumes a end-volume",
     "vol:2: 'subvolumes' stands where 'end-volume' should be"},
    {"volume a type t option k `id` end-volume", "backticks"},
    {"volume a type t option k \"`id`\" end-volume", "backticks"},
    {"volume a type t option k \\` end-volume", "backslash"},
    {"volume a type t option k a\\b end-volume", "backslash"},
    {"volume a type t option k \"\" end-volume", "the quotes are empty"},
    {"volume a type t option k \"a\nb\" end-volume",
     "the line ends within quotes"},
    {"volume a type t option k \"a", "the file ends within quotes"},
    {"volume a type t option k \"a\\", "the file ends within quotes"},
    {"volume a type t option k a\x01 end-volume", "control character"},
    {"volume a type t option k \"a\tb\" end-volume", "control character"},
};

START_TEST(a_bad_text_is_told_with_its_line)
{
    ck_assert_int_eq(parse(bad_texts[_i].text), -EINVAL);
    ck_assert_ptr_null(v);
    ck_assert(strncmp(err, "vol:", 4) == 0);
    ck_assert_contains(err, bad_texts[_i].told);
}
END_TEST

START_TEST(a_nul_is_no_blank)
{
    static const char text[] = "volume a type t option k v\0w end-volume";

    ck_assert_int_eq(parse_bytes(text, sizeof(text) - 1), -EINVAL);
    ck_assert_contains(err, "control character");
}
END_TEST

/* Each part of a text is a prefix that must fail cleanly; the whole is read.
 * The end of line may be missing. */
START_TEST(a_text_cut_anywhere_is_refused_or_whole)
{
    size_t good = 0;

    for (size_t n = 0; n < sizeof(full) - 1; n++) {
        int result = parse_bytes(full, n);

        ck_assert(result == 0 || result == -EINVAL);
        ck_assert((result == 0) == (v != NULL));
        good += result == 0;
    }
    /* At an end-volume, and for up to two newlines behind it. */
    ck_assert_uint_eq(good, 17 * 3 + 1);
}
END_TEST

static char *
repeat(char *text, const char *part, size_t times)
{
    text += strlen(text);
    for (size_t i = 0; i < times; i++)
        text = stpcpy(text, part);
    return text;
}

START_TEST(everything_has_a_bound)
{
    static char text[VOLFILE_BYTES_MAX + 2];
    char *p = text;

    /* Words. */
    (void)strcpy(text, "volume a type t option k ");
    p = repeat(text, "x", 16383);
    (void)strcpy(p, " end-volume");
    parse_well(text);
    (void)strcpy(p, "x end-volume");
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_contains(err, "the word is too long");
    /* Options. */
    p = stpcpy(text, "volume a type t ");
    for (int i = 0; i < 512; i++)
        p += sprintf(p, "option k%d v ", i);
    (void)strcpy(p, "end-volume");
    parse_well(text);
    (void)strcpy(p, "option more v end-volume");
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_contains(err, "more than 512 options");
    /* Subvolumes. */
    p = stpcpy(text, "volume a type t option k v end-volume "
                     "volume b type t subvolumes ");
    p = repeat(text, "a ", 512);
    (void)strcpy(p, "end-volume");
    parse_well(text);
    (void)strcpy(p, "a end-volume");
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_contains(err, "more than 512 subvolumes");
    /* Volumes. */
    p = text;
    for (int i = 0; i < 512; i++)
        p += sprintf(p, "volume v%d type t option k v end-volume\n", i);
    parse_well(text);
    (void)strcpy(p, "volume more type t option k v end-volume\n");
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_contains(err, "vol:513: there are more than 512 volumes");
    /* All of it. */
    memset(text, ' ', sizeof(text) - 1);
    memcpy(text, "volume a type t option k v end-volume",
           strlen("volume a type t option k v end-volume"));
    ck_assert_int_eq(parse_bytes(text, VOLFILE_BYTES_MAX), 0);
    ck_assert_int_eq(parse_bytes(text, VOLFILE_BYTES_MAX + 1), -EINVAL);
    ck_assert_contains(err, "longer than");
}
END_TEST

START_TEST(a_volfile_is_read_from_disk)
{
    core_file_write("x.vol", full);
    ck_assert_int_eq(volfile_read(&v, "x.vol", err), 0);
    ck_assert_uint_eq(v->count, 18);
    volfile_free(&v);
    ck_assert_int_eq(volfile_read(&v, "none.vol", err), -ENOENT);
    ck_assert_str_eq(err, "none.vol: No such file or directory");
    ck_assert_int_eq(volfile_read(&v, ".", err), -EISDIR);
    ck_assert_int_eq(truncate("x.vol", VOLFILE_BYTES_MAX + 1), 0);
    ck_assert_int_eq(volfile_read(&v, "x.vol", err), -EFBIG);
    ck_assert_ptr_null(v);
}
END_TEST

START_TEST(overrides_go_to_all_that_match)
{
    parse_well(full);
    ck_assert_int_eq(volfile_override(v, "*-posix.glusterd-uuid="
                                         "a1c0ffee-f48f-4e1d-bd07-ae0209f26cc3",
                                      err),
                     0);
    ck_assert_int_eq(
        volfile_override(v, "v1-server.transport.socket.listen-port=49152",
                         err),
        0);
    ck_assert_int_eq(volfile_override(v, "v1-posix.directory=/e=f", err), 0);
    ck_assert_int_eq(
        volfile_override(v, "transport.socket.bind-address=1.2.3.4", err), 0);
    ck_assert_uint_eq(v->xlators[0].options_count, 5);
    ck_assert_str_eq(v->xlators[0].options[3].value, "/e=f");
    ck_assert_uint_eq(v->xlators[17].options_count, 14);
    ck_assert_int_eq(apply(false), 0);
    assert_text(OPT_GLUSTERD_UUID, "a1c0ffee-f48f-4e1d-bd07-ae0209f26cc3");
    ck_assert_int_eq(options_number(o, OPT_LISTEN_PORT), 49152);
    ck_assert_ptr_null(options_const(o, OPT_BIND_ADDRESS));
}
END_TEST

START_TEST(an_override_has_three_parts)
{
    static const char *const wrong[] = {"",      "a",     "a.b",  "a=b",
                                        ".b=c",  "a.=c",  "a.b=", "=.",
                                        "a=b.c"};

    parse_well(full);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        ck_assert_msg(volfile_override(v, wrong[i], err) == -EINVAL, "'%s'",
                      wrong[i]);
        ck_assert_contains(err, "TRANSLATOR.OPTION=VALUE");
    }
}
END_TEST

/* --- the mapping --- */

START_TEST(a_generated_graph_becomes_options)
{
    char password[512];

    parse_well(full);
    ck_assert_msg(apply(false) == 0, "%s", err);
    ck_assert_str_eq(options_const(o, OPT_BRICK_DIRECTORY), "/d/b1");
    ck_assert_str_eq(options_const(o, OPT_BRICK_NAME), "/d/b1");
    ck_assert_str_eq(options_const(o, OPT_VOLUME_NAME), "v1");
    ck_assert_str_eq(options_const(o, OPT_VOLUME_ID),
                     "4a56088c-f48f-4e1d-bd07-ae0209f26cc3");
    ck_assert_int_eq(options_number(o, OPT_SHARED_BRICK_COUNT), 3);
    ck_assert(options_bool(o, OPT_FIPS_RCHECKSUM));
    ck_assert(options_bool(o, OPT_SELINUX));
    ck_assert(!options_bool(o, OPT_READ_ONLY));
    ck_assert_int_eq(options_number(o, OPT_KEEPALIVE_TIME), 21);
    ck_assert_int_eq(options_number(o, OPT_KEEPALIVE_INTERVAL), 3);
    ck_assert_int_eq(options_number(o, OPT_KEEPALIVE_COUNT), 8);
    ck_assert_int_eq(options_number(o, OPT_OUTSTANDING_LIMIT), 32);
    assert_text(OPT_AUTH_ALLOW, "10.*");
    assert_text(OPT_AUTH_LOGIN_ALLOW, "f07d49d1-4ea0-4354-bd7e-c07b8f291d05");
    assert_text(OPT_LOG_LEVEL, "WARNING");
    ck_assert(options_login(o, "f07d49d1-4ea0-4354-bd7e-c07b8f291d05",
                            password, sizeof(password)));
    ck_assert_str_eq(password, "4583620a-a056-47ee-9e6c-5a57d4b5aa01");
    assert_text(OPT_INDEX_DIRTY, "trusted.afr.dirty");
    assert_text(OPT_INDEX_PENDING, "trusted.afr.v1-");
    assert_text(OPT_INDEX_PENDING64, "trusted.ec.dirty");
    /* Nothing is left out. */
    ck_assert_str_eq(notes.text, "");
}
END_TEST

START_TEST(the_smallest_graph_has_the_peers_defaults)
{
    parse_well(small("", "option auth.addr.p.allow *"));
    ck_assert_msg(apply(false) == 0, "%s", err);
    ck_assert_str_eq(options_const(o, OPT_BRICK_NAME), "p");
    ck_assert(!options_bool(o, OPT_FIPS_RCHECKSUM));
    ck_assert(!options_bool(o, OPT_SELINUX));
    assert_text(OPT_VOLUME_NAME, "vol");
    assert_text(OPT_AUTH_ALLOW, "*");
    ck_assert_uint_eq(notes.count, 1);
    ck_assert_contains(notes.text, "permissions are checked all the same");
}
END_TEST

START_TEST(without_a_rule_nobody_is_let_in_by_address)
{
    parse_well(small("", ""));
    ck_assert_int_eq(apply(false), 0);
    assert_text(OPT_AUTH_ALLOW, "");
}
END_TEST

START_TEST(a_bricks_own_rules_outrank_those_for_all)
{
    parse_well(small("", "option auth.addr.p.allow a option auth.allow b "
                         "option auth.reject c option auth.ip.p.reject d "
                         "option auth.addr.other.allow e"));
    ck_assert_int_eq(apply(false), 0);
    assert_text(OPT_AUTH_ALLOW, "a");
    assert_text(OPT_AUTH_REJECT, "d");
    ck_assert_contains(notes.text, "auth.addr.other.allow names no brick");
}
END_TEST

START_TEST(every_option_of_ours_that_the_peer_has_is_mapped)
{
    parse_well(small(
        "option hostname h option brick-uid 5 option reserve 7 "
        "option health-check-interval 1m option create-mask 0700 "
        "option ctime off option max-hardlinks 0 option gfid2path off",
        "option transport.socket.listen-port 1111 "
        "option transport.socket.bind-address 127.0.0.1 "
        "option transport.listen-backlog 7 option inode-lru-limit 10 "
        "option rpc-auth-allow-insecure off option root-squash on "
        "option anonuid 99 option strict-auth-accept on "
        "option statedump-path /tmp option event-threads 4 "
        "option transport.tcp-user-timeout 30 option tcp-window-size 64KB "
        "option transport.address-family inet6"));
    ck_assert_msg(apply(false) == 0, "%s", err);
    assert_text(OPT_HOSTNAME, "h");
    ck_assert_int_eq(options_number(o, OPT_BRICK_UID), 5);
    assert_text(OPT_RESERVE, "7");
    ck_assert_int_eq(options_number(o, OPT_HEALTH_INTERVAL), 60);
    ck_assert_int_eq(options_number(o, OPT_CREATE_MASK), 0700);
    ck_assert(!options_bool(o, OPT_CTIME));
    ck_assert_int_eq(options_number(o, OPT_MAX_HARDLINKS), 0);
    ck_assert(!options_bool(o, OPT_GFID2PATH));
    ck_assert_int_eq(options_number(o, OPT_LISTEN_PORT), 1111);
    assert_text(OPT_BIND_ADDRESS, "127.0.0.1");
    ck_assert_int_eq(options_number(o, OPT_LISTEN_BACKLOG), 7);
    ck_assert_int_eq(options_number(o, OPT_INODE_LRU_LIMIT), 10);
    ck_assert(!options_bool(o, OPT_ALLOW_INSECURE));
    ck_assert(options_bool(o, OPT_ROOT_SQUASH));
    ck_assert_int_eq(options_number(o, OPT_ANONUID), 99);
    ck_assert(options_bool(o, OPT_STRICT_AUTH));
    assert_text(OPT_STATEDUMP_PATH, "/tmp");
    ck_assert_int_eq(options_number(o, OPT_EVENT_THREADS), 4);
    ck_assert_int_eq(options_number(o, OPT_TCP_USER_TIMEOUT), 30);
    ck_assert_int_eq(options_number(o, OPT_TCP_WINDOW), 65536);
    assert_text(OPT_ADDRESS_FAMILY, "inet6");
}
END_TEST

START_TEST(transports_are_sockets)
{
    parse_well(small("", "option transport-type unix option "
                         "transport.socket.listen-path /run/x"));
    ck_assert_int_eq(apply(false), 0);
    assert_text(OPT_ADDRESS_FAMILY, "unix");
    assert_text(OPT_LISTEN_PATH, "/run/x");
    parse_well(small("", "option transport-type tcp,rdma"));
    ck_assert_int_eq(apply(false), 0);
    assert_text(OPT_ADDRESS_FAMILY, "inet");
    ck_assert_contains(notes.text, "only sockets are served");
    parse_well(small("", "option transport-type rdma"));
    ck_assert_int_eq(apply(false), -ENOTSUP);
    ck_assert_contains(err, "transport-type");
}
END_TEST

static const struct {
    const char *type, *option;
    enum { TAKEN, TOLD, REFUSED, BAD } what;
    const char *told;
} layers[] = {
    {"features/quota", "option server-quota on", REFUSED, "server-quota"},
    {"features/quota", "option server-quota off", TAKEN, NULL},
    {"features/marker", "option quota on", REFUSED, "quota"},
    {"features/marker", "option inode-quota on", REFUSED, "inode-quota"},
    {"features/marker", "option xtime on", REFUSED, "xtime"},
    {"features/worm", "option worm on", REFUSED, "worm"},
    {"features/worm", "option worm-file-level enable", REFUSED, "worm-file"},
    {"features/worm", "option worm perhaps", BAD, "'perhaps'"},
    {"features/leases", "option leases on", REFUSED, "leases"},
    {"features/barrier", "option barrier enable", REFUSED, "barrier"},
    {"features/changelog", "option changelog on", REFUSED, "changelog"},
    {"features/bitrot-stub", "option bitrot on", REFUSED, "bitrot"},
    {"features/trash", "option trash on", REFUSED, "trash"},
    {"features/locks", "option mandatory-locking forced", TAKEN, NULL},
    {"features/locks", "option mandatory-locking off", TAKEN, NULL},
    {"features/posix-locks", "option enforce-mandatory-lock on", REFUSED,
     "enforce-mandatory-lock"},
    {"features/locks", "option revocation-secs 30", TAKEN, NULL},
    {"features/locks", "option revocation-secs 0", TAKEN, NULL},
    {"features/upcall", "option cache-invalidation on", TOLD,
     "cache-invalidation"},
    {"features/index", "option index-base /b/i", TAKEN, NULL},
    {"features/index", "option xattrop64-watchlist trusted.ec.dirty", TAKEN,
     NULL},
    {"features/index", "option xattrop-watchlist x", TOLD,
     "xattrop-watchlist"},
    {"features/sdfs", "option pass-through false", TOLD, "features/sdfs"},
    {"features/namespace", "option tag-namespaces on", TOLD, "namespace"},
    {"features/simple-quota", "option pass-through true", TAKEN, NULL},
    {"features/simple-quota", "option pass-through false", REFUSED,
     "pass-through"},
    {"features/cdc", "option mode server", REFUSED, "features/cdc"},
    {"features/arbiter", "", REFUSED, "features/arbiter"},
    {"debug/error-gen", "option failure 10", REFUSED, "debug/error-gen"},
    {"debug/delay-gen", "option enable write", REFUSED, "debug/delay-gen"},
    {"debug/trace", "option log-file no", TOLD, "debug/trace"},
    {"features/shard", "", REFUSED, "type features/shard is not known"},
    {"../../evil", "", REFUSED, "is not known"},
    {"system/posix-acl", "option super-uid 7", TAKEN, NULL},
    {"performance/io-threads", "option thread-count 65", BAD, "1 to 64"},
    {"performance/io-threads", "option unheard-of 65", TOLD, "unheard-of"},
    {"debug/io-stats", "option latency-measurement on", TOLD,
     "latency-measurement"},
    {"debug/io-stats", "option log-level LOUD", BAD, "LOUD"},
};

START_TEST(a_layer_is_taken_told_or_refused)
{
    int result;

    parse_well(between(layers[_i].type, layers[_i].option));
    result = apply(false);
    switch (layers[_i].what) {
    case TAKEN:
    case TOLD:
        ck_assert_msg(result == 0, "%s", err);
        break;
    case REFUSED:
        ck_assert_int_eq(result, -ENOTSUP);
        ck_assert_contains(err, layers[_i].told);
        break;
    case BAD:
        ck_assert(result == -EINVAL || result == -ERANGE);
        ck_assert_contains(err, layers[_i].told);
        break;
    }
    if (layers[_i].what == TOLD)
        ck_assert_contains(notes.text, layers[_i].told);
    if (layers[_i].what == TAKEN)
        ck_assert_contains_not(notes.text, "left out");
    /* All or nothing. */
    ck_assert_int_eq(options_is_default(o, OPT_BRICK_DIRECTORY), result < 0);
}
END_TEST

START_TEST(server_options_that_open_a_door_are_refused)
{
    static const char *const options[] = {
        "option transport.socket.ssl-enabled on",
        "option auth.addr.p.alow 10.*",
        "option auth.strange yes",
        "option rpc-auth.auth-glusterfs off",
    };

    for (size_t i = 0; i < COUNT_OF(options); i++) {
        parse_well(small("", options[i]));
        ck_assert_msg(apply(false) == -ENOTSUP, "%s", options[i]);
    }
    parse_well(small("", "option auth.login.u.password p "
                         "option auth.login.p.ssl-allow *"));
    ck_assert_int_eq(apply(false), 0);
}
END_TEST

static const struct {
    const char *text;
    int result;
    const char *told;
} shapes[] = {
    {"volume p type storage/posix option directory /b end-volume", -EINVAL,
     "protocol/server there"},
    {"volume s type protocol/server option a b end-volume", -EINVAL,
     "storage/posix there"},
    {"volume p type storage/posix option directory /b end-volume "
     "volume q type storage/posix option directory /c end-volume "
     "volume s type protocol/server subvolumes p q end-volume",
     -ENOTSUP, "2 subvolumes"},
    {"volume p type storage/posix option directory /b end-volume "
     "volume q type storage/posix option directory /c end-volume "
     "volume s type protocol/server subvolumes q end-volume",
     -ENOTSUP, "does not stand on"},
    {"volume p type storage/posix option directory /b end-volume "
     "volume r type protocol/server subvolumes p end-volume "
     "volume s type protocol/server subvolumes r end-volume",
     -EINVAL, "below another"},
    {"volume p type storage/posix option hostname h end-volume "
     "volume s type protocol/server subvolumes p end-volume",
     -EINVAL, "no option directory"},
    {"volume p type storage/posix option directory b end-volume "
     "volume s type protocol/server subvolumes p end-volume",
     -EINVAL, "'b' is not an absolute path"},
    {"volume c type protocol/client option directory b end-volume", -EINVAL,
     "protocol/server there"},
};

START_TEST(a_bricks_graph_is_one_chain)
{
    parse_well(shapes[_i].text);
    ck_assert_int_eq(apply(false), shapes[_i].result);
    ck_assert_contains(err, shapes[_i].told);
    for (int i = 0; i < OPTIONS_COUNT; i++)
        ck_assert(options_is_default(o, (enum option_id)i));
}
END_TEST

START_TEST(a_changed_volfile_takes_effect_where_it_can)
{
    parse_well(between("performance/io-threads", "option thread-count 8"));
    ck_assert_int_eq(apply(false), 0);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 8);
    notes = (struct core_lines){.count = 0};
    parse_well(between("performance/io-threads", "option idle-time 5"));
    ck_assert_int_eq(volfile_override(v, "p.directory=/other", err), 0);
    ck_assert_int_eq(apply(true), 0);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 16);
    ck_assert_int_eq(options_number(o, OPT_IDLE_TIME), 5);
    ck_assert_str_eq(options_const(o, OPT_BRICK_DIRECTORY), "/b");
    ck_assert_contains(notes.text, "posix.directory has changed");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("volfile");
    TCase *tc = core_tcase(suite, "volfile");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, the_whole_graph_is_read);
    tcase_add_test(tc, quotes_keep_blanks_and_keywords);
    tcase_add_test(tc, options_may_follow_subvolumes_and_the_last_wins);
    tcase_add_loop_test(tc, a_bad_text_is_told_with_its_line, 0,
                        COUNT_OF(bad_texts));
    tcase_add_test(tc, a_nul_is_no_blank);
    tcase_add_test(tc, a_text_cut_anywhere_is_refused_or_whole);
    tcase_add_test(tc, everything_has_a_bound);
    tcase_add_test(tc, a_volfile_is_read_from_disk);
    tcase_add_test(tc, overrides_go_to_all_that_match);
    tcase_add_test(tc, an_override_has_three_parts);
    tcase_add_test(tc, a_generated_graph_becomes_options);
    tcase_add_test(tc, the_smallest_graph_has_the_peers_defaults);
    tcase_add_test(tc, without_a_rule_nobody_is_let_in_by_address);
    tcase_add_test(tc, a_bricks_own_rules_outrank_those_for_all);
    tcase_add_test(tc, every_option_of_ours_that_the_peer_has_is_mapped);
    tcase_add_test(tc, transports_are_sockets);
    tcase_add_loop_test(tc, a_layer_is_taken_told_or_refused, 0,
                        COUNT_OF(layers));
    tcase_add_test(tc, server_options_that_open_a_door_are_refused);
    tcase_add_loop_test(tc, a_bricks_graph_is_one_chain, 0, COUNT_OF(shapes));
    tcase_add_test(tc, a_changed_volfile_takes_effect_where_it_can);
    return core_run(suite);
}
