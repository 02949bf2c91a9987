/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may connect.  Decisions only: options, dictionaries and connections are
 * the caller's.
 *
 * An address list is a comma list of
 *
 *     *                      anybody
 *     192.0.2.* [fnmatch]    by the peer's numeric address
 *     192.0.2.0/24, ::/0     by network
 *     192.0.2.1, ::1         by address
 *     host.example           by what the name resolves to
 *     /dir(entry|entry)      the same, for mounts of just that directory
 *
 * A '!' before an entry turns it around, and, as on the peer, all that follow
 * it in the list.  What cannot be decided (a network that is none, a name that
 * does not resolve) does not match; turned around, it matches in a reject list
 * and not in an allow list: doubt lets nobody in.
 */
#ifndef CLINKER_SERVER_STAGE_AUTH_H
#define CLINKER_SERVER_STAGE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum auth_verdict { AUTH_ACCEPT, AUTH_REJECT, AUTH_DONT_CARE };

enum {
    AUTH_ENTRY_BYTES_MAX = 1024, /* of a list; a longer one never matches */
    AUTH_USER_BYTES_MAX = 1024,  /* a longer one is nobody */
    AUTH_PASSWORD_BYTES_MAX = 1024, /* a longer one is wrong */
};

struct auth_peer {
    const char *text; /* numeric address, or the path of a unix socket */
    const struct sockaddr_storage *addr; /* NULL for a unix socket */
    bool privileged; /* its port is below 1024 */
    bool is_unix;
};

/* The rules by address.  allow and reject may be NULL: no such list.  subdir:
 * the directory that is to be mounted, NULL or "/" for all of the volume.
 * Names in the lists are resolved, so it may block: not on an event thread. */
enum auth_verdict auth_addr(const char *allow, const char *reject,
                            bool allow_insecure, const struct auth_peer *peer,
                            const char *subdir);

/* What a client says of itself, and what is known of it. */
struct auth_login {
    const char *user, *password; /* NULL: not sent */
    const char *tls_name; /* verified name of its certificate, NULL: none */
    const char *allow;    /* user patterns, separated by ' ' or ','; or NULL */
    const char *tls_allow; /* patterns of certificate names; NULL: no list */
    bool strict;          /* what matches nothing is refused */
    /* The password of a user into buf; false if there is none or it is longer
     * than bytes - 1. */
    bool (*password_of)(void *arg, const char *user, char *buf, size_t bytes);
    void *arg;
};

/* The rules by login.  *trusted: the client knew the user's password. */
enum auth_verdict auth_login(const struct auth_login *login, bool *trusted);

/* The two together: AUTH_ACCEPT; AUTH_REJECT; AUTH_DONT_CARE when nobody spoke
 * for the client, which refuses it too. */
enum auth_verdict auth_combine(enum auth_verdict a, enum auth_verdict b);

#endif
