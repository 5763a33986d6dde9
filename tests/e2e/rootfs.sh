#!/bin/sh
# Layers as the kernel lays them over each other. Prints TAP.
set -u
. "$(dirname "$0")/tap.sh"
run=$(realpath "$1") || exit 1
echo "TAP version 13"
if [ "$(id -u)" != 0 ] || ! command -v mkfs.erofs >/dev/null || ! grep -qw erofs /proc/filesystems; then
	echo "1..0 # SKIP needs root, erofs-utils and a kernel with EROFS"
	exit 0
fi
echo 1..7
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work" || exit 1
mkdir mnt layers low middle high
echo low >low/a
echo low >low/b
mkdir low/dir
echo low >low/dir/x
echo middle >middle/b
mknod middle/a c 0 0
mkdir high/dir
echo high >high/dir/y
setfattr -n trusted.overlay.opaque -v y high/dir
mknod low/null c 1 3
for l in low middle high; do mkfs.erofs -q $l.img $l >/dev/null 2>&1 || mkfs.erofs $l.img $l >/dev/null; done
in_use() { grep -c "$work" /proc/self/mountinfo; }
before=$(in_use)
check "one layer" "$run" layers mnt 'cat $0/a | grep -qx low; cat $0/dir/x | grep -qx low' low.img
check "three: whiteout, replacement, opaque" "$run" layers mnt '
	[ ! -e $0/a ]; grep -qx middle $0/b; [ ! -e $0/dir/x ]; grep -qx high $0/dir/y' low.img middle.img high.img
check "nothing can be written" sh -c "! '$run' layers mnt 'echo x >\$0/b' low.img middle.img 2>err; grep -qi read-only err"
check "no device of an image works" sh -c "! '$run' layers mnt 'cat \$0/null' low.img middle.img 2>err; grep -qi permission err"
check "four hundred layers" sh -c "
	i=0; set --; while [ \$i -lt 398 ]; do set -- \"\$@\" middle.img; i=\$((i + 1)); done
	'$run' layers mnt 'grep -qx middle \$0/b; grep -qx high \$0/dir/y' low.img \"\$@\" high.img"
check "more than the kernel takes is one line" sh -c "
	i=0; set --; while [ \$i -lt 510 ]; do set -- \"\$@\" middle.img; i=\$((i + 1)); done
	! '$run' layers mnt true \"\$@\" 2>err; [ \$(wc -l <err) = 1 ]; grep -q '510 layers' err"
check "no mount is seen outside" [ "$(in_use)" = "$before" ]
