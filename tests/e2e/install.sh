#!/bin/sh
# What `ninja install` puts where: man pages of every command, rendered, and completions that the shells can read. Prints TAP.
#
# usage: tests/e2e/install.sh BUILD_DIRECTORY
set -u
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0

check() { # name, command...
	name=$1
	shift
	number=$((number + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		sed 's/^/# /' "$work/said"
	fi
}
skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2 is not installed"
}
with() { # program, name, command...
	program=$1
	shift
	if command -v "$program" >/dev/null; then check "$@"; else skip "$1" "$program"; fi
}

# Commands with a page of their own, from the program's own lists: "scan", "db update", ...
commands() {
	for c in $("$yagura" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  .*/\1/p'); do
		case $c in help | version) continue ;; esac
		echo "$c"
		"$yagura" help "$c" | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  .*/'"$c"' \1/p'
	done
}
page_of() { # words of a command
	echo "yagura${1:+-}$(echo "$1" | tr ' ' -).1"
}
page_tells() { # page, words that it must have
	man -l "$1" >"$work/page" && grep -q -- "$2" "$work/page"
}
all_options() { # words of a command, page
	man -l "$2" >"$work/page" || return 1
	# shellcheck disable=SC2086
	for option in $("$yagura" help $1 | sed -n 's/^ .* \(--[a-z-]*\).*/\1/p'); do
		grep -q -- "$option" "$work/page" || {
			echo "$option is not in $2"
			return 1
		}
	done
}

echo "TAP version 13"
check "installs" env DESTDIR="$work/root" meson install -C "$build" --no-rebuild
yagura=$(find "$work/root" -type f -name yagura -path '*/bin/*')
data=${yagura%/bin/yagura}/share
check "the program runs" "$yagura" version

if command -v scdoc >/dev/null && command -v man >/dev/null; then
	MANWIDTH=2000
	export MANWIDTH
	check "page of yagura" page_tells "$data/man/man1/yagura.1" "yagura scan"
	check "page of feeds.conf" page_tells "$data/man/man5/yagura-feeds.conf.5" mirror
	commands >"$work/commands"
	while read -r words; do
		check "page of $words" all_options "$words" "$data/man/man1/$(page_of "$words")"
	done <"$work/commands"
	check "there are commands" test -s "$work/commands"
else
	skip "man pages" "scdoc or man"
fi
with bash "bash completion" bash -n "$data/bash-completion/completions/yagura"
with zsh "zsh completion" zsh -n "$data/zsh/site-functions/_yagura"
with fish "fish completion" fish --no-execute "$data/fish/vendor_completions.d/yagura.fish"
bash_offers() {
	# shellcheck disable=SC2016
	bash -c '. "$1"; COMP_WORDS=(yagura db up); COMP_CWORD=2; _yagura; test "${COMPREPLY[*]}" = update' - "$1"
}
check "bash offers sub-commands" bash_offers "$data/bash-completion/completions/yagura"
echo "1..$number"
