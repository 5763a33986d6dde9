# What mirror.sh, mirror-ubuntu.sh and update.sh share: checks of a text, a server of files, and archives of packages that are made and
# signed here. Makes a directory $tmp; what is started is ended with the script.
set -u
lib_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill $server 2>/dev/null; rm -rf "$tmp"' EXIT
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
n=0

needs() { # PROGRAM...
	local tool
	for tool; do
		command -v "$tool" >/dev/null || { echo "1..0 # SKIP $tool is not here"; exit 0; }
	done
}

# check NAME TEXT PATTERN...: every pattern (grep -E) is in the text; "!PATTERN": is not
check() {
	local name=$1 text=$2 ok=1 p
	shift 2
	for p; do
		if [[ $p == !* ]]; then
			! grep -qE -- "${p#!}" <<<"$text" || { ok=0; echo "# unwanted: ${p#!}"; }
		else
			grep -qE -- "$p" <<<"$text" || { ok=0; echo "# missing: $p"; }
		fi
	done
	n=$((n + 1))
	if [ $ok = 1 ]; then
		echo "ok $n - $name"
	else
		sed 's/^/# /' <<<"$text"
		echo "not ok $n - $name"
	fi
}

# serve DIR: $url is where
serve() {
	python3 "$lib_here/file-server.py" "$1" >"$tmp/port" 2>/dev/null &
	server=$!
	for _ in $(seq 200); do [ -s "$tmp/port" ] && break; sleep 0.05; done
	url=http://127.0.0.1:$(cat "$tmp/port")
}

make_key() { # NAME: $tmp/NAME.gpg and .asc
	export GNUPGHOME=$tmp/gnupg
	mkdir -pm 700 "$GNUPGHOME"
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key "$1 <$1@example.org>" ed25519 sign never \
		2>/dev/null
	gpg --batch --export "$1@example.org" >"$tmp/$1.gpg"
	gpg --batch --armor --export "$1@example.org" >"$tmp/$1.asc"
}

entry() { # PACKAGE VERSION SUITE TEXT: of a changelog
	printf '%s (%s) %s; urgency=high\n\n  * %s\n\n -- A <a@example.org>  Fri, 20 Nov 2026 00:12:41 +0000\n\n' "$@"
}

package() { # POOL NAME VERSION FILE: a paragraph of Sources about POOL/FILE, a directory below $www
	printf 'Package: %s\nVersion: %s\nDirectory: %s\nChecksums-Sha256:\n %s %s %s\n\n' "$2" "$3" "$1" \
		"$(sha256sum <"$www/$1/$4" | cut -d' ' -f1)" "$(stat -c %s "$www/$1/$4")" "$4"
}

# sign DIR KEY COMPONENT... <HEAD: DIR/InRelease from what stdin says and the sums of each COMPONENT/source/Sources, packed too
sign() {
	local suite=$1 key=$2 component f
	shift 2
	{
		cat
		echo SHA256:
		for component; do
			xz -kf "$suite/$component/source/Sources"
			for f in Sources Sources.xz; do
				printf ' %s %s %s/source/%s\n' "$(sha256sum <"$suite/$component/source/$f" | cut -d' ' -f1)" \
					"$(stat -c %s "$suite/$component/source/$f")" "$component" $f
			done
		done
	} >"$tmp/Release"
	gpg --batch --quiet --yes --pinentry-mode loopback --passphrase '' --local-user "$key@example.org" \
		--clearsign -o "$suite/InRelease" "$tmp/Release" 2>/dev/null
}
