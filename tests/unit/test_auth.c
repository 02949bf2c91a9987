/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may connect. */
#include "server/stage/auth.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/must.h"

MEM_TYPE(mt_test, "test", "list");

static struct sockaddr_storage peer_addr;

static struct auth_peer
peer_of(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    memset(&peer_addr, 0, sizeof(peer_addr));
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        memcpy(&peer_addr, &in, sizeof(in));
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        memcpy(&peer_addr, &in6, sizeof(in6));
    else
        return (struct auth_peer){text, NULL, false, true};
    return (struct auth_peer){text, &peer_addr, true, false};
}

static enum auth_verdict
verdict(const char *allow, const char *reject, const char *peer,
        const char *subdir)
{
    struct auth_peer p = peer_of(peer);

    return auth_addr(allow, reject, true, &p, subdir);
}

/* Whether the peer is on the list, seen from both sides. */
static bool
listed(const char *list, const char *peer)
{
    bool yes = verdict(list, NULL, peer, NULL) == AUTH_ACCEPT;

    if (yes)
        ck_assert_int_eq(verdict("*", list, peer, NULL), AUTH_REJECT);
    return yes;
}

START_TEST(lists_of_addresses)
{
    static const struct {
        const char *list, *peer;
        bool yes;
    } t[] = {
        {"*", "192.0.2.7", true},
        {"*", "2001:db8::1", true},
        {"*", "/run/x.sock", true},
        {"", "192.0.2.7", false},
        {",, ,", "192.0.2.7", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.70", false},
        {"192.0.2.8, 192.0.2.7", "192.0.2.7", true},
        {"192.0.2.*", "192.0.2.7", true},
        {"192.0.2.*", "192.0.3.7", false},
        {"192.0.2.[5-7]", "192.0.2.7", true},
        {"192.0.2.?", "192.0.2.17", false},
        {"2001:db8:0:0::1", "2001:db8::1", true}, /* by value, not by text */
        {"2001:db8::*", "2001:db8::1", true},
        {"fe80::1", "2001:db8::1", false},
        /* IPv4 through an IPv6 socket. */
        {"192.0.2.7", "::ffff:192.0.2.7", true},
        {"192.0.2.*", "::ffff:192.0.2.7", true},
        {"192.0.2.0/24", "::ffff:192.0.2.7", true},
        {"::ffff:192.0.2.7", "192.0.2.7", true},
        {"::ffff:192.0.2.0/120", "192.0.2.7", true},
        {"::ffff:192.0.2.0/120", "192.0.3.7", false},
        {"::ffff:0:0/95", "192.0.2.7", false},
        /* Networks. */
        {"192.0.2.0/24", "192.0.2.7", true},
        {"192.0.2.99/24", "192.0.2.7", true},
        {"192.0.2.0/24", "192.0.3.7", false},
        {"192.0.2.6/31", "192.0.2.7", true},
        {"192.0.2.4/31", "192.0.2.7", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"192.0.2.6/32", "192.0.2.7", false},
        {"0.0.0.0/0", "192.0.2.7", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "192.0.2.7", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"2001:db8::1/128", "2001:db8::1", true},
        /* No networks. */
        {"192.0.2.0/33", "192.0.2.7", false},
        {"192.0.2.0/", "192.0.2.7", false},
        {"192.0.2.0/ 24", "192.0.2.7", false},
        {"192.0.2.0/-1", "192.0.2.7", false},
        {"192.0.2.0/+0", "192.0.2.7", false},
        {"192.0.2.0/0x0", "192.0.2.7", false},
        {"192.0.2.0/000000000", "192.0.2.7", false},
        {"192.0.2.0/4294967320", "192.0.2.7", false},
        {"192.0.2.0/24/24", "192.0.2.7", false},
        {"192.0.2/24", "192.0.2.7", false},
        {"/24", "192.0.2.7", false},
        {"/", "192.0.2.7", false},
        {"*/0", "192.0.2.7", false},
        {"2001:db8::/129", "2001:db8::1", false},
        {":::::/0", "2001:db8::1", false},
        /* Names. */
        {"localhost", "127.0.0.1", true},
        {"192.0.2.1,localhost", "127.0.0.1", true},
        {"localhost", "192.0.2.7", false},
        {"LOCALHOST", "127.0.0.1", true},
        /* Numbers that some resolvers take for addresses. */
        {"127.1", "127.0.0.1", false},
        {"2130706433", "127.0.0.1", false},
        {"0x7f000001", "127.0.0.1", false},
        {"0x7f.1", "127.0.0.1", false},
        {"127.0.0.01", "127.0.0.1", false},
        /* No names either. */
        {"local host", "127.0.0.1", false},
        {"-localhost", "127.0.0.1", false},
        {"localhost;", "127.0.0.1", false},
        {".localhost", "127.0.0.1", false},
        /* Turned around, and what follows with it. */
        {"!192.0.2.7", "192.0.2.7", false},
        {"!192.0.2.7", "192.0.2.8", true},
        {"192.0.2.7,!192.0.2.*", "192.0.2.7", true},
        {"!192.0.2.7,192.0.2.8", "192.0.2.7", true},
        {"!192.0.2.7,192.0.2.7", "192.0.2.7", false},
        {"!", "192.0.2.7", false},
        {"!!192.0.2.7", "192.0.2.7", false},
        {"!192.0.2.0/99", "192.0.2.7", false}, /* doubt lets nobody in */
        {"!localhost", "192.0.2.7", true},
        {"!localhost", "127.0.0.1", false},
        /* Unix sockets. */
        {"/run/x.sock", "/run/x.sock", true},
        {"/run/*", "/run/x.sock", true},
        {"/run/y.sock", "/run/x.sock", false},
    };

    for (size_t i = 0; i < COUNT_OF(t); i++)
        ck_assert_msg(listed(t[i].list, t[i].peer) == t[i].yes,
                      "\"%s\" and %s", t[i].list, t[i].peer);
}
END_TEST

START_TEST(doubt_in_a_reject_list_rejects)
{
    ck_assert_int_eq(verdict("*", "!192.0.2.0/99", "192.0.2.7", NULL),
                     AUTH_REJECT);
    ck_assert_int_eq(verdict("*", "192.0.2.0/99", "192.0.2.7", NULL),
                     AUTH_ACCEPT);
    ck_assert_int_eq(verdict("*", "!192.0.2.0/24", "192.0.2.7", NULL),
                     AUTH_ACCEPT);
}
END_TEST

START_TEST(rejecting_goes_before_allowing)
{
    const char *p = "192.0.2.7";

    ck_assert_int_eq(verdict(NULL, NULL, p, NULL), AUTH_DONT_CARE);
    ck_assert_int_eq(verdict("192.0.2.7", "192.0.2.7", p, NULL), AUTH_REJECT);
    ck_assert_int_eq(verdict("192.0.2.7", "192.0.2.8", p, NULL), AUTH_ACCEPT);
    ck_assert_int_eq(verdict("192.0.2.8", NULL, p, NULL), AUTH_DONT_CARE);
    ck_assert_int_eq(verdict(NULL, "192.0.2.8", p, NULL), AUTH_DONT_CARE);
}
END_TEST

START_TEST(high_ports_may_be_refused)
{
    struct auth_peer p = peer_of("192.0.2.7");

    p.privileged = false;
    ck_assert_int_eq(auth_addr("*", NULL, false, &p, NULL), AUTH_REJECT);
    ck_assert_int_eq(auth_addr("*", NULL, true, &p, NULL), AUTH_ACCEPT);
    ck_assert_int_eq(auth_addr(NULL, NULL, false, &p, NULL), AUTH_DONT_CARE);
    p.privileged = true;
    ck_assert_int_eq(auth_addr("*", NULL, false, &p, NULL), AUTH_ACCEPT);
    p = peer_of("/run/x.sock");
    ck_assert_int_eq(auth_addr("*", NULL, false, &p, NULL), AUTH_ACCEPT);
}
END_TEST

START_TEST(directories_have_lists_of_their_own)
{
    static const char list[] = "/a(192.0.2.7|192.0.2.8),/a/b(192.0.3.*)";
    static const struct {
        const char *list, *peer, *subdir;
        bool yes;
    } t[] = {
        {list, "192.0.2.7", "/a", true},
        {list, "192.0.2.8", "/a", true},
        {list, "192.0.2.9", "/a", false},
        {list, "192.0.2.7", "/a/b", false},
        {list, "192.0.3.1", "/a/b", true},
        {list, "192.0.2.7", "/a/", false},
        {list, "192.0.2.7", "/", false},
        {list, "192.0.2.7", NULL, false},
        {list, "192.0.2.7", "", false},
        {"/(192.0.2.7)", "192.0.2.7", NULL, true},
        {"/(192.0.2.7)", "192.0.2.7", "/a", false},
        {"192.0.2.7", "192.0.2.7", "/a", true},
        {"/a(*),192.0.2.7", "192.0.2.7", "/b", true},
        {"/a(10.0.0.0/8|192.0.2.0/24)", "192.0.2.7", "/a", true},
        {"/a(", "192.0.2.7", "/a", false},
        {"/a(*", "192.0.2.7", "/a", false},
        {"/a()", "192.0.2.7", "/a", false},
        {"/a)*(", "192.0.2.7", "/a", false},
        {"/a(*)x", "192.0.2.7", "/a", false},
        {"/a", "192.0.2.7", "/a", false},
    };

    for (size_t i = 0; i < COUNT_OF(t); i++)
        ck_assert_msg((verdict(t[i].list, NULL, t[i].peer, t[i].subdir) ==
                       AUTH_ACCEPT) == t[i].yes,
                      "row %zu", i);
}
END_TEST

/* --- lists that nobody would write --- */

/* n times `piece`, then `tail`. */
static char *
list_of(const char *piece, size_t n, const char *tail)
{
    size_t each = strlen(piece);
    char *list = mem_alloc(&mt_test, each * n + strlen(tail) + 1);

    ck_assert_ptr_nonnull(list);
    for (size_t i = 0; i < n; i++)
        memcpy(list + i * each, piece, each);
    strcpy(list + n * each, tail);
    return list;
}

START_TEST(a_huge_list_is_read_to_its_end)
{
    char *list = list_of("198.51.100.1,198.51.100.0/25,2001:db8::/999,", 20000,
                         "192.0.2.7");

    ck_assert(listed(list, "192.0.2.7"));
    ck_assert(!listed(list, "192.0.2.8"));
    mem_free(list);
}
END_TEST

START_TEST(a_huge_entry_matches_nobody)
{
    char *list = list_of("*", AUTH_ENTRY_BYTES_MAX, "");

    ck_assert(listed(list, "192.0.2.7"));
    mem_free(list);
    list = list_of("*", AUTH_ENTRY_BYTES_MAX + 1, "");
    ck_assert(!listed(list, "192.0.2.7"));
    mem_free(list);
    list = list_of("*", 1 << 20, ",192.0.2.7");
    ck_assert(listed(list, "192.0.2.7"));
    mem_free(list);
    list = list_of("!", 1 << 16, "192.0.2.7");
    ck_assert(!listed(list, "192.0.2.7"));
    mem_free(list);
    list = list_of("(", 1 << 16, "");
    ck_assert(!listed(list, "192.0.2.7"));
    mem_free(list);
    list = list_of("a.", 300, "com"); /* longer than names may be */
    ck_assert(!listed(list, "192.0.2.7"));
    mem_free(list);
}
END_TEST

START_TEST(a_pattern_cannot_take_for_ever)
{
    char *list = list_of("*2", 400, "x");

    ck_assert(!listed(list, "2222:2222:2222:2222:2222:2222:2222:2222"));
    mem_free(list);
}
END_TEST

START_TEST(random_lists_are_survived)
{
    /* No letters: what could be a name would be asked of a resolver. */
    static const char bytes[] = "!*?[]()/|,.:-0129 \\^\xff";
    unsigned seed = 5;
    char list[200];

    for (unsigned i = 0; i < 20000; i++) {
        size_t n = (size_t)rand_r(&seed) % (sizeof(list) - 1);
        enum auth_verdict v;

        for (size_t k = 0; k < n; k++)
            list[k] = bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
        list[n] = '\0';
        v = verdict(list, NULL, "192.0.2.7", "/a");
        ck_assert(v == AUTH_ACCEPT || v == AUTH_DONT_CARE);
    }
}
END_TEST

/* --- login --- */

static bool
password_of(void *arg, const char *user, char *buf, size_t bytes)
{
    if (strcmp(user, "alice") == 0)
        return snprintf(buf, bytes, "secret") < (int)bytes;
    if (strcmp(user, "empty") == 0)
        return snprintf(buf, bytes, "%s", "") < (int)bytes;
    return false;
}

START_TEST(logins)
{
    enum { A = AUTH_ACCEPT, R = AUTH_REJECT, D = AUTH_DONT_CARE };
    static const struct {
        const char *user, *password, *allow;
        bool strict;
        int want;
    } t[] = {
        {NULL, NULL, "alice", false, D},
        {NULL, NULL, "alice", true, R},
        {"alice", NULL, "alice", false, D},
        {NULL, "secret", "alice", false, D},
        {"alice", "secret", "alice", false, A},
        {"alice", "secret", "alice", true, A},
        {"alice", "Secret", "alice", false, R},
        {"alice", "secre", "alice", false, R},
        {"alice", "secret1", "alice", false, R},
        {"alice", "", "alice", false, R},
        {"alice", "secret", "bob,alice", false, A},
        {"alice", "secret", "bob alice", false, A},
        {"alice", "secret", "al*", false, A},
        {"alice", "secret", "bob", false, D},
        {"alice", "secret", "bob", true, R},
        {"alice", "secret", NULL, false, D},
        {"alice", "secret", "", false, D},
        {"bob", "secret", "bob", false, R}, /* has no password */
        {"bob", "", "bob", false, R},
        {"empty", "", "empty", false, A},
        {"*", "secret", "alice", false, D}, /* what is sent is no pattern */
    };

    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct auth_login login = {.user = t[i].user,
                                   .password = t[i].password,
                                   .allow = t[i].allow,
                                   .strict = t[i].strict,
                                   .password_of = password_of};
        bool trusted = true;
        enum auth_verdict v = auth_login(&login, &trusted);

        ck_assert_msg((int)v == t[i].want, "row %zu", i);
        ck_assert_msg(trusted == (v == AUTH_ACCEPT), "row %zu", i);
    }
}
END_TEST

