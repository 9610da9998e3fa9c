# Shared by the scripts beside it: who asks, asking, and reading the answers.
# shellcheck shell=bash

readonly REFUSED=1 USAGE=2 UNREACHABLE=3

source "$(dirname "${BASH_SOURCE[0]}")/csv.sh"

fail() { # STATUS WORDS
    printf '%s: %s\n' "${0##*/}" "$2" >&2
    exit "$1"
}

((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || fail "$USAGE" "needs bash 4.4 or newer"

# The comment at the head of a script is its help.
help_of() { # SCRIPT
    local line
    while IFS= read -r line && [[ $line == '#'* ]]; do
        line=${line#'#'}
        [[ $line == '!'* ]] || printf '%s\n' "${line# }"
    done <"$1"
    printf '%s\n' '' \
        'PRESENCE_URL is the address of Presence. PRESENCE_TOKEN is the token of a service, made with' \
        'add-service, or an admin'"'"'s own; or PRESENCE_TOKEN_FILE names a file of mode 600 with it.' \
        'Exit status: 0 done, 1 refused by the service, 2 wrong usage, 3 service unreachable.'
}

lines() { # TEXT...
    printf '\n  %s' "$@"
}

usage() { # WORDS
    fail "$USAGE" "$1. See: ${0##*/} --help"
}

# Reads the command line: so many arguments into $given, options into $option by their names.
# OPTIONS are those that there are; "since=" takes a value, "csv" takes none.
# shellcheck disable=SC2034  # the scripts read them
arguments() { # COUNT OPTIONS ARGUMENT...
    local count=$1 known=" $2 " name
    declare -gA option=()
    given=()
    shift 2
    while (($#)); do
        name=${1#--}
        if [[ $1 == --help ]]; then
            help_of "$0"
            exit
        elif [[ $1 == -- ]]; then
            given+=("${@:2}")
            break
        elif [[ $1 != -?* ]]; then
            given+=("$1")
        elif [[ $known == *" $name "* ]]; then
            option[$name]=yes
        elif [[ $known == *" $name= "* ]]; then
            (($# > 1)) || usage "$1 needs a value"
            option[$name]=$2
            shift
        else
            usage "$1 is not understood"
        fi
        shift
    done
    ((${#given[@]} == count)) || usage "wrong number of arguments"
}

# Finds the service and the token, and makes a folder for answers.
prepare() {
    url=${PRESENCE_URL:-}
    [[ $url =~ ^https?://[^[:space:]]+$ ]] || usage "set PRESENCE_URL, such as https://presence.example.com"
    url=${url%/}
    token=${PRESENCE_TOKEN:-}
    [[ $token ]] || read_token_file "${PRESENCE_TOKEN_FILE:-}"
    [[ $token =~ ^[A-Za-z0-9._~+/=-]+$ ]] || usage "this is not a token; a token has only letters, digits and . _ ~ + / = -"
    umask 077
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
}

read_token_file() { # FILE
    [[ $1 ]] || usage "set PRESENCE_TOKEN, or set PRESENCE_TOKEN_FILE to a file of mode 600 with the token"
    [[ -f $1 && -r $1 ]] || usage "$1 can't be read"
    local mode
    mode=$(ls -ldL -- "$1")
    [[ $mode == -r[w-]-------* && -O $1 ]] || usage "others must not have access to $1: run chmod 600 '$1'"
    read -r token <"$1" || true
}

# Asks; the answer is in $work/body and $work/headers, its number in $status.
ask() { # ACCEPT METHOD PATH [CURL OPTION...]
    local accept=$1 method=$2 path=$3
    shift 3
    : >"$work/body"
    # By a descriptor: a command line can be seen by everyone on the machine.
    status=$(curl --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") \
        --silent --show-error --globoff --connect-timeout 10 --max-time 60 \
        --request "$method" --header "Accept: $accept" \
        --output "$work/body" --dump-header "$work/headers" --write-out '%{http_code}' \
        "$@" "$url$path" 2>"$work/error") || status=000
}

# Asks, and ends the script with the service's words where it refuses.
request() { # like ask
    ask "$@"
    if is_refusal; then
        [[ ! ${admins_alone:-} || $(<"$work/body") != *'"insufficient_scope"'* ]] ||
            fail "$REFUSED" "no scope of a service allows this; use an admin's own token"
        fail "$REFUSED" "$(words)"
    elif [[ $status == 000 ]]; then
        fail "$UNREACHABLE" "$url can't be reached: $(<"$work/error")"
    elif ! is_answer "$1"; then
        fail "$UNREACHABLE" "$url can't be reached: something in between answers $status"
    fi
}

# Whether the service itself refuses. The 401 of something in between is no refusal.
is_refusal() {
    local code='"code":\ ?"[a-z_]+"'
    [[ $status == [45]?? && $(media_type) == application/problem+json && $(<"$work/body") =~ $code ]]
}

# Whether this is what was asked for, and no page of something in between.
is_answer() { # ACCEPT
    [[ $status == 204 || $status == 304 || ($status == 2?? && $(media_type) == "$1") ]]
}

media_type() {
    local type
    type=$(header content-type)
    type=${type%%;*}
    printf '%s' "${type,,}"
}

send_json() { # METHOD PATH JSON; the answer is lines of "name: value"
    request text/plain "$1" "$2" --header 'Content-Type: application/json' --data-binary "$3"
}

show_answer() {
    cat "$work/body"
}

# What the service says of a refusal.
words() {
    local body
    body=$(<"$work/body")
    if [[ $body =~ \"detail\":\ ?\"(([^\"\\]|\\.)*)\" ]]; then
        printf '%b' "${BASH_REMATCH[1]}"
        if [[ $body =~ \"errors\":\ ?\{([^{}]*)\} ]]; then
            body=${BASH_REMATCH[1]//\":/: }
            body=${body//],/, }
            printf ' (%s)' "$(tr -s ' ' <<<"${body//[\"\[\]]/}")"
        fi
    else
        printf 'the service answers %s' "$status"
    fi
}

header() { # NAME, in small letters; prints its value
    local name value
    while IFS=: read -r name value; do
        if [[ ${name,,} == "$1" ]]; then
            value=${value%$'\r'}
            printf '%s\n' "${value# }"
            return
        fi
    done <"$work/headers"
}

json_string() { # TEXT
    [[ $1 != *[[:cntrl:]]* ]] || usage "control characters are not allowed"
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

# Prints the seconds between polls, of which a proxy may have made nonsense.
poll_interval() {
    [[ $(header x-poll-interval) =~ ^0*([1-9][0-9]{0,2})$ ]] || true
    local seconds=${BASH_REMATCH[1]:-2}
    printf '%s' "$((seconds > 300 ? 300 : seconds))"
}

# Prints the seconds of 45s, 30m, 2h or 7d.
seconds_of() { # TEXT
    [[ $1 =~ ^([0-9]{1,8})([smhd])$ ]] || usage "'$1' is not a time such as 45s, 30m, 2h or 7d"
    local -A of=([s]=1 [m]=60 [h]=3600 [d]=86400)
    printf '%s\n' "$((10#${BASH_REMATCH[1]} * ${of[${BASH_REMATCH[2]}]}))"
}

# Prints now and so many seconds as RFC 3339 has it.
time_at() { # SECONDS, less than 0 for the past
    local now
    printf -v now '%(%s)T' -1
    TZ=UTC printf '%(%Y-%m-%dT%H:%M:%SZ)T\n' "$((now + $1))"
}
