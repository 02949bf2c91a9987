# SPDX-License-Identifier: BSD-2-Clause
# What a test with stock clients needs: the sandbox, a scratch directory,
# bricks, mounts and TAP.  A test begins with
#
#   . "$(dirname "$0")/../lib/functions.sh"
#
# which restarts it inside the sandbox, and ends with done_testing.
#
# $T is the scratch directory.  Nothing here waits for a time to pass; it
# waits for something to become true, at most so long.

lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top_srcdir=$(cd "$lib/../.." && pwd)
[ "${CLINKER_SANDBOX:-}" = inner ] ||
    exec "$lib/sandbox" "$(cd "$(dirname "$0")" && pwd)/$(basename "$0")" "$@"

set -u
umask 022
export LC_ALL=C

tests_run=0 tests_failed=0
bricks=()                       # names of started bricks
declare -A brick_pid=() brick_dir=() brick_port=() brick_program=()
next_port=24101
mounts=()
declare -A mount_pid=()
background=()

# --- TAP ---

skip_all() {
    echo "1..0 # SKIP needs $*"
    exit 0
}

# Commands without which the test has no sense.
need() {
    local c
    for c in "$@"; do
        command -v "$c" >/dev/null || [ -e "$c" ] || skip_all "$c"
    done
}

need_fuse() {
    need glusterfs
    [ -c /dev/fuse ] || skip_all /dev/fuse
}

ok() {
    tests_run=$((tests_run + 1))
    echo "ok $tests_run - $1"
}

not_ok() {
    tests_run=$((tests_run + 1))
    tests_failed=$((tests_failed + 1))
    echo "not ok $tests_run - $1"
    shift
    [ $# -eq 0 ] || printf '%s\n' "$@" | head -n 25 | cut -c1-200 | sed 's/^/#   /'
}

# check DESCRIPTION COMMAND...: one test point; shows the output of a failure.
check() {
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then
        ok "$what"
    else
        not_ok "$what" "\$ $*" "$out"
        return 1
    fi
}

# is DESCRIPTION GOT WANTED
is() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "got:    $2" "wanted: $3"
        return 1
    fi
}

# same DESCRIPTION FILE FILE: text that must be equal
same() {
    local out
    if out=$(diff "$2" "$3" 2>&1); then
        ok "$1"
    else
        not_ok "$1" "$out"
        return 1
    fi
}

bail() {
    echo "Bail out! $*"
    log_tails
    exit 1
}

# Ends the mounts that are left, and looks at the bricks that still run.
done_testing() {
    local n
    for n in ${mounts[@]+"${mounts[@]}"}; do
        ! running "${mount_pid[$n]}" || unmount "$n" ||
            not_ok "unmount of $n"
    done
    for n in ${bricks[@]+"${bricks[@]}"}; do
        ! running "${brick_pid[$n]}" || at_rest --no-clients "$T/$n.ctl" \
            "${brick_program[$n]}"
    done
    [ "$settled" -eq 0 ] ||
        ok "at rest: memory is accounted for ($settled times)"
    echo "1..$tests_run"
    if [ "$tests_failed" -ne 0 ]; then
        log_tails
        exit 1
    fi
    exit 0
}