START_TEST(certificates_stand_for_logins)
{
    struct auth_login login = {.user = "alice",
                               .password = "wrong",
                               .allow = "alice",
                               .tls_name = "host1.example",
                               .password_of = password_of};
    bool trusted;

    ck_assert_int_eq(auth_login(&login, &trusted), AUTH_DONT_CARE);
    login.tls_allow = "host2.example,host1.example";
    ck_assert_int_eq(auth_login(&login, &trusted), AUTH_ACCEPT);
    ck_assert(!trusted);
    login.tls_allow = "*";
    ck_assert_int_eq(auth_login(&login, &trusted), AUTH_ACCEPT);
    login.tls_allow = "host2.example";
    ck_assert_int_eq(auth_login(&login, &trusted), AUTH_REJECT);
    login.tls_allow = "";
    ck_assert_int_eq(auth_login(&login, &trusted), AUTH_REJECT);
}
END_TEST

START_TEST(long_names_and_passwords_are_wrong)
{
    char *user = list_of("a", AUTH_USER_BYTES_MAX + 1, "");
    char *password = list_of("secret", 10000, "");
    struct auth_login login = {.user = user,
                               .password = "secret",
                               .allow = "*",
                               .password_of = password_of};
    bool trusted;

    ck_assert_int_eq(auth_login(&login, &trusted), AUTH_DONT_CARE);
    login.user = "alice";
    login.password = password;
    ck_assert_int_eq(auth_login(&login, &trusted), AUTH_REJECT);
    password[AUTH_PASSWORD_BYTES_MAX] = '\0';
    ck_assert_int_eq(auth_login(&login, &trusted), AUTH_REJECT);
    mem_free(user);
    mem_free(password);
}
END_TEST

