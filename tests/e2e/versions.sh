#!/bin/bash
# Made-up versions in the orders of dpkg, rpm, RubyGems and Python's packaging, by these themselves where they are here.
# usage: versions.sh PROGRAM
set -u
program=$(realpath "$1")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
n=0

# pairs SCHEME COUNT: the same each time
pairs() {
	python3 - "$@" <<'END'
import random, sys
scheme, count = sys.argv[1], int(sys.argv[2])
rnd = random.Random(scheme)
def numbers(most, *choices):
    return ".".join(str(rnd.choice(choices)) for _ in range(rnd.randint(1, most)))
def mixed(most, *choices):
    return "".join(rnd.choice(choices) for _ in range(rnd.randint(1, most)))
def one():
    if scheme == "pep440":
        return (rnd.choice(["", "", "1!", "0!", "v"]) + numbers(4, 0, 0, 1, 2, 10, "01")
                + rnd.choice(["", "", "a1", "b", "rc2", ".alpha-1", "-c.1", "_pre_3", "RC1", "preview"])
                + rnd.choice(["", "", ".post1", "-1", "post", "rev2", "-r3", ".post0"])
                + rnd.choice(["", "", ".dev0", "dev1", "-dev", "_dev_2"])
                + rnd.choice(["", "", "+abc", "+1", "+abc.1", "+ABC-2", "+1.0", "+a1", "+10", "+9", "x"]))
    if scheme == "gem":
        return numbers(4, 0, 0, 1, 2, 10) + rnd.choice(["", "", ".a", ".rc1", ".pre", "-1", "-rc1", ".0.a", ".b2.0", ".0.0",
                                                        "-a-b", ".1a2", ".A", ".rc.1.0", "..1"])
    if scheme == "dpkg":
        return (rnd.choice(["", "0:", "1:"]) + rnd.choice("0129") + mixed(5, "", ".", "~", "+", "a", "b", "1", "0", "10", ".0", "~rc", "-1")
                + rnd.choice(["", "-1", "-0", "-1~b", "-1+deb12u1", "-01", "-a"]))
    return mixed(7, ".", "~", "^", "a", "b", "1", "0", "10", ".0", "_", "rc", "alpha", "+")
for _ in range(count):
    print(one() + "\t" + one())
END
}

# What the peers say of the pairs on stdin: -1, 0, 1, or "invalid".
ask_dpkg() {
	while IFS=$'\t' read -r a b; do
		if [ -n "$(dpkg --validate-version "$a" 2>&1; dpkg --validate-version "$b" 2>&1)" ]; then
			echo invalid
		elif dpkg --compare-versions "$a" lt "$b"; then
			echo -1
		else
			dpkg --compare-versions "$a" eq "$b" && echo 0 || echo 1
		fi
	done
}
ask_rpm() {
	rpm --eval "%{lua:$(awk -F'\t' '{printf "print(rpm.vercmp([[%s]],[[%s]])..\"\\n\")", $1, $2}')}" | sed '/^$/d'
}
ask_gem() {
	ruby -e 'STDIN.each_line(chomp: true) { |l| a, b = l.split("\t")
		puts Gem::Version.correct?(a) && Gem::Version.correct?(b) ? Gem::Version.new(a) <=> Gem::Version.new(b) : "invalid" }'
}
ask_pep440() {
	python3 -c '
import sys
from packaging.version import InvalidVersion, Version
for line in sys.stdin:
    try:
        a, b = map(Version, line.rstrip("\n").split("\t"))
        print((a > b) - (a < b))
    except InvalidVersion:
        print("invalid")'
}

# agree SCHEME COUNT HERE...: HERE is a command that works when the peer is here
agree() {
	local scheme=$1 count=$2
	shift 2
	"$@" >/dev/null 2>&1 || { echo "# $scheme: its own program is not here"; return; }
	pairs "$scheme" "$count" >pairs
	"ask_$scheme" <pairs >want
	# rpm has no version that is none.
	"$program" "$scheme" <pairs | awk -v all="$([ "$scheme" = rpm ] && echo 1)" '{print all || $2 + $3 == 2 ? $1 : "invalid"}' >have
	paste pairs want have | awk -F'\t' '$3 != $4' | head -5 | sed 's/^/# /'
	n=$((n + 1))
	[ "$(grep -c . want)" = "$count" ] && cmp -s want have && echo "ok $n - $scheme: $count pairs" || echo "not ok $n - $scheme"
}

echo "TAP version 13"
agree dpkg 300 dpkg --validate-version 1
agree rpm 300 rpm --eval '%{lua:print(rpm.vercmp("1","1"))}'
agree gem 6000 ruby -e 'Gem::Version'
agree pep440 6000 python3 -c 'import packaging.version'
echo "1..$n"
