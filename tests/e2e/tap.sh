# tap: the Test Anything Protocol for scripts in sh. To be read by them; what a command says is kept in the file $said, "log" in
# the current directory if it is not set.
number=0

point() { # STATUS NAME: the line of a test that ended so; on failure with the beginning of what it said
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then echo "ok $number - $2"; else
		head -20 "${said-log}" 2>/dev/null | cut -c1-300 | sed 's/^/# /'
		echo "not ok $number - $2"
	fi
}
check() { # NAME COMMAND...: the command must succeed
	tap_name=$1
	shift
	"$@" >"${said-log}" 2>&1
	point $? "$tap_name"
}
skip() { # NAME WHY
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}
soon() { # COMMAND...: until it succeeds, at most three minutes: guests are slow on a busy machine
	tap_end=$(($(date +%s) + 180))
	until "$@"; do
		[ "$(date +%s)" -lt $tap_end ] || return 1
		sleep 0.1
	done
}
