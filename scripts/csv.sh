# Reads the CSV that the service answers with: columns, names, pages. For common.sh.
# shellcheck shell=bash disable=SC2154  # $work, $url and $USAGE are there

readonly SEPARATOR=$'\x1f' # between cells: names have no control characters
readonly FORMULA=$'(=|\\+|-|@|＝|＋|－|＠|\t)'
readonly GUARDED="^'($FORMULA.*)\$" GUARDED_WITHIN=$'^(.*[;\t])\'(\"*'"$FORMULA.*)\$"
readonly UUID='^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'

# Sets $cell to TEXT without the ' that the service puts before what spreadsheets take for formulas.
unguard() { # TEXT
    cell=$1
    [[ ! $cell =~ $GUARDED ]] || cell=${BASH_REMATCH[1]}
    while [[ $cell =~ $GUARDED_WITHIN ]]; do
        cell=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
    done
}

# Splits a line of CSV into the array $cells.
split_csv() { # LINE
    local rest=$1 cell more
    cells=()
    while [[ $rest =~ ^(\"(([^\"]|\"\")*)\"|[^,]*)(,?) ]]; do
        rest=${rest:${#BASH_REMATCH[0]}}
        cell=${BASH_REMATCH[1]} more=${BASH_REMATCH[4]}
        [[ $cell != \"* ]] || cell=${BASH_REMATCH[2]//\"\"/\"}
        [[ $cell != *\'* ]] || unguard "$cell"
        cells+=("$cell")
        [[ $more ]] || break
    done
}

# Reads the next record into $line; a line break within a cell becomes a space.
next_record() {
    local more quotes
    IFS= read -r line || return 1
    while quotes=${line//[^\"]/}; ((${#quotes} % 2)) && IFS= read -r more; do
        line="${line%$'\r'} $more"
    done
    line=${line%$'\r'}
}

# Puts these columns of the CSV in $work/body into $work/rows, with $SEPARATOR between them.
# A column that the answer does not have is empty, but for the first.
columns() { # NAME...
    local line name at=() index row
    {
        next_record || true
        split_csv "$line"
        for name in "$@"; do
            row=
            for index in "${!cells[@]}"; do
                [[ ${cells[index]} != "$name" ]] || row=$index
            done
            at+=("$row")
        done
        [[ ${at[0]} ]] || fail "$REFUSED" "$url does not answer like Presence"
        while next_record; do
            split_csv "$line"
            row=
            for index in "${at[@]}"; do
                row+=$SEPARATOR${index:+${cells[index]}}
            done
            printf '%s\n' "${row:1}"
        done
    } <"$work/body" >"$work/rows"
}

# Sets $found to the id of the account, member or service that is called so, or has this id.
find_id() { # account|member|service NAME-OR-ID
    found=$2
    [[ ! $found =~ $UUID ]] || return 0
    local called=display_name note=role cell wanted id name more ids=() all=
    # As split_csv does it: who copied the name out of a CSV file finds it too.
    unguard "$2"
    wanted=${cell,,}
    case $1 in
        account) called=name note=archived ;;
        service) called=name note=last_used_at ;;
    esac
    request text/csv GET "/v1/admin/${1}s"
    columns id "$called" "$note"
    while IFS=$SEPARATOR read -r id name more; do
        all+=$'\n'"  $name"
        [[ ${name,,} != "$wanted" ]] || ids+=("$id ($name, $note: $more)")
    done <"$work/rows"
    case ${#ids[@]} in
        0) fail "$USAGE" "there is no $1 called '$2'; there are:$all" ;;
        1) found=${ids[0]%% *} ;;
        *) fail "$USAGE" "'$2' is the name of ${#ids[@]} ${1}s; say which by its id:$(lines "${ids[@]}")" ;;
    esac
}

# Asks for page after page of CSV, and calls FUNCTION for each.
each_page() { # FUNCTION PATH [CURL OPTION...]
    local function=$1 path=$2
    shift 2
    page=0
    request text/csv GET "$path" --get "$@"
    "$function"
    while [[ $(header link) =~ ^\<(/[^\>]*)\>\;\ rel=\"next\"$ ]]; do
        ((page += 1))
        request text/csv GET "${BASH_REMATCH[1]}"
        "$function"
    done
}

# A page as it is; one header row does for all of them.
csv_page() {
    if ((page == 0)); then show_answer; else rows_only; fi
}

rows_only() {
    {
        IFS= read -r _
        cat
    } <"$work/body"
}
