#!/bin/bash
# runtime-tools' validation programs. SOURCE: opencontainers/runtime-tools with vendor/, at a commit that Debian's Go can build
# (260e151 is the last for Go 1.19). TEST: names under validation/, default all.
. "$(dirname "$0")/lib.sh"
isolate "$@"
shift

go_build
if [ ! -x "$BUILD/tools/runtimetest" ]; then
	cp -r "$source" "$BUILD/tools"
	make -s -C "$BUILD/tools" runtimetest validation-executables >&2
fi
cd "$BUILD/tools"
[ $# -gt 0 ] || set -- $(ls validation | grep -v '^util$')

for name; do
	echo "# program $name" >>"$LOG"
	timeout 120 "validation/$name/$name.t" >>"$LOG" 2>&1 || echo "# exit $?" >>"$LOG"
done
verdict
