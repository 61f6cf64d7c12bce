#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ipsecmond with stand-ins for its children: who runs as what, is told what, and when again.
# usage: supervisor.sh IPSECMOND STANDIN
set -u
[ -x "$1" ] && [ -x "$2" ] || { echo "Bail out! give two programs"; exit 1; }
dir=$(mktemp -d)
chmod 755 "$dir"
export STANDIN_DIR=$dir/told
mkdir -m 1777 "$STANDIN_DIR"
cp "$1" "$dir/ipsecmond"
cp "$2" "$dir/ipsecmond-core"
cp "$2" "$dir/ipsecmond-observe"
unset SUDO_UID SUDO_GID
daemon=
n=0
ns=im-sv-$$

finish() {
	[ -n "$daemon" ] && kill -9 "$daemon" 2>/dev/null
	sleep 0.2
	ip netns del "$ns" 2>/dev/null
	ip netns del "$ns.b" 2>/dev/null
	rm -rf "$dir"
}
trap finish EXIT

ok() { # TEXT COMMAND...
	local text=$1
	shift
	n=$((n + 1))
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		sed 's/^/# /' "$dir/out" "$dir/err" 2>/dev/null | tail -20
	fi
}

skip() { # TEXT REASON
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

told() { # CHILD PATTERN: within 5 s it was told so
	for _ in $(seq 100); do
		grep -qE "$2" "$STANDIN_DIR/$1.told" 2>/dev/null && return 0
		sleep 0.05
	done
	echo "$1 was told:"
	cat "$STANDIN_DIR/$1.told"
	return 1
}

count_told() { # CHILD PATTERN NUMBER
	for _ in $(seq 100); do
		[ "$(grep -cE "$2" "$STANDIN_DIR/$1.told")" = "$3" ] && return 0
		sleep 0.05
	done
	cat "$STANDIN_DIR/$1.told"
	return 1
}

said() { # PATTERN: on standard error, within 5 s
	for _ in $(seq 100); do
		grep -qE "$1" "$dir/err" && return 0
		sleep 0.05
	done
	cat "$dir/err"
	return 1
}

start() {
	rm -f "$STANDIN_DIR"/*.told
	: >"$dir/err"
	"$dir/ipsecmond" --foreground --config "$dir/conf" --state-dir "$dir/state" \
		--socket "$dir/sock" "$@" 2>"$dir/err" >"$dir/stdout" &
	daemon=$!
}

ends() { # STATUS: the daemon ends with it, within 15 s
	local status
	for _ in $(seq 300); do
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.05
	done
	wait "$daemon"
	status=$?
	daemon=
	[ "$status" = "$1" ] || { echo "status $status"; return 1; }
}

pid_of() { sed -n 's/^pid //p' "$STANDIN_DIR/$1.told" | tail -1; }

is_gone() { # PID
	for _ in $(seq 60); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.05
	done
	return 1
}

usage() { # STATUS PATTERN ARGUMENT...
	local status=$1 pattern=$2
	shift 2
	"$dir/ipsecmond" "$@" >"$dir/usage" 2>&1
	[ $? = "$status" ] && grep -qE -- "$pattern" "$dir/usage" || { cat "$dir/usage"; return 1; }
}

echo "poll_interval = 700" >"$dir/conf"

ok "--help" usage 0 "--replay FILE" --help
ok "--version" usage 0 "^ipsecmond [0-9]" --version
ok "a mistyped option" usage 2 "did you mean --state-dir" --state-dri x
ok "a missing value" usage 2 "--config needs a value" --config
ok "a word too many" usage 2 "'start'" start
ok "record and replay" usage 2 "exclude each other" --record a --replay b
ok "a configuration that is not there" usage 1 "No such file" --config "$dir/none"
echo "poll_intervall = 700" >"$dir/wrong"
ok "a configuration with a wrong key" usage 1 "wrong:1: .*poll_intervall" --config "$dir/wrong"

start
ok "core gets its descriptors" told core '^config .*flags=67 error=0 fds=3'
ok "core gets the configuration" told core '^poll_ms 700 epoch'
ok "observe gets the configuration" told observe '^poll_ms 700 epoch [1-9]'
ok "both are connected" told core '^peer says hello'
ok "observe gets the initial netns" told observe '^netns name=init inode=[1-9]'
ok "the list of netns ends" told observe '^netns-ready'
ok "the supervisor is ready" said 'ready: state in'
ok "the state directory is private" [ "$(stat -c %a "$dir/state")" = 700 ]
ok "the key's directory is private, too" [ "$(stat -c %a "$dir/state-key")" = 700 ]
ok "and the key" [ "$(stat -c '%a %s' "$dir/state-key/key")" = "600 32" ]
ok "the socket is the group's" [ "$(stat -c %a "$dir/sock")" = 660 ]
ok "no new privileges" grep -q '^NoNewPrivs:.*1' "$STANDIN_DIR/core.told"
ok "core has no capability" grep -qE '^CapPrm:\s*0+$' "$STANDIN_DIR/core.told"
cp "$dir/ipsecmond" "$dir/second"
ok "a second one on the same socket is refused" \
	usage 1 "running already" --foreground --state-dir "$dir/other" --socket "$dir/sock"

first=$(pid_of core)
kill -9 "$first"
ok "core is started again" count_told core '^pid ' 2
ok "and connected again" count_told core '^peer says hello' 2
ok "its end is a fact" told core "^process name=core .*flags=2"
kill -9 "$(pid_of observe)"
ok "observe is started again" count_told observe '^pid ' 2
ok "with a netns list of its own" count_told observe '^netns-ready' 2
ok "its epoch rises" bash -c "sed -n 's/^poll_ms 700 epoch //p' $STANDIN_DIR/observe.told | sort -nuc"
ok "its end is a fact too" told core "^process name=observe .*flags=2"
echo "poll_interval = 800" >"$dir/conf"
kill -HUP "$daemon"
ok "SIGHUP: core has the new configuration" told core '^poll_ms 800'
ok "SIGHUP: observe too, in the same epoch" told observe '^poll_ms 800'
echo "poll_interval = 1" >"$dir/conf"
kill -HUP "$daemon"
ok "SIGHUP: a bad configuration is told and left" said 'conf:1: poll_interval must be .*stays'
echo "poll_interval = 700" >"$dir/conf"

if [ "$(id -u)" = 0 ] && ip netns add "$ns" 2>"$dir/out"; then
	[ -e /proc/sys/net/ipv6 ] && files="flags=1023 error=0 fds=10" || files="flags=511 error=0 fds=9"
	ok "a new netns is found" told observe "^netns name=$ns inode=.*$files"
	inode=$(stat -L -c %i "/run/netns/$ns")
	ok "by its inode" told observe "^netns name=$ns inode=$inode"
	ip netns del "$ns"
	ip netns add "$ns"
	ok "a removed one is gone" told observe "^netns-gone name=$ns inode=$inode"
	ok "and comes again by the same name" count_told observe "^netns name=$ns " 2
	touch "/run/netns/$ns.b"
	ok "a second name is found late" sleep 0.3
	mount --bind "/run/netns/$ns" "/run/netns/$ns.b"
	sleep 0.7
	ok "of the same netns, once" count_told observe "^netns name=$ns" 2
	umount "/run/netns/$ns"
	rm "/run/netns/$ns"
	ok "the other name takes over" told observe "^netns name=$ns.b "
	echo "netns = {init}" >"$dir/conf"
	kill -HUP "$daemon"
	ok "an excluded one is only listed" told observe "^netns-unwatched name=$ns.b .*excluded"
	ip netns del "$ns.b"
	ok "and goes" count_told observe "^netns-gone name=$ns.b" 2
	held=$(ls -l "/proc/$daemon/fd" | grep -c 'net:')
	ok "the supervisor holds no netns but its own" [ "$held" -le 1 ]
	ok "observe keeps five capabilities" grep -qE '^CapPrm:\s*000000e000|^CapPrm:\s*000000[0-9a-f]+1000$|^CapPrm:\s*000000e400001000' "$STANDIN_DIR/observe.told"
else
	skip "network namespaces" "needs root and CAP_SYS_ADMIN: $(cat "$dir/out")"
fi

sign() { # SEGMENT LINE SEQ OCTET: core asks for that, when it is told the configuration once more
	echo "$*" >"$STANDIN_DIR/core.sign"
	signed=$(grep -c '^signed' "$STANDIN_DIR/core.told")
	kill -HUP "$daemon"
	count_told core '^signed' $((signed + 1))
}
last_signed() { grep '^{"type":"signed-head"' "$STANDIN_DIR/core.told" | tail -1 | jq -c "[$1]"; }
last_error() { grep '^signed' "$STANDIN_DIR/core.told" | tail -1; }
in_memory() { # is the secret key in the supervisor's memory?
	python3 - "$daemon" "$dir/state-key/key" <<-'END'
		import re, sys
		secret = open(sys.argv[2], "rb").read()
		for line in open(f"/proc/{sys.argv[1]}/maps"):
		    low, high = (int(x, 16) for x in re.match(r"(\w+)-(\w+) rw", line).groups()) if " rw" in line else (0, 0)
		    with open(f"/proc/{sys.argv[1]}/mem", "rb") as f:
		        f.seek(low)
		        try:
		            if secret in f.read(high - low):
		                sys.exit(0)
		        except OSError:
		            pass
		sys.exit(1)
	END
}

sign 1 10 7 170
ok "a head is signed" [ "$(last_signed .number,.segment,.line,.seq)" = "[1,1,10,7]" ]
ok "of the digest that core gave" [ "$(last_signed .digest)" = "[\"$(printf 'aa%.0s' $(seq 32))\"]" ]
fingerprint=$(openssl pkey -pubin -in "$dir/state-key/keys.pem" -outform DER | sha256sum | cut -d' ' -f1)
ok "by the key whose public one core was given" [ "$(last_signed .key)" = "[\"$fingerprint\"]" ]
ok "core was given it" told core '^-----BEGIN PUBLIC KEY'
ok "the secret is not kept in memory" eval '! in_memory'
sign 1 10 7 170
ok "the same place again is a head of its own" [ "$(last_signed .number)" = "[2]" ]
sign 1 10 7 171
ok "but not with another digest" eval 'last_error | grep -q "error=1 .*does not follow line 10"'
sign 1 9 7 170
ok "nor a place before it" eval 'last_error | grep -q "error=1 "'
sign 1 11 6 170
ok "nor an event before it" eval 'last_error | grep -q "error=1 "'
sign 2 0 8 170
ok "nor what is no line" eval 'last_error | grep -q "error=1 "'
sign 2 1 8 170
ok "a later segment" [ "$(last_signed .number,.segment,.line)" = "[3,2,1]" ]
rm "$STANDIN_DIR/core.sign"
"$dir/ipsecmond" --rotate-key --state-dir "$dir/state" 2>"$dir/rotated"
ok "--rotate-key tells the monitor that runs" grep -q "process $daemon signs with a new key" "$dir/rotated"
ok "which gives core two keys" told core '"number":4,.*"by":"'"$fingerprint"
sign 1 5 5 170
ok "the new key may begin anywhere" [ "$(last_signed .number,.line)" = "[4,5]" ]
ok "and is another" [ "$(last_signed .key)" != "[\"$fingerprint\"]" ]
ok "a key of another monitor's is refused" eval '"$dir/ipsecmond" --foreground --state-dir "$dir/other" \
	--key-dir "$dir/state-key" --socket "$dir/sock3" 2>"$dir/err3" & other=$!; \
	for _ in $(seq 100); do grep -q "not signed: .*process $daemon" "$dir/err3" && break; sleep 0.05; done; kill $other; wait $other; \
	grep -q "not signed: .*process $daemon" "$dir/err3"'
rm "$STANDIN_DIR/core.sign"

core=$(pid_of core)
observe=$(pid_of observe)
kill "$daemon"
ok "SIGTERM: ends with 0" ends 0
ok "observe was told to stop" told observe '^stop'
ok "core was told to stop" told core '^stop'
ok "the socket is removed" [ ! -e "$dir/sock" ]
ok "core has ended" is_gone "$core"

start
told core '^peer says' && told observe '^netns-ready'
core=$(pid_of core)
observe=$(pid_of observe)
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
ok "kill -9 of the supervisor ends core" is_gone "$core"
ok "and observe" is_gone "$observe"
ok "who noticed" told observe '^supervisor gone'
"$dir/ipsecmond" --rotate-key --state-dir "$dir/state" 2>"$dir/rotated"
ok "--rotate-key without a monitor" grep -q "will be signed with a new key" "$dir/rotated"
ok "keeps all keys" [ "$(grep -c '^-----BEGIN' "$dir/state-key/keys.pem")" = 3 ]
echo 1 6 5 170 >"$STANDIN_DIR/core.sign"
start
ok "numbers rise over kill -9" told core '^{"type":"signed-head","number":5,'
rm "$STANDIN_DIR/core.sign"
ok "the socket left behind is replaced" told core '^config .*flags=67'
touch "$STANDIN_DIR/observe.stubborn"
told observe '^netns-ready'
kill "$daemon"
ok "a child that does not stop is killed" ends 0
ok "and that is said" grep -q 'observe .* does not end: killed' "$dir/err"
rm "$STANDIN_DIR/observe.stubborn"

touch "$STANDIN_DIR/core.busy"
start
ok "a state directory in use" ends 1
ok "is tried again, then said" said 'another monitor is there'
rm "$STANDIN_DIR/core.busy"

if grep -q __asan_init "$2"; then
	echo "# sandboxes: not with a sanitizer, which needs more than they give"
else
	touch "$STANDIN_DIR/core.sandbox" "$STANDIN_DIR/observe.sandbox"
	start
	ok "core's sandbox" told core "^sandbox 0 '[^']*' socket -1 exec -1 outside -?[0-9]+ state 1"
	ok "observe's sandbox" told observe "^sandbox 0 '[^']*' socket -1 exec -1"
	ok "both go on in it" count_told core '^peer says hello' 1
	kill "$daemon"
	ok "and end" ends 0
	rm "$STANDIN_DIR"/*.sandbox
fi

echo "some facts" >"$dir/facts"
start --replay "$dir/facts"
ok "replay passes core's exit status on" ends 7
ok "and its output" grep -q '^some facts$' "$dir/stdout"
ok "without observe" [ ! -e "$STANDIN_DIR/observe.told" ]
start --record "$dir/record"
ok "record is passed" told core '^config .*flags=71 error=0 fds=4'
kill "$daemon"
ends 0
echo x >"$dir/record"
start --record "$dir/record"
ok "a recording is not overwritten" ends 1
ok "and the reason is said" said 'is there already'

if [ "$(id -u)" = 0 ]; then
	chown 12345 "$dir/state"
	touch "$dir/state/x"
	start
	ok "a state directory of another user's" ends 1
	ok "is named with the remedy" said 'chown -R'
	rm -rf "$dir/state"
	export SUDO_UID=12345 SUDO_GID=12346
	start
	ok "core runs as who called sudo" told core '^Uid:\s*12345\s+12345\s+12345\s+12345'
	ok "who owns the state directory" [ "$(stat -c %u:%g "$dir/state")" = 12345:12346 ]
	ok "and the socket" [ "$(stat -c %u:%g "$dir/sock")" = 12345:12346 ]
	ok "status is told" told core '^config .*text=core runs as user 12345'
	kill "$daemon"
	ends 0
	unset SUDO_UID SUDO_GID
	rm -rf "$dir/state"
	chmod 777 "$dir"
	: >"$dir/err"
	rm -f "$STANDIN_DIR"/*.told
	setpriv --reuid 12345 --regid 12345 --clear-groups env HOME="$dir" "$dir/ipsecmond" \
		--foreground --socket "$dir/sock2" 2>"$dir/err" &
	daemon=$!
	ok "as another user: core works" told core '^config .*text=the monitor runs as user 12345'
	ok "its state is in the home directory" [ -d "$dir/.local/state/ipsecmon" ]
	ok "what needs a capability is named" said 'netns init: notifications of SAs: .*CAP_NET_ADMIN'
	ok "and audit" told observe '^audit .*error=1 fds=0 .*CAP_AUDIT_READ'
	kill "$daemon"
	ok "and ends" ends 0
else
	skip "other users" "needs root"
fi
echo "1..$n"
