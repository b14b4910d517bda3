#!/bin/bash
# Runs single commands for crates/kernels, inside the build image.
#
#   workbench.sh run COMMAND…        what it says goes to standard output, both streams in the order they came; then one line
#                                    on standard error: workbench.sh: status S real R user U system Y (S an exit status, the
#                                    others seconds, of the command and its children). Fails only if it could not do that.
#   workbench.sh unpack PACKAGE DIR  everything in a Debian package
set -u

command=$1
shift
case $command in
run)
    TIMEFORMAT='real %3R user %3U system %3S'
    exec 3>&1
    times=$({ time "$@" >&3 2>&3 3>&-; } 2>&1)
    status=$?
    # Before the times stands what bash itself has to say of a command that it cannot start.
    printf '%s' "${times%real *}"
    echo "workbench.sh: status $status real ${times##*real }" >&2
    ;;
unpack)
    dpkg-deb --extract "$1" "$2"
    ;;
*)
    echo "workbench.sh: unknown command $command" >&2
    exit 2
    ;;
esac