log_tails() {
    local f
    for f in "$T"/*.log; do
        [ -s "$f" ] || continue
        echo "# --- the end of $(basename "$f")"
        tail -n 8 "$f" | cut -c1-240 | sed 's/^/# /'
    done
}

# --- the scratch directory and the end ---

T=$(mktemp -d "${TMPDIR:-/var/tmp}/clinker-test-XXXXXX") || exit 99

clean_up() {
    local n
    trap '' EXIT INT TERM
    for n in ${background[@]+"${background[@]}"}; do
        kill "$n" 2>/dev/null
    done
    for n in ${mounts[@]+"${mounts[@]}"}; do
        kill -9 "${mount_pid[$n]}" 2>/dev/null  # lets go of who waits for it
        umount -l "$n" 2>/dev/null
    done
    for n in ${bricks[@]+"${bricks[@]}"}; do
        kill -9 "${brick_pid[$n]}" 2>/dev/null
    done
    if [ -n "${KEEP:-}" ]; then
        echo "# kept $T"
    else
        awk -v t="$T/" 'index($2, t) == 1 { print $2 }' /proc/mounts |
            sort -r | xargs -r umount -l 2>/dev/null
        rm -rf "$T"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# wait_until SECONDS COMMAND...: false when it never became true.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -le $deadline ] || return 1
        sleep 0.05
    done
}

# In a child: lets go of what the test holds open, which a daemon would hold
# for it for ever.
close_inherited() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        [ "$fd" -le 2 ] || [ "$fd" -eq 255 ] || eval "exec $fd>&-"
    done
}

# --- bricks ---

STOCK=/usr/sbin/glusterfsd

find_program() {
    local d
    for d in "${top_builddir:-.}" "$PWD" "$top_srcdir"; do
        [ -x "$d/clinkerd" ] || continue
        (cd "$d" && echo "$PWD/clinkerd")
        return
    done
}
: "${BRICK_PROGRAM:=$(find_program)}"
[ -n "$BRICK_PROGRAM" ] || skip_all "clinkerd (set BRICK_PROGRAM)"
is_ours() {
    [ "$(basename "$(readlink -f "$1")")" != glusterfsd ]
}
is_ours "$BRICK_PROGRAM" && ours=true || ours=false

need_ours() {
    $ours || skip_all "clinkerd as BRICK_PROGRAM"
}

port_open() {
    (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

brick_alive() {
    kill -0 "${brick_pid[$1]}" 2>/dev/null
}

brick_ready() {
    brick_alive "$1" || return 0        # start_brick looks again
    port_open "${brick_port[$1]}"
}

# make_brick DIRECTORY: an empty brick of a volume of its own.
make_brick() {
    local id
    mkdir -p "$1"
    id=$(cat /proc/sys/kernel/random/uuid)
    setfattr -n trusted.glusterfs.volume-id -v "0x${id//-/}" "$1" ||
        skip_all "a file system with trusted xattrs below $T"
}

# at_rest [--no-clients] SOCKET [PROGRAM]: a daemon of ours has all its memory
# in accounts, and nothing is left of requests (atrest.py).  What is wrong is a
# test point that fails; done_testing tells of the others.
settled=0
at_rest() {
    local out options=()
    if [ "$1" = --no-clients ]; then
        options=("$1")
        shift
    fi
    is_ours "${2:-$BRICK_PROGRAM}" || return 0
    command -v python3 >/dev/null || return 0
    if out=$(python3 "$lib/atrest.py" ${options[@]+"${options[@]}"} "$1" 2>&1)
    then
        settled=$((settled + 1))
        echo "# $(basename "$1" .ctl) at rest: $out"
    else
        not_ok "at rest: memory is accounted for" "$out"
    fi
}

# start_brick [-p PROGRAM] NAME [KEY=VALUE...]: on $T/NAME, made if it is not
# there.  Sets brick_dir, brick_port and brick_pid of NAME.
start_brick() {
    local program=$BRICK_PROGRAM name
    if [ "$1" = -p ]; then
        program=$2
        shift 2
    fi
    name=$1
    shift
    : "${brick_dir[$name]:=$T/$name}"
    [ -d "${brick_dir[$name]}" ] || make_brick "${brick_dir[$name]}"
    : "${brick_port[$name]:=$((next_port++))}"
    (
        close_inherited
        exec "$lib/run-brick" "$program" "$T" "$name" "${brick_dir[$name]}" \
            "${brick_port[$name]}" "$@" </dev/null 2>"$T/$name.err"
    ) &
    brick_pid[$name]=$! brick_program[$name]=$program
    [[ " ${bricks[*]-} " = *" $name "* ]] || bricks+=("$name")
    wait_until 20 brick_ready "$name"
    brick_alive "$name" && port_open "${brick_port[$name]}" ||
        bail "brick $name did not start: $(cat "$T/$name.err")"
}

# stop_brick NAME [SIGNAL]: sets $status to its exit status.  One that is not
# killed must have been at rest.
stop_brick() {
    [ "${2:-TERM}" != TERM ] || ! running "${brick_pid[$1]}" ||
        at_rest "$T/$1.ctl" "${brick_program[$1]}"
    kill -"${2:-TERM}" "${brick_pid[$1]}" 2>/dev/null
    if ! wait_until 20 eval "! running ${brick_pid[$1]}"; then
        kill -9 "${brick_pid[$1]}"
        not_ok "brick $1 ends within 20 seconds"
    fi
    wait "${brick_pid[$1]}" 2>/dev/null
    status=$?
}

# Whether a process is there and no zombie.
running() {
    [ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status"
}

# brick_is_sound NAME [brickfsck options]: stops the brick and checks it.
brick_is_sound() {
    local name=$1
    shift
    ! brick_alive "$name" || stop_brick "$name"
    check "brick $name obeys the rules of its format" \
        python3 "$lib/brickfsck.py" "$@" "${brick_dir[$name]}"
}

# ctl NAME ARGUMENT...: clinkerctl to that brick.
ctl() {
    local name=$1
    shift
    (exec -a clinkerctl "$BRICK_PROGRAM" --socket "$T/$name.ctl" "$@")
}

# statedump NAME: prints the path of a fresh dump, asked for by signal.
statedump() {
    rm -f "$T"/dump/*.dump.*
    kill -USR1 "${brick_pid[$1]}"
    wait_until 10 eval "ls $T/dump/*.${brick_pid[$1]}.dump.*" || return 1
    ls "$T"/dump/*."${brick_pid[$1]}".dump.*
}

# --- clients ---

# client_volfile BRICK FILE [LAYER...]: LAYER is a translator type to put on
# top, such as performance/write-behind.
client_volfile() {
    local name=$1 file=$2 below=t-client layer
    shift 2
    cat >"$file" <<VOL
volume t-client
    type protocol/client
    option transport-type tcp
    option remote-host 127.0.0.1
    option remote-port ${brick_port[$name]}
    option remote-subvolume ${brick_dir[$name]}
    option ping-timeout 42
end-volume
VOL
    for layer in "$@"; do
        cat >>"$file" <<VOL

volume t-$(basename "$layer")
    type $layer
    subvolumes $below
end-volume
VOL
        below=t-$(basename "$layer")
    done
}

# The layers of a volume as glusterd makes it.
LAYERS="features/utime performance/write-behind performance/open-behind
performance/quick-read performance/md-cache"

# mount_brick [-l "LAYER..."] BRICK MOUNTPOINT [GLUSTERFS OPTION...]
mount_brick() {
    local layers=$LAYERS name point
    if [ "$1" = -l ]; then
        layers=$2
        shift 2
    fi
    name=$1 point=$2
    shift 2
    mkdir -p "$point"
    # shellcheck disable=SC2086
    client_volfile "$name" "$T/$(basename "$point").vol" $layers
    (
        close_inherited
        exec glusterfs -N -f "$T/$(basename "$point").vol" \
            -l "$T/mount-$(basename "$point").log" "$@" "$point"
    ) &
    mount_pid[$point]=$!
    mounts+=("$point")
    wait_until 20 mounted "$point" ||
        bail "$point did not mount"
}

mounted() {
    timeout 5 mountpoint -q "$1" && timeout 5 stat -t "$1"
}

unmount() {
    umount "$1" || return 1
    wait_until 20 eval "! running ${mount_pid[$1]}" || return 1
    wait "${mount_pid[$1]}" 2>/dev/null
    return 0
}
