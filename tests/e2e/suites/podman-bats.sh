#!/bin/bash
# podman's system tests of run, stop, exec, pause and kill. SOURCE: containers/podman at the tag of the installed podman (v4.3.1 on Debian
# 12). TEST: names of the files under test/system, without .bats. The image they expect is made of Debian's busybox.
. "$(dirname "$0")/lib.sh"
isolate "$@"
shift

need podman conmon bats jq script
name=$(basename "$RUNTIME")
cat >"$SUITE_WORK/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$SUITE_WORK/storage"
runroot = "/run/containers/storage"
END
# conmon calls `podman container cleanup` without CONTAINERS_CONF: what that needs must be in the options podman gives it (a runtime by its
# path) or the default (the database below the storage). Else each `podman run` waits 20 seconds for a clean-up that finds no container.
cat >"$SUITE_WORK/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "$RUNTIME"
runtime_supports_json = ["$name"]
tmp_dir = "/run/libpod"
volume_path = "$SUITE_WORK/volumes"
[network]
network_config_dir = "$SUITE_WORK/networks"
END
export CONTAINERS_STORAGE_CONF=$SUITE_WORK/storage.conf CONTAINERS_CONF=$SUITE_WORK/containers.conf
export XDG_RUNTIME_DIR= PODMAN_TIMEOUT=60

image=quay.io/libpod/testimage:20220615
rootfs=$SUITE_WORK/image
busybox_rootfs "$rootfs"
mkdir -p "$rootfs/home/podman"
echo 20220615 >"$rootfs/home/podman/testimage-id"
touch --date=@1600000000 "$rootfs/home/podman/testimage-id"
printf '#!/bin/sh\necho Confirmed: testimage pause invoked as $0\nwhile :; do\n    sleep 0.1\ndone\n' >"$rootfs/home/podman/pause"
chmod 755 "$rootfs/home/podman/pause"
tar -C "$rootfs" -c . | podman import -q --change 'WORKDIR /home/podman' --change 'LABEL created_by=suite' --change 'LABEL created_at=2022-06-15T00:00:00Z' \
	--change 'CMD ["/bin/echo", "This container is intended for podman CI testing"]' - "$image" >>"$LOG" 2>&1 || die "podman import: $(tail -3 "$LOG")"

cp -r "$source/test" "$SUITE_WORK/podman-test"
cd "$SUITE_WORK/podman-test/system"
[ $# -gt 0 ] || set -- 030-run 050-stop 075-exec 080-pause 130-kill
for name; do
	echo "# program $name" >>"$LOG"
	timeout 1500 script -qefc "bats --tap $name.bats" /dev/null </dev/null 2>&1 | tr -d '\r' >>"$LOG" || echo "# exit ${PIPESTATUS[0]}" >>"$LOG"
done
podman rm -fa -t 0 >>"$LOG" 2>&1 || true
pkill -x conmon || true # those of this namespace
umount -R "$SUITE_WORK/storage/overlay" 2>/dev/null || true
verdict
