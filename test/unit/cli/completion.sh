#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The generated completion, asked as bash asks it: completion.sh FILE
. "$1" || exit 1
status=0

# check "WORDS TYPED" EXPECTED…: the last word is being completed ("" after a blank).
check()
{
	local line=$1 got
	shift
	read -ra COMP_WORDS <<<"$line"
	[[ $line == *' ' ]] && COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_ipsecmon
	got="${COMPREPLY[*]}"
	if [[ $got != "$*" ]]; then
		echo "$line: got '$got', expected '$*'"
		status=1
	fi
}

compopt() { :; } # works only while completing
check 'ipsecmon s' status show
check 'ipsecmon show ' sa policy tunnel lineage active-policy mainmode quickmode connection shunt \
	certificate link source service failure statistics
check 'ipsecmon show mainmode ' generic-filters specific-filters policies statistics sas
check 'ipsecmon show quickmode sas -o spi' spi_in spi_out
check 'ipsecmon help show mainmode pol' policies
check 'ipsecmon show tunnel --where verd' verdict=
check 'ipsecmon show po' policy
check 'ipsecmon -j sh' show
check 'ipsecmon --socket /x sh' show
check 'ipsecmon show sa --wh' --where
check 'ipsecmon show sa -o repl' replay_window replayed
check 'ipsecmon show sa -o spi,repl' spi,replay_window spi,replayed
check 'ipsecmon show sa --where reqi' reqid=
check 'ipsecmon audit ver' verify
check 'ipsecmon audit set ipsec-d' ipsec-driver
check 'ipsecmon audit set ipsec-driver not' not-configured
check 'ipsecmon events --id 4960,496' 4960,4960 4960,4961 4960,4962 4960,4963 4960,4965
check 'ipsecmon --color n' never
check 'ipsecmon help aud' audit
check 'ipsecmon help audit exp' export
check 'ipsecmon events --fol' --follow
check 'ipsecmon status --fol'
exit $status
