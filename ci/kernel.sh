#!/bin/sh
# Makes source trees and builds kernels, inside the build image.
#
#   kernel.sh unpack PACKAGE DIR        the tarball in a linux-source package
#   kernel.sh extract TARBALL DIR       a tarball with one directory at its top
#   kernel.sh import SOURCE DIR         a copy of somebody's own tree, without its history
#   kernel.sh patch SOURCE DIR PATCH…   a hard-linked copy, changed by patches that must fit exactly
#   kernel.sh copy TREE DIR             a copy of a build, time stamps kept
#
# and, on a source at /usr/src/linux, an output tree at /build, a fragment at /recipe/merged.config, results in /out. The
# paths are always these, so that no path of the host gets into what is built and a copy of an output tree can be built on:
#
#   kernel.sh configure
#   kernel.sh relink                    what the next `make` does not find up to date: vmlinux
#   kernel.sh make JOBS
#   kernel.sh collect
set -eu

source=/usr/src/linux
tree=/build
out=/out

kbuild() {
    make -C "$source" O="$tree" ARCH=x86_64 "$@"
}

command=$1
shift
case $command in
unpack)
    mkdir -p "$2"
    member=$(dpkg-deb --fsys-tarfile "$1" | tar --list --wildcards './usr/src/linux-source-*.tar.*')
    # A damaged package makes one of the first two fail, whatever the last made of the beginning.
    status=$(
        { { dpkg-deb --fsys-tarfile "$1" || echo 1 >&3; } |
            { tar --extract --to-stdout "$member" || echo 1 >&3; } |
            tar --extract --xz --strip-components=1 --no-same-owner --directory "$2" >&2; } 3>&1
    )
    [ -z "$status" ]
    ;;
extract)
    mkdir -p "$2"
    tar --extract --file "$1" --strip-components=1 --no-same-owner --directory "$2"
    ;;
import)
    mkdir -p "$2"
    status=$(
        { { tar --create --exclude=./.git --directory "$1" . || echo 1 >&3; } |
            tar --extract --no-same-owner --directory "$2" >&2; } 3>&1
    )
    [ -z "$status" ]
    ;;
patch)
    cp -al "$1" "$2"
    copy=$2
    shift 2
    for patch; do
        # patch puts a new file in the old one's place, so what the copy shares with the source stays as it is.
        patch --directory "$copy" --strip=1 --fuzz=0 --force --no-backup-if-mismatch <"$patch"
    done
    ;;
copy)
    cp -a --reflink=auto "$1" "$2"
    ;;
configure)
    KCONFIG_ALLCONFIG=/recipe/merged.config kbuild --silent allnoconfig
    ;;
relink)
    rm -f "$tree/vmlinux"
    ;;
make)
    # What make complains of on standard error belongs between the steps on standard output.
    exec 2>&1
    kbuild --jobs="$1" bzImage modules
    ;;
collect)
    release=$(cat "$tree/include/config/kernel.release")
    kbuild --silent modules_install INSTALL_MOD_PATH="$out" INSTALL_MOD_STRIP=1 DEPMOD=true
    # Links into trees that are elsewhere tomorrow.
    rm -f "$out/lib/modules/$release/build" "$out/lib/modules/$release/source"
    cp "$tree/arch/x86/boot/bzImage" "$out/bzImage"
    cp "$tree/.config" "$out/config"
    cp "$tree/Module.symvers" "$out/Module.symvers"
    objcopy --strip-debug "$tree/vmlinux" "$out/vmlinux"
    echo "$release"
    ;;
*)
    echo "kernel.sh: unknown command $command" >&2
    exit 2
    ;;
esac
