/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One list of addresses against one peer.
 *
 * An IPv4 peer that came in over IPv6 (::ffff:a.b.c.d) is the IPv4 peer that it
 * is, in all forms: a rule must not depend on how the listener was made.
 *
 * Two passes: names, which may take seconds to resolve, are only looked at
 * when nothing else matched.
 */
#include "server/stage/auth_list.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fnmatch.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES_MAX = 63, HOST_BYTES_MAX = 253 };

/* An address as bytes: 4 or 16 of them, 0 for none. */
struct address {
    unsigned bytes;
    uint8_t b[16];
};

enum match { MATCH_NO, MATCH_YES, MATCH_UNDECIDED };

struct subject {
    const struct auth_peer *peer;
    struct address addr;
    char text[INET6_ADDRSTRLEN]; /* addr's, "" for none */
};

/* --- addresses --- */

static struct address
address_v6(const struct in6_addr *in6)
{
    struct address a = {.bytes = 16};

    if (IN6_IS_ADDR_V4MAPPED(in6)) {
        a.bytes = 4;
        memcpy(a.b, in6->s6_addr + 12, 4);
    } else {
        memcpy(a.b, in6->s6_addr, 16);
    }
    return a;
}

static struct address
address_of(const struct sockaddr *sa)
{
    struct address a = {.bytes = 0};
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (sa->sa_family == AF_INET) {
        memcpy(&in, sa, sizeof(in));
        a.bytes = 4;
        memcpy(a.b, &in.sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        memcpy(&in6, sa, sizeof(in6));
        a = address_v6(&in6.sin6_addr);
    }
    return a;
}

static bool
address_parse(const char *text, struct address *out)
{
    struct in6_addr in6;
    struct in_addr in;

    if (inet_pton(AF_INET, text, &in) == 1) {
        out->bytes = 4;
        memcpy(out->b, &in, 4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &in6) == 1) {
        *out = address_v6(&in6);
        return true;
    }
    return false;
}

static bool
address_in_network(const struct address *a, const struct address *net,
                   unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (a->bytes != net->bytes || a->bytes == 0)
        return false;
    if (memcmp(a->b, net->b, whole) != 0)
        return false;
    return rest == 0 ||
           ((a->b[whole] ^ net->b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

/* --- entries --- */

/* Decimal, no sign, no blanks, at most 3 digits. */
static bool
bits_parse(const char *s, unsigned max, unsigned *out)
{
    unsigned v = 0;
    size_t n = strlen(s);

    if (n == 0 || n > 3)
        return false;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return false;
        v = v * 10 + (unsigned)(*s - '0');
    }
    *out = v;
    return v <= max;
}

static enum match
match_network(const char *entry, const struct subject *s)
{
    char net_text[INET6_ADDRSTRLEN];
    const char *slash = strchr(entry, '/');
    size_t bytes = (size_t)(slash - entry);
    struct in6_addr in6;
    struct in_addr in;
    struct address net;
    unsigned bits;

    if (bytes >= sizeof(net_text))
        return MATCH_UNDECIDED;
    memcpy(net_text, entry, bytes);
    net_text[bytes] = '\0';
    if (inet_pton(AF_INET, net_text, &in) == 1) {
        net.bytes = 4;
        memcpy(net.b, &in, 4);
        if (!bits_parse(slash + 1, 32, &bits))
            return MATCH_UNDECIDED;
    } else if (inet_pton(AF_INET6, net_text, &in6) == 1) {
        if (!bits_parse(slash + 1, 128, &bits))
            return MATCH_UNDECIDED;
        net = address_v6(&in6);
        /* A network of mapped addresses is one of IPv4. */
        if (net.bytes == 4) {
            if (bits < 96)
                return MATCH_UNDECIDED;
            bits -= 96;
        }
    } else {
        return MATCH_UNDECIDED;
    }
    return address_in_network(&s->addr, &net, bits) ? MATCH_YES : MATCH_NO;
}

/* RFC 1123, and '_', which people use.  Numbers only would be an address
 * written badly: not for a resolver that knows 017.1 to be one. */
static bool
is_host_name(const char *s)
{
    size_t label = 0, total = strlen(s);
    bool letter = false;

    if (total == 0 || total > HOST_BYTES_MAX)
        return false;
    for (const char *p = s; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;

        if (c == '.') {
            if (label == 0 || p[-1] == '-')
                return false;
            label = 0;
            continue;
        }
        if (!isalnum(c) && c != '_' && (c != '-' || label == 0))
            return false;
        letter = letter || isalpha(c) != 0;
        if (++label > LABEL_BYTES_MAX)
            return false;
    }
    return letter && s[total - 1] != '-' &&
           !(s[0] == '0' && (s[1] == 'x' || s[1] == 'X'));
}

static enum match
match_name(const char *entry, const struct subject *s)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    enum match m = MATCH_NO;

    if (getaddrinfo(entry, NULL, &hints, &list) != 0)
        return MATCH_UNDECIDED;
    for (struct addrinfo *ai = list; ai != NULL && m == MATCH_NO;
         ai = ai->ai_next) {
        struct address a = address_of(ai->ai_addr);

        if (address_in_network(&s->addr, &a, a.bytes * 8))
            m = MATCH_YES;
    }
    freeaddrinfo(list);
    return m;
}

static bool
fits_pattern(const char *pattern, const struct subject *s)
{
    if (fnmatch(pattern, s->peer->text, 0) == 0)
        return true;
    return s->text[0] != '\0' && fnmatch(pattern, s->text, 0) == 0;
}

/* Everything but names, which count as undecided. *is_name: it is one. */
static enum match
match_plain(const char *entry, const struct subject *s, bool *is_name)
{
    struct address a;

    *is_name = false;
    if (s->peer->is_unix)
        return fits_pattern(entry, s) ? MATCH_YES : MATCH_NO;
    if (strchr(entry, '/') != NULL)
        return match_network(entry, s);
    if (address_parse(entry, &a))
        return address_in_network(&s->addr, &a, a.bytes * 8) ? MATCH_YES
                                                             : MATCH_NO;
    if (fits_pattern(entry, s))
        return MATCH_YES;
    if (strpbrk(entry, "*?[") != NULL)
        return MATCH_NO;
    *is_name = is_host_name(entry);
    return MATCH_UNDECIDED;
}

/* --- the list --- */

bool
auth_piece_next(const char **pos, const char *end, const char *seps,
                struct auth_piece *piece)
{
    const char *p = *pos;

    while (p < end && strchr(seps, *p) != NULL)
        p++;
    piece->s = p;
    while (p < end && strchr(seps, *p) == NULL)
        p++;
    piece->bytes = (size_t)(p - piece->s);
    *pos = p;
    return piece->bytes > 0;
}

/* A walk through a list, in one of the two passes. */
struct walk {
    const struct subject *subject;
    bool names; /* the pass for names */
    bool negated;
    bool in_doubt;
};

static void
trim(struct auth_piece *p)
{
    while (p->bytes > 0 && isspace((unsigned char)p->s[0])) {
        p->s++;
        p->bytes--;
    }
    while (p->bytes > 0 && isspace((unsigned char)p->s[p->bytes - 1]))
        p->bytes--;
}

static bool
walk_entry(struct walk *w, struct auth_piece piece)
{
    char entry[AUTH_ENTRY_BYTES_MAX + 1];
    enum match m = MATCH_UNDECIDED;
    bool is_name = false;

    trim(&piece);
    if (piece.bytes > 0 && piece.s[0] == '!') {
        w->negated = true;
        piece.s++;
        piece.bytes--;
        trim(&piece);
    }
    if (piece.bytes == 0)
        return false;
    if (piece.bytes <= AUTH_ENTRY_BYTES_MAX) {
        memcpy(entry, piece.s, piece.bytes);
        entry[piece.bytes] = '\0';
        m = match_plain(entry, w->subject, &is_name);
    }
    if (is_name != w->names)
        return false;
    if (is_name)
        m = match_name(entry, w->subject);
    if (m == MATCH_UNDECIDED)
        return w->negated && w->in_doubt;
    return (m == MATCH_YES) != w->negated;
}

/* "/dir(entry|entry)". */
static bool
walk_directory(struct walk *w, const struct auth_piece *piece,
               const char *open, const char *subdir)
{
    const char *end = piece->s + piece->bytes, *pos = open + 1;
    struct auth_piece inner;
    bool matched = false;

    if (end[-1] != ')')
        return false;
    end--;
    if ((size_t)(open - piece->s) != strlen(subdir) ||
        memcmp(piece->s, subdir, strlen(subdir)) != 0)
        return false;
    while (!matched && auth_piece_next(&pos, end, "|", &inner))
        matched = walk_entry(w, inner);
    return matched;
}

static bool
walk_list(struct walk *w, const char *list, const char *subdir)
{
    const char *pos = list, *end = list + strlen(list);
    struct auth_piece piece;

    w->negated = false;
    while (auth_piece_next(&pos, end, ",", &piece)) {
        const char *open;
        bool matched;

        trim(&piece);
        if (piece.bytes == 0)
            continue;
        open = piece.s[0] == '/' ? memchr(piece.s, '(', piece.bytes) : NULL;
        if (open != NULL)
            matched = walk_directory(w, &piece, open, subdir);
        else
            matched = walk_entry(w, piece);
        if (matched)
            return true;
    }
    return false;
}

bool
auth_list_match(const char *list, const struct auth_peer *peer,
                const char *subdir, bool in_doubt)
{
    struct subject s = {.peer = peer};
    struct walk w = {.subject = &s, .in_doubt = in_doubt};

    if (!peer->is_unix && peer->addr != NULL) {
        s.addr = address_of((const struct sockaddr *)peer->addr);
        if (s.addr.bytes > 0 &&
            !inet_ntop(s.addr.bytes == 4 ? AF_INET : AF_INET6, s.addr.b,
                       s.text, sizeof(s.text)))
            s.text[0] = '\0';
    }
    if (walk_list(&w, list, subdir))
        return true;
    w.names = true;
    return !peer->is_unix && walk_list(&w, list, subdir);
}
