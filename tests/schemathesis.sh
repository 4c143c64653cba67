#!/usr/bin/env bash
# The running API against its committed description: requests are generated from docs/openapi.json, right ones and wrong ones,
# and every answer is checked by what is said there (tests/schemathesis/schemathesis.toml).
#
#   tests/schemathesis.sh [target/debug/frontdesk]                   the short form, a minute or so
#   CASES=20000 SEED=7 tests/schemathesis.sh target/release/frontdesk    at least so many requests; a seed repeats a run
#
# It needs python3 with venv, and Postgres' server programs as bin/run does. Exit status: 0 no check has failed; 1 one has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=$PWD
program=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/frontdesk}")
cases=${CASES:-1}
seed=${SEED:-$RANDOM}

# ---- The tool, as pinned, in a folder that git ignores ----

tool=$root/.qa/schemathesis
pins=$root/tests/schemathesis/requirements.txt
if ! cmp -s "$pins" "$tool/installed"; then
    rm -rf "$tool"
    python3 -m venv "$tool"
    "$tool/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$pins"
    cp "$pins" "$tool/installed"
fi

# ---- The site, with a database of its own ----

folder=$(mktemp -d)
chmod 711 "$folder" # started by root, Postgres may run as another user, who has to come through
server=
finish() {
    if [[ -n $server ]]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap finish EXIT

cd "$folder" # there is no .env in it, which the program would read
export OWNER_EMAIL=owner@example.com OWNER_PASSWORD='a long enough one'
frontdesk=(env -i "PATH=$PATH" "TMPDIR=${TMPDIR:-/tmp}" ${PG_BIN:+"PG_BIN=$PG_BIN"} DATA_DIR=data LISTEN=127.0.0.1:0
    TRUSTED_PROXIES=127.0.0.1 "OWNER_EMAIL=$OWNER_EMAIL" "OWNER_PASSWORD=$OWNER_PASSWORD" "$program")
touch words
"${frontdesk[@]}" >requests 2>words &
server=$!
for ((tries = 0; tries < 600; tries++)); do
    ORIGIN=$(sed -n 's/.* is open at \(.*\)/\1/p' words)
    if [[ -n $ORIGIN ]]; then break; fi
    kill -0 "$server" 2>/dev/null || { cat words; exit 1; }
    sleep 0.1
done
export ORIGIN

description=$root/docs/openapi.json
mapfile -t scopes < <("$tool/bin/python" - "$description" <<'PYTHON'
import json, sys
paths = json.load(open(sys.argv[1]))["paths"]
wanted = {scope for path in paths.values() for one in path.values() for way in one["security"] for scope in way.get("key", [])}
print("\n".join(f"--scope\n{scope}" for scope in sorted(wanted)))
PYTHON
)
API_KEY=$("${frontdesk[@]}" key create --name Schemathesis "${scopes[@]}" --json | sed -n 's/.*"key":"\([^"]*\)".*/\1/p')
export API_KEY

# ---- Round after round, until there were enough ----

export SCHEMATHESIS_HOOKS=hooks PYTHONPATH=$root/tests/schemathesis PYTHONDONTWRITEBYTECODE=1 NO_COLOR=1
done_so_far=0
examples=$((cases > 1 ? 200 : 10))
while ((done_so_far < cases)); do
    if ! "$tool/bin/st" --config-file "$root/tests/schemathesis/schemathesis.toml" run "$description" --url "$ORIGIN" \
        --phases examples,coverage,fuzzing,stateful --max-examples "$examples" --seed "$seed" --request-timeout 10 >round 2>&1; then
        cat round
        printf 'not ok 1 - the API answers as it is described (SEED=%s, after %d cases)\n' "$seed" "$done_so_far"
        exit 1
    fi
    made=$(sed -n 's/.*[^0-9,]\([0-9,]*\) generated.*/\1/p' round | tr -d ,)
    done_so_far=$((done_so_far + ${made:?how many it has made is not said}))
    seed=$((seed + 1))
done
if grep -q '"status":5' requests; then
    grep '"status":5' requests | head
    printf 'not ok 1 - the API answers as it is described: an answer of 5xx\n'
    exit 1
fi
printf 'ok 1 - the API answers as it is described: %d generated requests, no check has failed\n' "$done_so_far"
