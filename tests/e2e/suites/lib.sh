# Common to the scripts that run other projects' test suites against an OCI runtime. Sourced, by bash, as root.
#
# usage of each: RUNTIME=PROGRAM [BUILD=DIR] [LOG=FILE] [HIDE_UNIFIED=1] tests/e2e/suites/NAME.sh SOURCE [TEST...]
#
# SOURCE is the directory of the suite's own source, as its project publishes it; it is copied, never written to.
# RUNTIME   the runtime under test: a path, or a name in PATH.
# BUILD     keeps what had to be built for the next run (default: built anew in the temporary directory).
# LOG       the suite's whole output (default: thrown away).
# HIDE_UNIFIED=1: without /sys/fs/cgroup/unified, for runtimes that refuse a hybrid hierarchy.
#
# A suite runs in namespaces of its own: mounts, processes, network, IPC, host name, cgroups. Its cgroups are children of one that
# this script makes and removes, /run and /tmp are its own, and when its first process ends everything in there dies with it.
# Prints "ok N, not ok N, skipped N" and the names of the checks that failed. Exit: 0 all passed, 1 some failed, 3 could not run.
set -euo pipefail

suite=$(basename "$0" .sh)

die() {
	echo "$suite: $*" >&2
	exit 3
}

need() { # COMMAND...
	local command
	for command; do
		command -v "$command" >/dev/null || die "needs $command"
	done
}

hierarchies() { # the names under /sys/fs/cgroup
	awk '$3 == "cgroup" || $3 == "cgroup2" { sub(".*/", "", $2); print $2, $3, $4 }' /proc/mounts | sort -u
}

# One cgroup for the whole suite in every hierarchy.
cgroups_make() {
	local name kind options file dir
	while read -r name kind options; do
		dir=/sys/fs/cgroup/$name/$group
		mkdir "$dir"
		if [ -e "$dir/cpuset.cpus" ]; then
			for file in cpuset.cpus cpuset.mems; do
				cat "/sys/fs/cgroup/$name/$file" >"$dir/$file"
			done
			echo 1 >"$dir/cgroup.clone_children"
		fi
		echo $$ >"$dir/cgroup.procs"
	done < <(hierarchies)
}

cgroups_remove() {
	local name kind options dir try
	while read -r name kind options; do
		echo $$ >"/sys/fs/cgroup/$name/cgroup.procs"
		dir=/sys/fs/cgroup/$name/$group
		for try in 1 2 3 4 5 6 7 8 9 10; do
			find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null && break
			sleep 0.1
		done
		[ ! -d "$dir" ] || echo "$suite: $dir is left" >&2
	done < <(hierarchies)
}

# A frozen process does not die with its namespace.
thaw() {
	local file
	find /sys/fs/cgroup/freezer -mindepth 2 -name freezer.state | while read -r file; do
		echo THAWED >"$file" || true
	done
}

# The same hierarchies, seen from the suite's own cgroup.
cgroups_mount() {
	local name kind options list
	list=$(hierarchies)
	mount -t tmpfs -o mode=755 cgroups /sys/fs/cgroup
	while read -r name kind options; do
		[ "$kind" = cgroup ] || [ -z "${HIDE_UNIFIED-}" ] || continue
		mkdir "/sys/fs/cgroup/$name"
		if [ "$kind" = cgroup ]; then
			mount -t cgroup -o "${options#*relatime,}" cgroup "/sys/fs/cgroup/$name"
		else
			mount -t cgroup2 cgroup2 "/sys/fs/cgroup/$name"
		fi
	done <<<"$list"
}

# Runs the rest of the script that calls it in namespaces of its own, then removes everything.
isolate() { # "$@" of the script
	if [ -z "${SUITE_WORK-}" ]; then
		[ "$(id -u)" = 0 ] || die "needs root"
		[ $# -ge 1 ] && [ -d "$1" ] || die "usage: RUNTIME=PROGRAM $0 SOURCE [TEST...]"
		RUNTIME=$(command -v "${RUNTIME:?}") || die "no runtime $RUNTIME"
		RUNTIME=$(realpath -s "$RUNTIME") # its name may mean something
		SUITE_WORK=$(mktemp -d /var/tmp/yagura-suite.XXXXXX)
		group=$(basename "$SUITE_WORK")
		BUILD=${BUILD:-$SUITE_WORK/build}
		mkdir -p "$BUILD"
		export RUNTIME SUITE_WORK BUILD
		trap 'cgroups_remove; [ -z "${LOG-}" ] || cp "$SUITE_WORK/log" "$LOG"; rm -rf "$SUITE_WORK"' EXIT
		cgroups_make
		local status=0
		unshare --mount --pid --fork --kill-child --mount-proc --cgroup --net --ipc --uts "$0" "$@" || status=$?
		exit $status
	fi
	cgroups_mount
	trap thaw EXIT
	mount -t tmpfs -o mode=755 run /run
	mkdir /run/lock
	chmod 755 "$SUITE_WORK"
	mkdir -m 1777 "$SUITE_WORK/tmp"
	mount --bind "$SUITE_WORK/tmp" /tmp
	export TMPDIR=/tmp HOME=$SUITE_WORK/home
	mkdir -p "$HOME"
	ip link set lo up
	LOG=$SUITE_WORK/log
	source=$(readlink -f "$1")
}

go_build() { # MINIMAL: sets the environment for a program with its dependencies in vendor/; Debian's Go if there is one
	PATH=$(ls -d /usr/lib/go-1.*/bin 2>/dev/null | sort -V | head -1):$PATH
	need go
	export GOFLAGS=-mod=vendor GOPROXY=off CGO_ENABLED=0 GOCACHE=$BUILD/go-cache
}

# A root file system of Debian's busybox-static: DIR/bin/busybox and a symbolic link for each of its commands.
busybox_rootfs() { # DIR
	need busybox
	local command
	mkdir -p "$1"/{bin,dev,etc,home,proc,root,run,sys,tmp,usr/bin,var/tmp}
	chmod 1777 "$1/tmp" "$1/var/tmp"
	cp "$(command -v busybox)" "$1/bin/busybox"
	for command in $(busybox --list); do
		[ "$command" = busybox ] || ln -s busybox "$1/bin/$command"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
	echo 'nobody:x:65534:65534:nobody:/:/bin/false' >>"$1/etc/passwd"
	printf 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n' >"$1/etc/group"
}

# Counts what is in $LOG (TAP), names what failed and says whether all is well.
verdict() {
	awk -v suite="$suite" '
		/^# program / { program = $3 ": "; at = bad }
		/^# exit / && bad == at { failed[++bad] = program "ended with status " $3 }
		/^ok / { if (tolower($0) ~ /# *skip/) skipped++; else ok++ }
		/^not ok / { bad++; $1 = $2 = $3 = ""; sub(/^ +(- )?/, ""); sub(/ # [0-9.]+s?$/, ""); failed[bad] = program $0 }
		END {
			printf "%s: ok %d, not ok %d, skipped %d\n", suite, ok, bad, skipped
			for (i = 1; i <= bad; i++)
				print "  not ok " failed[i]
			exit bad > 0 || ok == 0
		}' "$LOG"
}
