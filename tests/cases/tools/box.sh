# box.sh: a bundle of busybox in the working directory, and yagura-run on it. Sourced by the escape-* cases.
#
#   box [JQ]          writes bundle/config.json: the one of `yagura-run spec`, changed by a jq filter
#   rt ...            yagura-run with a state of its own; OPTIONS goes before the command
#   inside COMMAND    the filter for "the program is sh -c COMMAND"
#   host              a directory of the host's, outside of the bundle; host_is_untouched says so at the end
GROUP=yagura-case-$$
OPTIONS=
TOP=$PWD
rt() { (cd "$TOP/bundle" && exec "$YAGURA_RUN" --root "$TOP/state" $OPTIONS "$@"); }

inside() { jq -n --arg c "$1" '$c | @json | ".process.args = [\"sh\", \"-c\", \(.)]"' -r; }

box() {
	[ -e spec.json ] || { rt spec && cp bundle/config.json spec.json; }
	jq --arg group "/$GROUP/box" '.process.terminal = false | .linux.cgroupsPath = $group | .mounts |= map(select(.type != "cgroup"))' spec.json >base.json
	for filter; do
		jq "$filter" base.json >next.json
		mv next.json base.json
	done
	mv base.json bundle/config.json
}

all_capabilities='.process.capabilities = ([ "bounding", "effective", "permitted" ] | map({ key: ., value: [
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_MKNOD", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH" ] }) | from_entries)'

host_sum() { (cd host && find . -exec stat -c '%n %F %s %a %u %Y' {} + | sort | sha256sum); }
host_is_untouched() { [ "$(host_sum)" = "$HOST" ] && echo "the host is untouched"; }

leave() {
	OPTIONS=
	for id in $(rt list -q 2>/dev/null); do rt delete --force "$id" || true; done
	for group in /sys/fs/cgroup/*/"$GROUP" /sys/fs/cgroup/"$GROUP"; do
		[ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
	done
}
trap leave EXIT

mkdir -p bundle/rootfs/bin bundle/rootfs/proc bundle/rootfs/dev bundle/rootfs/sys bundle/rootfs/tmp bundle/rootfs/etc host
cp "$(command -v busybox)" bundle/rootfs/bin/busybox
for applet in sort uniq sh ls cat id echo sleep true grep mkdir rm mount readlink stat ps kill test touch mknod dd env head sed; do
	ln -s busybox "bundle/rootfs/bin/$applet"
done
echo secret >host/file
HOST=$(host_sum)
