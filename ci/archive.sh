#!/bin/sh
# Asks a Debian archive for kernels, inside a container, with an apt state of its own: STATE/apt.conf names everything, so
# neither the image's nor the host's apt is read or changed. apt checks the signatures.
#
#   archive.sh index STATE                      reads the suites of STATE/sources.list; prints one line for each kernel (signed
#                                               or not, and the images of split packages), kernel source, kernel's debug information, and what pinned tools are made of:
#                                               suite, package, version, bytes, KiB unpacked, SHA-256
#   archive.sh download STATE DIR PACKAGE=VERSION…
#   archive.sh unpack JOBS DEB DIR [DEB DIR]…   only the image and the modules, or those with debug information, should
#                                               the package be called so; prints `unpacked DIR` for each
set -eu

command=$1
case $command in
index | download)
    APT_CONFIG=$2/apt.conf
    export APT_CONFIG
    ;;
esac

case $command in
index)
    apt-get --quiet update >&2
    targets=$(apt-get indextargets --format '$(CODENAME) $(FILENAME)' 'Created-By: Packages')
    printf '%s\n' "$targets" | while read -r suite file; do
        # A list that cannot be read to its end must not look like an archive that has less.
        {
            PATH=$PATH:/usr/lib/apt apt-helper cat-file "$file" || printf '\n\nUnreadable\n'
        } | awk -v suite="$suite" -v RS= -F '\n' '
            $1 == "Unreadable" { print "archive.sh: the list of " suite " is unreadable" >"/dev/stderr"; exit 1 }
            $1 !~ /^Package: (linux-(image-[0-9].*-(amd64|unsigned|dbg)|binary-[0-9].*-(amd64|unsigned)|source-[0-9.]*)|pahole|libbpf1)$/ { next }
            {
                split("", field)
                for (i = 1; i <= NF; i++) {
                    colon = index($i, ": ")
                    if (colon) field[substr($i, 1, colon - 1)] = substr($i, colon + 2)
                }
                print suite, field["Package"], field["Version"], field["Size"], field["Installed-Size"], field["SHA256"]
            }'
    done
    ;;
download)
    cd "$3"
    shift 3
    apt-get --quiet download "$@" >&2
    ;;
unpack)
    jobs=$2
    shift 2
    for item; do printf '%s\0' "$item"; done | xargs -0 -n 2 -P "$jobs" sh -c '
        set -eu
        mkdir -p "$2"
        case ${1##*/} in
        *-dbg_*) kernel="./usr/lib/debug/boot/*" ;;
        *) kernel="./boot/*" ;;
        esac
        # A cut or damaged package makes dpkg-deb fail, whatever tar made of the beginning.
        status=$(
            { { dpkg-deb --fsys-tarfile "$1" || echo "$?" >&3; } |
                tar -x -C "$2" --no-same-owner --no-same-permissions --wildcards --exclude="*/boot/System.map-*" \
                    "$kernel" "./*lib/modules/*" >&2; } 3>&1
        )
        [ -z "$status" ]
        echo "unpacked $2"
    ' unpack
    ;;
*)
    echo "archive.sh: unknown command $command" >&2
    exit 2
    ;;
esac
