# shellcheck shell=bash
# Sourced by the scripts beside it: how to say things, and how to install what is missing.

say() { printf '%s\n' "$*" >&2; }

give_up() {
    say "$*"
    exit 1
}

# Runs a command and shows what it wrote only if it fails.
quietly() {
    local output
    if ! output=$("$@" 2>&1 </dev/null); then
        say "$output"
        return 1
    fi
}

# Runs a command as root.
as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo -- "$@"; fi
}

# Whether as_root has a chance.
may_be_root() {
    if [[ $(id -u) == 0 ]]; then return 0; fi
    if ! command -v sudo >/dev/null; then return 1; fi
    # Without a terminal nobody can type a password.
    [[ -t 0 ]] || sudo -n true 2>/dev/null
}

# Whether apt_install has a chance.
has_apt() { command -v apt-get >/dev/null && may_be_root; }

# Installs packages on Debian, Ubuntu and the like. A settings file that is there already is kept: the question about
# it could not be answered here.
apt_install() {
    quietly as_root apt-get update &&
        quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
            -o Dpkg::Options::=--force-confold "$@"
}
