#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: unprivileged.sh BUILD
# A monitor without any privilege: it starts, reads the counters, keeps its log, and names for each
# blind source the capability that is missing and what nobody sees without it.
set -u
. "$(dirname "$0")/tap.sh"
scratch=$(mktemp -d)
daemon=
finish() {
	[ -z "$daemon" ] || { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; }
	rm -rf "$scratch"
}
trap finish EXIT

as_nobody=()
if [ "$(id -u)" = 0 ]; then
	as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
fi
# Copies, for the build may lie where nobody else may look.
for program in ipsecmond ipsecmond-observe ipsecmond-core ipsecmon; do
	cp "$1/$program" "$scratch/"
done
chmod 755 "$scratch" "$scratch"/*
mkdir -m 777 "$scratch/var"
"${as_nobody[@]}" "$scratch/ipsecmond" --foreground --state-dir "$scratch/var/state" --socket "$scratch/var/socket" \
	2>"$scratch/said" &
daemon=$!
client() {
	"${as_nobody[@]}" "$scratch/ipsecmon" --socket "$scratch/var/socket" "$@"
}
source_is() { # NAME JQ-CONDITION
	client show source -j --where "name=$1" 2>/dev/null | jq -se "length > 0 and any(.[]; $2)" >/dev/null
}
check 'it starts and answers' within eval 'client status >/dev/null 2>&1'
check 'the counters are read' source_is xfrmstat '.state == "in step"'
check 'xfrm names its capability' source_is xfrm '.state == "absent" and (.reason | test("CAP_NET_ADMIN"))'
check 'xfrm says what is blind' source_is xfrm '.blind != null'
check 'audit names its capability' source_is audit '.state == "absent" and (.reason | test("CAP_AUDIT_READ"))'
check 'it has a log' eval 'client events -j | jq -se "any(.[]; .id == 10201)" >/dev/null'
check 'the books balance' eval 'client audit reconcile -j >/dev/null'
check 'the log verifies' eval 'client audit verify "$scratch/var/state" >/dev/null'
kill $daemon
wait $daemon
check 'it stops in order' [ $? = 0 ]
daemon=
finish_tap