START_TEST(combining)
{
    enum { A = AUTH_ACCEPT, R = AUTH_REJECT, D = AUTH_DONT_CARE };
    static const int t[][3] = {
        {A, A, A}, {A, D, A}, {D, A, A}, {D, D, D}, {A, R, R},
        {R, A, R}, {R, R, R}, {R, D, R}, {D, R, R},
    };

    for (size_t i = 0; i < COUNT_OF(t); i++)
        ck_assert_int_eq((int)auth_combine((enum auth_verdict)t[i][0],
                                           (enum auth_verdict)t[i][1]),
                         t[i][2]);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("auth");
    TCase *tc = tcase_create("auth");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, lists_of_addresses);
    tcase_add_test(tc, doubt_in_a_reject_list_rejects);
    tcase_add_test(tc, rejecting_goes_before_allowing);
    tcase_add_test(tc, high_ports_may_be_refused);
    tcase_add_test(tc, directories_have_lists_of_their_own);
    tcase_add_test(tc, a_huge_list_is_read_to_its_end);
    tcase_add_test(tc, a_huge_entry_matches_nobody);
    tcase_add_test(tc, a_pattern_cannot_take_for_ever);
    tcase_add_test(tc, random_lists_are_survived);
    tcase_add_test(tc, logins);
    tcase_add_test(tc, certificates_stand_for_logins);
    tcase_add_test(tc, long_names_and_passwords_are_wrong);
    tcase_add_test(tc, combining);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
