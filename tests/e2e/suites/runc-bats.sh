#!/bin/bash
# runc's integration tests. SOURCE: opencontainers/runc with vendor/, at v1.1.5 or another tag that the installed Go can build.
# TEST: names of the files under tests/integration, without .bats; default all. Its two images are replaced by Debian's busybox and
# a few programs of this machine.
. "$(dirname "$0")/lib.sh"
isolate "$@"
shift

need bats jq gawk script gcc
go_build
runc=$BUILD/runc
helpers=contrib/cmd
[ -d "$source/$helpers/recvtty" ] || helpers=tests/cmd
if [ ! -d "$runc" ]; then
	cp -r "$source" "$runc"
	mkdir -p "$runc/tests/integration/testdata"
	for helper in "$runc/$helpers"/*/; do
		helper=$(basename "$helper")
		[ "$helper" = _bin ] || (cd "$runc" && CGO_ENABLED=1 go build -tags seccomp -o "$helpers/$helper/$helper" "./$helpers/$helper") >&2
	done
	[ "$helpers" = contrib/cmd ] || {
		mkdir -p "$runc/tests/cmd/_bin"
		cp "$runc"/tests/cmd/*/* "$runc/tests/cmd/_bin/" 2>/dev/null || true
	}
	arch=$(cd "$runc" && go env GOARCH)
	busybox_rootfs "$runc/images/busybox"
	rmdir "$runc/images/busybox"/{proc,sys,run} # as in the image they expect: tests put links there
	mkdir -p "$runc/images/debian"/{bin,sbin,etc,lib,lib64,usr/lib,proc,sys,dev,tmp}
	for program in sh grep ldconfig; do
		path=$(command -v "$program" || echo /sbin/$program)
		cp -L "$path" "$runc/images/debian/bin/$program"
		ldd "$path" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
			mkdir -p "$runc/images/debian$(dirname "$library")"
			cp -L "$library" "$runc/images/debian$library"
		done || true
	done
	for image in busybox debian; do
		tar -C "$runc/images/$image" -cJf "$runc/tests/integration/testdata/$image-$arch.tar.xz" .
	done
	rm -rf "$runc/images"
fi
cd "$runc/tests/integration"
[ $# -gt 0 ] || set -- $(ls *.bats | sed 's/\.bats$//')

export RUNC=$RUNTIME BATS_TMPDIR=$TMPDIR
for name; do
	echo "# program $name" >>"$LOG"
	timeout 400 script -qefc "bats --tap $name.bats" /dev/null </dev/null 2>&1 | tr -d '\r' >>"$LOG" || echo "# exit ${PIPESTATUS[0]}" >>"$LOG"
done
verdict
