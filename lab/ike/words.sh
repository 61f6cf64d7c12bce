# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The words that cases for IKE daemons are written in. Sourced by lab/ike/bed.sh. Few of them fork: in a user-mode kernel
# that takes a tenth of a second.

# ---- watching the logs

# mark: what the logs say from now on counts.
mark()
{
	local end LOG
	for end in "$RED" "$BLUE"; do
		end "$end" log
		# The log is not there while its daemon has not begun to write.
		touch "$LOG" 2>/dev/null
		stat -c %s "$LOG" "$BED/$end/said" >"$BED/$end/mark"
		[ -z "$LAB_KEEP" ] || [ ! -e "$BED/$end/pid" ] || end "$end" texts "$BED/$end/before"
	done
	[ -z "$LAB_KEEP" ] || dmesg -C
}

# marked END: sets LOG_AT and SAID_AT, the offsets of the mark, and LOG.
marked()
{
	{
		read -r LOG_AT
		read -r SAID_AT
	} <"$BED/$1/mark"
	end "$1" log
}

# slice END: its log since the mark, and what it said before it had one.
slice()
{
	local LOG LOG_AT SAID_AT
	marked "$1"
	tail -c +$((LOG_AT + 1)) "$LOG"
	tail -c +$((SAID_AT + 1)) "$BED/$1/said"
}

# says END PATTERN: a TAP line for what the daemon must write into its log.
says()
{
	local LOG LOG_AT SAID_AT
	marked "$1"
	if labtool logged -t 20000 "$2" "$LOG" "$LOG_AT" "$BED/$1/said" "$SAID_AT"; then
		echo "ok - $NAME: ${1##*-} says '$2'"
	else
		echo "not ok - $NAME: ${1##*-} says '$2'"
		slice "$1" | tail -n 15 | sed 's/^/# /'
	fi
}

# ---- acting

# up: red begins; both ends must have the children's SAs, the daemons and the kernels the same ones.
up()
{
	end "$RED" up >"$BED/up" 2>&1
	if within 40 installed; then
		echo "ok - $NAME: it comes up"
		[ -z "$MONITOR" ] || compare_up
		return 0
	fi
	echo "not ok - $NAME: it comes up"
	sed 's/^/# /' "$BED/up" | tail -n 20
	slice "$BLUE" | tail -n 10 | sed 's/^/# /'
	return 1
}

