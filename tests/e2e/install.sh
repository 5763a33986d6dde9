#!/bin/sh
# What `ninja install` puts where: man pages of every command, rendered, and completions that the shells can read. Prints TAP.
#
# usage: tests/e2e/install.sh BUILD_DIRECTORY
set -u
. "$(dirname "$0")/tap.sh"
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
said=$work/said

with() { # program, name, command...
	program=$1
	shift
	if command -v "$program" >/dev/null; then check "$@"; else skip "$1" "$program is not installed"; fi
}

# Commands with a page of their own, from the program's own lists: "scan", "db update", ...
commands() { # program
	for c in $("$1" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  .*/\1/p'); do
		case $c in help | version) continue ;; esac
		echo "$c"
		"$1" help "$c" | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  .*/'"$c"' \1/p'
	done
}
page_of() { # program, words of a command, section
	echo "man$3/$1${2:+-}$(echo "$2" | tr ' ' -).$3"
}
page_tells() { # page, words that it must have
	man -l "$1" >"$work/page" && grep -q -- "$2" "$work/page"
}
all_options() { # program, words of a command, page
	program=$1
	shift
	man -l "$2" >"$work/page" || return 1
	# shellcheck disable=SC2086
	for option in $("$program" help $1 | sed -n 's/^ .* \(--[a-z-]*\).*/\1/p'); do
		grep -q -- "$option" "$work/page" || {
			echo "$option is not in $2"
			return 1
		}
	done
}

echo "TAP version 13"
check "installs" env DESTDIR="$work/root" meson install -C "$build" --no-rebuild
yagura=$(find "$work/root" -type f -name yagura -path '*/bin/*')
runtime=$yagura-run
data=${yagura%/bin/yagura}/share
check "the program runs" "$yagura" version
check "the runtime runs" "$runtime" --version

if command -v scdoc >/dev/null && command -v man >/dev/null; then
	MANWIDTH=2000
	export MANWIDTH
	check "page of yagura" page_tells "$data/man/man1/yagura.1" "yagura scan"
	check "page of feeds.conf" page_tells "$data/man/man5/yagura-feeds.conf.5" mirror
	check "page of yagura-run" page_tells "$data/man/man8/yagura-run.8" "systemd-cgroup"
	for program in "$yagura 1" "$runtime 8"; do
		section=${program##* }
		program=${program% *}
		commands "$program" >"$work/commands"
		while read -r words; do
			check "page of ${program##*/} $words" all_options "$program" "$words" \
				"$data/man/$(page_of "${program##*/}" "$words" "$section")"
		done <"$work/commands"
		check "${program##*/} has commands" test -s "$work/commands"
	done
else
	skip "man pages" "scdoc or man is not installed"
fi
for which in yagura yagura-run; do
	with bash "bash completion of $which" bash -n "$data/bash-completion/completions/$which"
	with zsh "zsh completion of $which" zsh -n "$data/zsh/site-functions/_$which"
	with fish "fish completion of $which" fish --no-execute "$data/fish/vendor_completions.d/$which.fish"
done
# What engines are told: files that they can read, naming the programs where they are.
cat >"$work/engines.py" <<'PY'
import pathlib, sys, tomllib
place, bin = pathlib.Path(sys.argv[1]), sys.argv[2]
podman = tomllib.loads((place / "podman-yagura.conf").read_text())["engine"]["runtimes"]
containerd = tomllib.loads((place / "containerd-yagura.toml").read_text())["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]["runtimes"]
crio = tomllib.loads((place / "crio-yagura.conf").read_text())["crio"]["runtime"]["runtimes"]
named = {p for paths in podman.values() for p in paths}
named |= {r["options"]["BinaryName"] for r in containerd.values()} | {r["runtime_path"] for r in crio.values()}
assert set(containerd) == set(crio) == {"yagura", "yagura-uml", "yagura-vm"}, (containerd, crio)
assert all(h in (place / "runtimeclass.yaml").read_text() for h in crio)
assert named == {f"{bin}/yagura-run{s}" for s in ("", "-compat", "-uml", "-vm")}, named
PY
with python3 "files for engines" python3 "$work/engines.py" "$data/yagura/engines" "$(echo "$yagura" | sed "s,^$work/root,,; s,/yagura\$,,")"
bash_offers() {
	# shellcheck disable=SC2016
	bash -c '. "$1"; COMP_WORDS=(yagura db up); COMP_CWORD=2; _yagura; test "${COMPREPLY[*]}" = update' - "$1"
}
check "bash offers sub-commands" bash_offers "$data/bash-completion/completions/yagura"
echo "1..$number"
