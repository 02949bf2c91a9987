# Debian packages, by what needs them.  Sourced by ./quickstart and ./check.
# shellcheck shell=bash

CLINKER_BUILD_PACKAGES="gcc make autoconf automake libtool pkg-config
    libevent-dev libtirpc-dev liburcu-dev libinih-dev libjson-c-dev
    libxxhash-dev libssl-dev libsystemd-dev zlib1g-dev check"
CLINKER_CLIENT_PACKAGES="glusterfs-client libglusterfs-dev fuse3 attr"
CLINKER_TEST_PACKAGES="$CLINKER_CLIENT_PACKAGES glusterfs-server acl attr
    python3 perl git fio dbench e2fsprogs util-linux iproute2 procps psmisc
    tar xz-utils libc6-dbg mandoc cppcheck valgrind"
# Allocators to compare with; make bench-mem wants them, nothing else.
CLINKER_BENCH_PACKAGES="libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4"

# install_packages LIST: those that are missing; quiet when none is.
install_packages() {
    local missing=() p
    for p in $1; do
        dpkg-query -W -f '${Status}' "$p" 2> /dev/null |
            grep -q 'ok installed' || missing+=("$p")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    echo "== installing ${missing[*]}"
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    $sudo apt-get update -q > /dev/null
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q \
        --no-install-recommends "${missing[@]}" > /dev/null
}
