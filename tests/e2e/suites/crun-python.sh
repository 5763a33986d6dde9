#!/bin/bash
# crun's Python tests. SOURCE: containers/crun at the tag wanted (1.8.1, or a newer one). TEST: names as test_mounts, default all.
# tests/init.c is the only thing built of it. The programs of systemd, CRIU, bpftrace are not needed: those tests skip themselves.
. "$(dirname "$0")/lib.sh"
isolate "$@"
shift

need gcc python3
mkdir -p "$SUITE_WORK/crun"
cp -r "$source/tests" "$SUITE_WORK/crun/"
cd "$SUITE_WORK/crun"
: >config.h
gcc -w -O -static -I. -o tests/init tests/init.c -lcap 2>>"$LOG" || gcc -w -O -static -I. -o tests/init tests/init.c 2>>"$LOG" || die "tests/init.c: see $LOG"
# The binding of libmount is in few distributions. What the tests use of it: the options of a mount point in a saved mountinfo.
mkdir modules
cat >modules/libmount.py <<'END'
class Mount:
    def __init__(self, line):
        own, rest = line.split(" - ", 1)
        self.target, self.vfs_options = own.split()[4:6]
        self.fs_options = rest.split()[2]


class Table:
    def __init__(self, name):
        with open(name) as lines:
            self.mounts = [Mount(line) for line in lines if " - " in line]

    def find_target(self, target):
        return next((m for m in reversed(self.mounts) if m.target == target), None)
END
export PYTHONPATH=$PWD/modules
[ $# -gt 0 ] || set -- $(cd tests && ls test_*.py | sed 's/\.py$//')

# They look for a pid file of five digits.
echo 20000 >/proc/sys/kernel/ns_last_pid
for name; do
	echo "# program $name" >>"$LOG"
	OCI_RUNTIME=$RUNTIME INIT=$PWD/tests/init timeout 300 python3 "tests/$name.py" >>"$LOG" 2>&1 || echo "# exit $?" >>"$LOG"
done
verdict
