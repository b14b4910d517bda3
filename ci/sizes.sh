#!/bin/sh
# Encodes the BTF of a kernel and of its modules from their DWARF, inside the build image, and tells how many bytes it has: of
# each module once alone and once against the kernel's. Nothing of it is kept, and nothing of the inputs changed.
#
#   sizes.sh JOBS VMLINUX MODULES FLAG…     FLAG: how this kernel's build calls pahole
#
# Prints lines of fields between tabs; what pahole printed is in the last ones, and what could not be encoded has a `-`:
#
#   base <bytes> <said>
#   module <path below MODULES> <bytes alone> <bytes against the base> <said alone> <said against the base>
set -eu

jobs=$1
vmlinux=$2
MODULES=$3
shift 3
FLAGS="-J --format_path=dwarf -j1 $*"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
BASE=$work/base.btf
export FLAGS BASE MODULES

# Sets `bytes` and `said`. pahole may write nothing and be content, which is no success, and it does not shorten a file that is
# there already.
ENCODE='
encode() {
    made=$1
    shift
    rm -f "$made"
    bytes=-
    pahole $FLAGS --btf_encode_detached="$made" "$@" >"$made.said" 2>&1 && [ -s "$made" ] && bytes=$(stat -c %s "$made")
    said=$(head -c 600 "$made.said" | tr "\t\n" "  ")
    rm -f "$made.said"
    :
}
'

eval "$ENCODE"
encode "$BASE" "$vmlinux"
printf 'base\t%s\t%s\n' "$bytes" "$said"
[ -s "$BASE" ] || exit 0

find "$MODULES" -type f -name '*.ko' -print0 | xargs -0 -r -n 1 -P "$jobs" sh -c "$ENCODE"'
    made=${BASE%/*}/$$.btf
    encode "$made" "$1"
    full=$bytes full_said=$said
    encode "$made" --btf_base "$BASE" "$1"
    rm -f "$made"
    printf "module\t%s\t%s\t%s\t%s\t%s\n" "${1#"$MODULES"/}" "$full" "$bytes" "$full_said" "$said"
' encode
