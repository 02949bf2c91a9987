/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may connect; see auth.h. */
#include "server/stage/auth.h"

#include <fnmatch.h>
#include <openssl/crypto.h>
#include <string.h>

#include "server/stage/auth_list.h"

enum auth_verdict
auth_addr(const char *allow, const char *reject, bool allow_insecure,
          const struct auth_peer *peer, const char *subdir)
{
    if (subdir == NULL || subdir[0] == '\0')
        subdir = "/";
    if (allow == NULL && reject == NULL)
        return AUTH_DONT_CARE;
    if (!allow_insecure && !peer->is_unix && !peer->privileged)
        return AUTH_REJECT;
    if (reject != NULL && auth_list_match(reject, peer, subdir, true))
        return AUTH_REJECT;
    if (allow != NULL && auth_list_match(allow, peer, subdir, false))
        return AUTH_ACCEPT;
    return AUTH_DONT_CARE;
}

/* --- login --- */

static bool
is_listed(const char *list, const char *name)
{
    const char *pos = list, *end = list + strlen(list);
    char pattern[AUTH_ENTRY_BYTES_MAX + 1];
    struct auth_piece piece;

    if (strlen(name) > AUTH_USER_BYTES_MAX)
        return false;
    while (auth_piece_next(&pos, end, " ,", &piece)) {
        if (piece.bytes > AUTH_ENTRY_BYTES_MAX)
            continue;
        memcpy(pattern, piece.s, piece.bytes);
        pattern[piece.bytes] = '\0';
        if (fnmatch(pattern, name, 0) == 0)
            return true;
    }
    return false;
}

/* Takes as long whatever the difference. */
static bool
is_password(const struct auth_login *login)
{
    char right[AUTH_PASSWORD_BYTES_MAX + 1] = {0};
    char given[AUTH_PASSWORD_BYTES_MAX + 1] = {0};
    size_t bytes = strlen(login->password);
    bool same;

    if (bytes > AUTH_PASSWORD_BYTES_MAX ||
        !login->password_of(login->arg, login->user, right, sizeof(right)))
        return false;
    memcpy(given, login->password, bytes);
    same = CRYPTO_memcmp(given, right, sizeof(right)) == 0;
    OPENSSL_cleanse(right, sizeof(right));
    OPENSSL_cleanse(given, sizeof(given));
    return same;
}

enum auth_verdict
auth_login(const struct auth_login *login, bool *trusted)
{
    enum auth_verdict neither = login->strict ? AUTH_REJECT : AUTH_DONT_CARE;

    *trusted = false;
    if (login->tls_name != NULL) {
        if (login->tls_allow == NULL)
            return neither;
        return is_listed(login->tls_allow, login->tls_name) ? AUTH_ACCEPT
                                                            : AUTH_REJECT;
    }
    if (login->user == NULL || login->password == NULL ||
        login->allow == NULL || !is_listed(login->allow, login->user))
        return neither;
    if (!is_password(login))
        return AUTH_REJECT;
    *trusted = true;
    return AUTH_ACCEPT;
}

enum auth_verdict
auth_combine(enum auth_verdict a, enum auth_verdict b)
{
    if (a == AUTH_REJECT || b == AUTH_REJECT)
        return AUTH_REJECT;
    if (a == AUTH_ACCEPT || b == AUTH_ACCEPT)
        return AUTH_ACCEPT;
    return AUTH_DONT_CARE;
}
