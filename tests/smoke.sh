#!/usr/bin/env bash
# Smoke test: the built program as its callers meet it, with curl, with a text browser and on the shell.
#
#   tests/smoke.sh [target/debug/frontdesk]
#
# It needs curl, lynx and ps, and Postgres' server programs as bin/run does. Everything happens in a temporary folder
# and on a free port. Exit status: 0 all is well; 1 something is not, the last lines say what.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/frontdesk}")
folder=$(mktemp -d)
chmod 711 "$folder" # started by root, Postgres may run as another user, who has to come through
cd "$folder" # there is no .env in it, which the program would read
server=

finish() {
    if [[ -n $server ]]; then kill -KILL "$server" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap finish EXIT

# ---- How to ask, and what to say ----

count=0
passed() { printf 'ok %d - %s\n' "$((++count))" "$1"; }

failed() {
    printf 'not ok %d - %s\n' "$((count + 1))" "$1"
    printf '# %s\n' "${@:2}"
    exit 1
}

# same "a sentence" WANTED GOT
same() { if [[ $3 == "$2" ]]; then passed "$1"; else failed "$1" "wanted: $2" "got:    $3"; fi; }

# contains "a sentence" WANTED GOT
contains() { if [[ $3 == *"$2"* ]]; then passed "$1"; else failed "$1" "wanted, somewhere in it: $2" "got: $3"; fi; }

# status PATH [curl's options …]
status() { curl -s -o body -D head -w '%{http_code}' "${@:2}" "$origin$1"; }

# The value of a header of the last answer.
header() { tr -d '\r' <head | sed -n "s/^$1: //Ip"; }

# field NAME <JSON: the string, out of an object without nesting.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# The program, with nothing of this shell's environment but what finds programs.
frontdesk=(env -i "PATH=$PATH" "TMPDIR=${TMPDIR:-/tmp}" ${PG_BIN:+"PG_BIN=$PG_BIN"} DATA_DIR=data LISTEN=127.0.0.1:0 "$program")

# The process $1 and all that descend from it.
family() {
    ps -A -o pid= -o ppid= | awk -v root="$1" '
        { parent[$1] = $2 }
        END { for (pid in parent) { for (p = pid; p > 1; p = parent[p]) if (p == root) { print pid; break } } }'
}

# ---- It starts ----

touch words
"${frontdesk[@]}" >requests 2>words &
server=$!
for ((tries = 0; tries < 600; tries++)); do
    origin=$(sed -n 's/.* is open at \(.*\)/\1/p' words)
    if [[ -n $origin ]]; then break; fi
    kill -0 "$server" 2>/dev/null || failed "the site opens" "$(<words)"
    sleep 0.1
done
password=$(sed -n 's/^ *password *//p' words)
contains "the site opens, and says how to sign in" "http://127.0.0.1:" "$origin ${password:?}"

# ---- Visitors ----

for page in / /posts /topics/signs /contact /contact/thanks /callers /sign-in /healthz /readyz; do
    same "$page answers" 200 "$(status "$page")"
done
contains "the start page leads to a post" 'href="/posts/' "$(curl -s "$origin/")"
post=$(curl -s "$origin/posts" | sed -n 's|.*href="\(/posts/[a-z0-9-]*\)".*|\1|p' | head -n 1)
same "the post is there" 200 "$(status "$post")"
same "and not sent again to whoever has it" 304 "$(status "$post" -H "If-None-Match: $(header etag)")"
same "a page that was never made is not" 404 "$(status /never/made)"

# ---- The contact form, in a browser that knows nothing but text ----

cat >lynx.cfg <<'SETTINGS'
CHARACTER_SET:utf-8
DEFAULT_KEYPAD_MODE:LINKS_AND_FIELDS_ARE_NUMBERED
TEXTFIELDS_NEED_ACTIVATION:TRUE
SETTINGS
lynx() { HOME=$folder TERM=xterm LC_ALL=C.UTF-8 timeout 60 lynx -cfg=lynx.cfg -nopause "$@" </dev/null; }

# Lynx numbers every stop on the page, and shows the numbers: that of the first one after the words $1 …
stop_after() { awk -v words="$1" 'index($0, words) { on = 1 } on && match($0, /\[[0-9]+\]/) { print substr($0, RSTART + 1, RLENGTH - 2); exit }' dump; }
# … and that of the button that says $1.
button() { sed -n "s/.*(\[\([0-9]*\)\]BUTTON) $1.*/\1/p" dump; }

# What is typed, key by key.
keys() {
    local i key
    for ((i = 0; i < ${#1}; i++)); do
        key=${1:i:1}
        printf 'key %s\n' "${key/ /<space>}"
    done
}
go_to() { keys "${1:?no such stop}g" && echo 'key ^J'; }
fill() { go_to "$1" && echo 'key ^J' && keys "$2" && echo 'key <tab>'; }

lynx -dump -nolist "$origin/contact" >dump
{
    fill "$(stop_after ' Name')" 'Lynn Ex'
    fill "$(stop_after ' Email')" 'lynn@example.test'
    fill "$(stop_after ' Message')" 'A board for 2 doors, please.'
    go_to "$(button 'Send message')" && echo 'key ^J'
    keys 'qy'
} >keys
contains "lynx fills in the contact form and is thanked" "Thank you, your message has arrived" \
    "$(lynx -cmd_script=keys "$origin/contact" 2>&1 | tr -c '[:print:]' ' ')"

# ---- The same form, from a program that posts like a browser ----

same "a form that is not filled in comes back" 422 "$(status /contact -H "Origin: $origin" -d name=A)"
contains "and says what is wrong" 'href="#email"' "$(<body)"
again=(-H "Origin: $origin" --data-urlencode 'name=Lynn Ex' -d email=lynn@example.test
    --data-urlencode 'message=A board for 2 doors, please.')
same "the message that lynx has sent may be sent again" 303 "$(status /contact "${again[@]}")"
same "and is thanked for" /contact/thanks "$(header location)"
same "another site's page may not post it" 403 "$(status /contact -H 'Origin: https://elsewhere.example' -d name=A)"

# ---- A partner's program ----

lead='{"name":"Pat Ner","email":"pat@example.test","message":"From our own order form."}'
json=(-H 'Content-Type: application/json' -d "$lead")
key=$("${frontdesk[@]}" key create --name Partner --scope leads:write --json | field key)
same "without a key a program is sent away" 401 "$(status /api/v1/leads "${json[@]}")"
contains "and told what is asked for" Bearer "$(header www-authenticate)"
same "with a wrong one too" 401 "$(status /api/v1/leads "${json[@]}" -H "x-api-key: ${key}x")"
same "with its key it leaves a lead" 201 "$(status /api/v1/leads "${json[@]}" -H "x-api-key: ${key:?}")"
same "and can look at it" 200 "$(status "$(header location)" -H "Authorization: Bearer $key")"
contains "as it was left" '"source":"partner-api"' "$(<body)"

# ---- The operator ----

same "the operator takes down a lead" cli "$("${frontdesk[@]}" lead add --name 'Olga Perez' --email olga@example.test \
    --message 'She rang: two new menus.' --json | field source)"

# ---- Staff ----

same "a stranger is sent to the sign-in" 303 "$(status /admin/leads)"
same "the owner signs in" 303 "$(status /sign-in -c cookies -H "Origin: $origin" \
    -d email=owner@example.com -d "password=$password")"
same "and sees the leads" 200 "$(status /admin/leads -b cookies)"
sources=$(grep -o 'data-label="Source">[a-z-]*' body | sed 's/.*>//')
same "three of them, by three doors, the newest first" 'cli partner-api website-form' "$(echo $sources)"
same "one of them in full" 200 "$(status "$(grep -o '/admin/leads/[0-9a-f-]\{36\}' body | tail -n 1)" -b cookies)"
contains "with the words that lynx was shown" 'answer you and for nothing else' "$(<body)"

# ---- The newsletter. Without a mail server mail is kept where staff can read it ----

# Asks for the page $1 as staff, until $2 stands in it.
until_it_says() {
    for ((tries = 0; tries < 100; tries++)); do
        if [[ $(status "$1" -b cookies) == 200 ]] && grep -qF "$2" body; then return; fi
        sleep 0.1
    done
    failed "$1 says $2" "$(<body)"
}

# The last mail to $1, once it has gone.
mail_to() {
    until_it_says "/admin/outbox?to=$1&state=done" 'href="/admin/outbox/'
    status "$(grep -o '/admin/outbox/[0-9a-f]\{8\}-[0-9a-f-]*' body | head -n 1)" -b cookies >/dev/null
}

# Where the link of that mail leads that begins with $1.
link() { sed -n "s|.*href=\"$origin\($1[0-9a-z-]*\)\".*|\1|p" body | head -n 1; }

same "a visitor asks for the newsletter" 303 "$(status /newsletter -H "Origin: $origin" -d email=nora@example.test)"
same "and is told to look into her mailbox" /newsletter/thanks "$(header location)"
mail_to nora@example.test
confirm=$(link /newsletter/confirm/)
same "a program that follows the link of the mail" 200 "$(status "${confirm:?}")"
until_it_says '/admin/subscribers?q=nora' 'badge-pending'
passed "has not subscribed her"
same "she does, with the button there" 303 "$(status "$confirm" -H "Origin: $origin" -d '')"
same "and may choose what she gets" 200 "$(status "$(header location)")"
until_it_says '/admin/subscribers?q=nora' 'badge-confirmed'
passed "she is on the list"

password=$("${frontdesk[@]}" user add --email erin@example.test --name 'Erin Ito' --json | field password)
same "an editor signs in" 303 "$(status /sign-in -c erin -H "Origin: $origin" -d email=erin@example.test -d "password=${password:?}")"
same "and writes an issue" 303 "$(status /admin/issues/new -b erin -H "Origin: $origin" -d 'subject=Salt and brass' \
    --data-urlencode 'body=What we **made** this winter.')"
issue=$(header location)
same "which nobody else can read yet" 404 "$(status /newsletter/salt-and-brass)"
same "she sees it as a mail" 200 "$(status "$issue/mail" -b erin)"
contains "with its looks" '<strong>made</strong>' "$(<body)"
same "in a frame of ours alone" SAMEORIGIN "$(header x-frame-options)"
same "has it sent" 303 "$(status "$issue/send" -b erin -H "Origin: $origin" -d '')"
until_it_says "$issue" 'badge-sent'
contains "to all of its readers" '<strong>1</strong> of 1.' "$(<body)"
same "and from then on everyone can read it" 200 "$(status /newsletter/salt-and-brass)"

mail_to nora@example.test
contains "the reader has it in her mailbox" 'What we **made** this winter.' "$(<body)"
leave=$(link /newsletter/unsubscribe/)
same "her mail program unsubscribes her with one POST" 200 "$(status "${leave:?}" -d List-Unsubscribe=One-Click)"
contains "and is told so" 'You are unsubscribed' "$(<body)"
until_it_says '/admin/subscribers?q=nora' 'badge-unsubscribed'
passed "she is off the list"

# ---- It ends ----

everyone=$(family "$server")
kill -TERM "$server"
code=0
wait "$server" || code=$?
server=
same "told to stop, it stops in good order" 0 "$code"
left=$(ps -o pid=,args= -p "$(echo $everyone | tr ' ' ',')" || true)
same "and leaves no process behind" '' "$left"
same "its log holds one line per request and nothing that was typed" '' \
    "$(grep -v '^{.*}$' requests || grep -iE 'lynn|nora|doors|password=|newsletter/[a-z]+/[0-9a-f]' requests || true)"

printf '1..%d\n' "$count"
