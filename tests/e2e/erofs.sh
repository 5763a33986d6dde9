#!/bin/sh
# The EROFS writer against others' readers: fsck.erofs, and the kernel where it can be mounted. Prints TAP.
set -u
. "$(dirname "$0")/tap.sh"
make=$(realpath "$1") || exit 1
work=$(mktemp -d) || exit 1
cleanup() {
	mountpoint -q "$work/mnt" && umount "$work/mnt"
	rm -rf "$work"
}
trap cleanup EXIT INT TERM
cd "$work" || exit 1
echo "TAP version 13"
echo 1..10

command -v fsck.erofs >/dev/null && [ "$(id -u)" = 0 ] || {
	for name in 1 2 3 4 5 6 7 8 9 10; do skip "erofs $name" "needs root and erofs-utils"; done
	exit 0
}

# A tree with everything that a layer can hold.
mkdir -p tree/dir/empty tree/many tree/deep/a/b/c
printf x >tree/one-byte
head -c 4096 /dev/urandom >tree/one-block
head -c 4032 /dev/urandom >tree/fills-the-block
head -c 4033 /dev/urandom >tree/one-too-many
head -c 1000001 /dev/urandom >tree/large
: >tree/nothing
truncate -s 1M tree/sparse
printf end >>tree/sparse
ln tree/large tree/dir/hard
ln -s ../large tree/dir/soft
ln -s "$(head -c 3000 /dev/zero | tr '\0' x)" tree/long-link
mkfifo tree/fifo
mknod tree/null c 1 3
mknod tree/block b 259 70000
for i in $(seq 1000); do echo "$i" >"tree/many/a-rather-long-name-so-that-many-blocks-are-needed-$i"; done
touch "tree/ .-first" "tree/!before-the-dots" "tree/$(head -c 255 /dev/zero | tr '\0' n)"
chmod 4755 tree/one-byte
chown 1234:70000 tree/one-block
chmod 1777 tree/dir/empty
touch -d '1969-12-31 23:00:00 UTC' tree/nothing
setfattr -n user.note -v hello tree/large 2>/dev/null
setcap cap_net_raw+ep tree/one-block 2>/dev/null

tar --xattrs --xattrs-include='*' --sparse -C tree -cf layer.tar .
check "a layer becomes an image" sh -c "'$make' <layer.tar >image"
check "fsck.erofs finds nothing wrong" fsck.erofs image
check "the same layer gives the same bytes" sh -c "'$make' <layer.tar >again && cmp image again"

# Every fact of a tree, in one order.
facts() {
	(cd "$1" && find . -mindepth 1 -printf '%p %y %m %U %G %s %n %l %TY-%Tm-%Td_%TH:%TM:%.2TS\n' | sed '/ d /s/ [0-9]* [0-9]* [^ ]* \([^ ]*\)$/ \1/' | sort
		find . -type f -exec sha256sum {} + | sort
		find . -type b -o -type c | sort | xargs stat -c '%n %t:%T'
		find . -type f | sort | xargs -d '\n' getfattr -h -d -m '^(user|security.capability)' 2>/dev/null)
}
mkdir mnt
if grep -qw erofs /proc/filesystems; then
	mount -t erofs -o ro,loop image mnt
	facts tree >want
	facts mnt >got
	check "the kernel shows the tree that went in" diff want got
	check "and nothing is empty" grep -q one-too-many want
	umount mnt
else
	skip "the kernel shows the tree that went in" "this kernel does not mount EROFS"
	skip "and nothing is empty" "this kernel does not mount EROFS"
fi

# What one layer says of those below it, and of itself twice.
mkdir -p l2/gone-dir l2/twice
touch l2/.wh.removed l2/gone-dir/.wh..wh..opq l2/.wh..wh.plnk
echo old >l2/twice/file
ln -s twice l2/by-link
tar -C l2 -cf l2.tar .
echo new >l2/twice/file
tar -C l2 -rf l2.tar ./twice/file
tar -C l2 --transform 's,^./twice/file,by-link/through,' -rf l2.tar ./twice/file
check "whiteouts and repeated names" sh -c "'$make' <l2.tar >image2 && fsck.erofs image2"
if grep -qw erofs /proc/filesystems; then
	mount -t erofs -o ro,loop image2 mnt
	check "a whiteout is a device 0:0, a marker an attribute, links are followed inside" sh -ec '
		[ "$(stat -c "%F %t:%T" mnt/removed)" = "character special file 0:0" ]
		[ "$(getfattr --only-values -n trusted.overlay.opaque mnt/gone-dir 2>/dev/null)" = y ]
		[ ! -e mnt/gone-dir/.wh..wh..opq ] && [ ! -e mnt/.wh..wh.plnk ]
		[ "$(cat mnt/twice/file)" = new ] && [ "$(cat mnt/twice/through)" = new ]
		[ "$(stat -c %h mnt/twice/file)" = 1 ]'
	umount mnt
else
	skip "a whiteout is a device 0:0, a marker an attribute, links are followed inside" "this kernel does not mount EROFS"
fi

bad() { # NAME WANT
	"$make" <bad.tar >image3 2>err
	[ $? = 1 ] && grep -q "$2" err && [ "$(wc -l <err)" = 1 ]
}
printf x >f
tar -cf bad.tar f
tar --transform 's,f,elsewhere,' -cf x.tar f
python3 - <<'PY'
import io, tarfile
def write(entries):
    with tarfile.open("bad.tar", "w", format=tarfile.PAX_FORMAT) as t:
        for name, kind, link in entries:
            i = tarfile.TarInfo(name); i.type = kind; i.linkname = link
            t.addfile(i)
write([("a", tarfile.LNKTYPE, "not/there")])
PY
check "a hard link to nowhere is one line" bad x "a hard link to not/there"
python3 - <<'PY'
import tarfile
with tarfile.open("bad.tar", "w") as t:
    for name, link in (("a", "b"), ("b", "a")):
        i = tarfile.TarInfo(name); i.type = tarfile.SYMTYPE; i.linkname = link
        t.addfile(i)
    t.addfile(tarfile.TarInfo("a/file"))
PY
check "a name through a loop of links is one line" bad x "too many links"
python3 - <<'PY'
import tarfile
with tarfile.open("bad.tar", "w") as t:
    i = tarfile.TarInfo("zero"); i.type = tarfile.CHRTYPE
    t.addfile(i)
PY
check "a device 0:0 is no way to hide a file of a lower layer" bad x "character device 0:0"