# sorted WORD...: sets SORTED to the words, in order.
sorted()
{
	local word i list=()
	for word; do
		for ((i = ${#list[@]}; i > 0; i--)); do
			[[ ${list[i - 1]} > $word ]] || break
			list[i]=${list[i - 1]}
		done
		list[i]=$word
	done
	SORTED="${list[*]}"
}

# spis END: sets SPIS to those of the child SAs, "in/out", in order.
spis()
{
	local PAIR_SPIS=()
	end "$1" spis
	sorted "${PAIR_SPIS[@]}"
	SPIS=$SORTED
}

# kernel_spis END: sets SPIS to those of the SAs between the instance's addresses, in hex, in order. Larval ones, which
# have no keys yet, are none.
kernel_spis()
{
	local word from to spi list=()
	ip -n "$1" xfrm state >"$BED/state"
	while read -r -a word; do
		case ${word[0]} in
		src) from=${word[1]} to=${word[3]} ;;
		proto) spi=${word[3]} ;;
		aead | enc)
			spi=${spi#0x}
			[[ "$from $to" != @("$IP_RED $IP_BLUE"|"$IP_BLUE $IP_RED") ]] || list+=("${spi%%(*}")
			;;
		esac
	done <"$BED/state"
	sorted "${list[@]}"
	SPIS=$SORTED
}

# installed: as many pairs as there are children, and daemons and kernels agree on the SPIs.
installed()
{
	local pair pairs other=() each
	spis "$RED"
	pairs=($SPIS)
	[ ${#pairs[@]} = "$CHILDREN" ] || return
	for pair in "${pairs[@]}"; do
		other+=("${pair#*/}/${pair%/*}")
	done
	sorted "${other[@]}"
	spis "$BLUE"
	[ "$SPIS" = "$SORTED" ] || return
	sorted ${pairs[*]//\// }
	each=$SORTED
	kernel_spis "$RED"
	[ "$SPIS" = "$each" ] || return
	kernel_spis "$BLUE"
	[ "$SPIS" = "$each" ]
}

# has_none END: no child SA, says the daemon.
has_none()
{
	spis "$1"
	[ -z "$SPIS" ]
}

# fails: red begins, and nothing may come of it.
fails()
{
	end "$RED" up >"$BED/up" 2>&1
	expected
	local SPIS at_red
	kernel_spis "$RED"
	at_red=$SPIS
	kernel_spis "$BLUE"
	if [ -z "$at_red$SPIS" ]; then
		echo "ok - $NAME: no SAs in the kernels"
	else
		echo "not ok - $NAME: no SAs in the kernels"
	fi
}

# expected: what expect.json has the logs of both ends say.
expected()
{
	local side pattern
	for side in red blue; do
		while IFS= read -r pattern; do
			if [ $side = red ]; then
				says "$RED" "$pattern"
			else
				says "$BLUE" "$pattern"
			fi
		done <"$BED/$NAME.$side"
	done
}

# carries [COUNT [FROM TO]]: datagrams there and back.
carries()
{
	local count=${1:-5} from=${2:-$IN_RED} to=${3:-$IN_BLUE}
	expect "$NAME: datagrams get from red to blue" labtool talk -c "$count" -p 7000 "$RED" "$BLUE" "$from" "$to" &&
		expect "$NAME: datagrams get from blue to red" labtool talk -c "$count" -p 7001 "$BLUE" "$RED" "$to" "$from"
}

# replaced: none of the child SAs in before is left, and daemons and kernels agree on the new ones.
replaced()
{
	if within 20 replaced_all; then
		echo "ok - $NAME: the child SA is replaced"
	else
		echo "not ok - $NAME: the child SA is replaced"
		spis "$RED"
		printf '# before: %s\n# now: %s\n' "$before" "$SPIS"
	fi
}

replaced_all()
{
	local pair
	spis "$RED"
	for pair in $before; do
		[[ " $SPIS " != *" $pair "* ]] || return
	done
	installed
}

# ike_replaced: red logs it, each daemon in its words.
ike_replaced()
{
	case $RED in
	libreswan-*) says "$RED" 'rekeyed #|established IKE SA.*rekey|initiator rekeyed IKE SA' ;;
	*) says "$RED" 'IKE_SA .* rekeyed between' ;;
	esac
}

# virtual_address ADDRESS: red has it, or gets it: Libreswan's script, which would do so, is not run here.
virtual_address()
{
	ip -n "$RED" -o address | grep -qF " $1/" || ip -n "$RED" address add "$1/32" dev "$LINK" &&
		ip -n "$RED" route replace "$NET_BLUE" via "$IP_BLUE" src "$1" &&
		ip -n "$BLUE" route replace "$1" via "$IP_RED" src "$IN_BLUE"
}

# deleted FILE: of the inbound SAs of blue that ip xfrm monitor saw deleted, "bytes packets", one a line.
deleted()
{
	awk -v red="$IP_RED" -v blue="$IP_BLUE" '
		$1 == "src" || $1 == "Deleted" || $1 == "Updated" {
			ours = $1 == "Deleted" && $3 == red && $5 == blue
		}
		ours && /\(bytes\), [0-9]+\(packets\)/ {
			print $1 + 0, $2 + 0
			ours = 0
		}' "$1"
}

# deleted_inbound FILE COUNT: so many have been deleted.
deleted_inbound()
{
	[ "$(deleted "$1" | wc -l)" -ge "$2" ]
}

# all_counted FILE COUNT: the deleted SAs and the one that lives have let in that many packets, together.
all_counted()
{
	local total
	total=$({
		deleted "$1"
		ip -n "$BLUE" -s xfrm state list src "$IP_RED" dst "$IP_BLUE" | awk '/\(bytes\), [0-9]+\(packets\)/ { print $1 + 0, $2 + 0 }'
	} | awk '{ bytes += $1; packets += $2 } END { print bytes + 0, packets + 0 }')
	[ "${total#* }" = "$2" ] || {
		echo "counted: $total"
		false
	}
}

# clean_up: the daemons let go of what this instance made; charon tells its peer, whichever that is.
clean_up()
{
	local end
	for end in "$RED" "$BLUE"; do
		[ ! -e "$BED/$end/pid" ] || end "$end" down >/dev/null 2>&1
		[[ $end = libreswan-* ]] || break
	done
	true
}

# keep: the evidence of this instance, for people who want to have it (LAB_KEEP).
keep()
{
	[ -n "$LAB_KEEP" ] || return 0
	local side end dir=$LAB_OUT/result/ike/$NAME
	mkdir -p "$dir"
	for side in red blue; do
		end=$RED
		[ $side = red ] || end=$BLUE
		[ -e "$BED/$end/pid" ] || continue
		slice "$end" >"$dir/$side.log"
		cp "$BED/$end/before.counters" "$dir/$side.counters.before" 2>/dev/null ||
			cp "$BED/$end/before.globalstatus" "$dir/$side.globalstatus.before"
		end "$end" texts "$dir/$side"
		{ ip -n "$end" -s xfrm state; ip -n "$end" xfrm policy; } | sed -E 's/(0x[0-9a-f]{8})[0-9a-f]{16,}/\1…/' >"$dir/$side.xfrm"
	done
	cp "$BED/up" "$dir/red.up"
	dmesg >"$dir/kernel.log"
}
