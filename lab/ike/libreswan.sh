# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Libreswan at an end of the lab. Sourced by lab/ike/bed.sh. In the daemon's mount namespace everything is where a
# Debian system has it: /etc/ipsec.conf, /var/lib/ipsec/nss, /run/pluto, and the log in /run/pluto.log.

# libreswan_configure END
libreswan_configure()
{
	local conf=$BED/$1/conf
	mkdir -p "$conf/ipsec.d/policies" "$BED/$1/nss"
	printf '%s\n\t' >"$conf/ipsec.conf" 'config setup' logfile=/run/pluto.log ikev1-policy=accept uniqueids=no \
		dumpdir=/run nssdir=/etc/ipsec.d
	printf '\n%s\n' 'include /etc/ipsec.d/*.conf' >>"$conf/ipsec.conf"
	echo 'include /etc/ipsec.d/*.secrets' >"$conf/ipsec.secrets"
	touch "$conf/ipsec.d/none.conf" "$conf/ipsec.d/none.secrets"
}

# libreswan_database END: its certificates and keys, as NSS keeps them.
libreswan_database()
{
	local db=sql:$BED/$1/conf/ipsec.d
	local usr
	usr=$(echo "$LAB_DAEMONS/libreswan"-[0-9]*)/usr
	# shellcheck disable=SC2016,SC2046 # expanded there; words
	LD_LIBRARY_PATH=$(echo "$usr"/lib/*-linux-gnu) PATH=$usr/bin:$PATH bash -c '
		db=$1 pki=$2
		shift 2
		certutil -N -d "$db" --empty-password
		certutil -A -d "$db" -n ca -t CT,, -i "$pki/ca.pem"
		crlutil -I -d "$db" -i "$pki/ca.crl" -B
		for name; do
			case $name in
			kept:*)
				certutil -A -d "$db" -n "${name#kept:}" -t ,, -i "$pki/${name#kept:}.pem" ;;
			*)
				openssl pkcs12 -export -in "$pki/$name.pem" -inkey "$pki/$name.key" -name "$name" -passout pass: \
					-out "$pki/$name.p12.$$"
				pk12util -i "$pki/$name.p12.$$" -d "$db" -W "" -K "" ;;
			esac
		done' - "$db" "$BED/pki" $(sort -u "$BED/$1/certs" 2>/dev/null) >"$BED/$1/database" 2>&1
}

libreswan_exec()
{
	echo "/usr/libexec/ipsec/pluto --nofork --config /etc/ipsec.conf --nssdir /etc/ipsec.d --logfile /run/pluto.log"
}

libreswan_log()
{
	LOG=$BED/$1/run/pluto.log
}

# libreswan_ready END: it answers, listens, and has read its connections.
libreswan_ready()
{
	[ -S "$BED/$1/run/pluto/pluto.ctl" ] && grep -q 'listening for IKE messages' "$BED/$1/run/pluto.log" &&
		at_end "$1" whack --status >"$BED/$1/load" 2>&1 &&
		[ "$(sed -n 's/.*Total IPsec connections: loaded \([0-9]*\),.*/\1/p' "$BED/$1/load")" -ge \
			"$(cat "$BED/$1"/conf/ipsec.d/*.conf | grep -c ^conn)" ]
}

libreswan_load()
{
	at_end "$1" addconn --config /etc/ipsec.conf --ctlsocket /run/pluto/pluto.ctl --autoall >"$BED/$1/load" 2>&1
}

# subnets EDIT: one side of the children's traffic selectors, each once.
subnets()
{
	tr ' ' '\n' <<<"${SET[children]}" | sed "$1" | sort -u | tr '\n' ' '
}

# libreswan_proposal PROPOSAL: strongSwan's way to write one, in Libreswan's.
libreswan_proposal()
{
	sed 's/sha256/sha2_256/; s/-\(modp\|ecp\)/;\1/; s/aes\([0-9]*\)gcm16/aes_gcm\1-null/' <<<"$1"
}

# libreswan_connection END
libreswan_connection()
{
	local dir=$BED/$1/conf/ipsec.d ts=${SET[children]%% *} authby=secret
	if [ "${SET[auth]}" != psk ]; then
		authby=rsasig
		echo "${SET[cert]}" >>"$BED/$1/certs"
		[ -z "${SET[kept]}" ] || echo "kept:${SET[kept]}" >>"$BED/$1/certs"
	fi
	{
		echo "conn $CONNECTION"
		printf '\t%s\n' "auto=${SET[auto]:-add}" "ikev2=$([ "${SET[version]}" = 1 ] && echo no || echo insist)" "authby=$authby" \
			"left=${SET[local]}" "right=${SET[remote]}" "leftid=\"${SET[id]}\"" "rightid=\"${SET[peer]}\"" \
			"ike=$(libreswan_proposal "${SET[ike]}")" "phase2alg=$(libreswan_proposal "${SET[esp]}")" \
			"type=${SET[mode]}" "encapsulation=${SET[encap]}" "ikelifetime=${SET[ike_life]}" \
			"salifetime=${SET[life]}" rekeymargin=10s rekeyfuzz=0% retransmit-interval=500 \
			retransmit-timeout=3s keyingtries=1 pfs=no leftupdown=%disabled
		if [ "$authby" = rsasig ]; then
			printf '\t%s\n' "leftcert=${SET[cert]}" "leftsendcert=${SET[send_cert]:-always}" rightca=%same
			[ -z "${SET[kept]}" ] || printf '\t%s\n' "rightcert=${SET[kept]}"
		fi
		[ "${SET[dpd]}" = 0 ] || printf '\t%s\n' "dpddelay=${SET[dpd]}" "dpdtimeout=${SET[dpd_timeout]}" dpdaction=clear
		[ "${SET[reauth]}" = 0 ] || printf '\t%s\n' reauth=yes
		if [ -n "${SET[vip]}" ]; then
			printf '\t%s\n' leftmodecfgclient=yes rightmodecfgserver=yes "rightsubnet=${ts#*=}" narrowing=yes
		elif [ -n "${SET[pool]}" ]; then
			printf '\t%s\n' leftmodecfgserver=yes rightmodecfgclient=yes "leftsubnet=${ts%=*}" \
				"rightaddresspool=${SET[pool]}"
		elif [[ ${SET[children]} = *' '* ]]; then
			printf '\t%s\n' "leftsubnets={$(subnets "s/=.*//")}" "rightsubnets={$(subnets "s/.*=//")}"
		elif [ "${SET[mode]}" = tunnel ]; then
			printf '\t%s\n' "leftsubnet=${ts%=*}" "rightsubnet=${ts#*=}"
		fi
	} >"$dir/$CONNECTION.conf"
	[ "$authby" != secret ] ||
		printf '"%s" "%s" : PSK "%s"\n' "${SET[id]}" "${SET[peer]}" "${SET[secret]}" >"$dir/$CONNECTION.secrets"
}

libreswan_up()
{
	at_end "$1" whack --name "$CONNECTION" --initiate
}

# libreswan_down END: the connection is forgotten, too: pluto would revive what was to be up and did not get so.
libreswan_down()
{
	at_end "$1" whack --name "$CONNECTION" --delete
}

libreswan_rekey()
{
	case $2 in
	child) at_end "$1" whack --name "$CONNECTION" --rekey-ipsec ;;
	ike) at_end "$1" whack --name "$CONNECTION" --rekey-ike ;;
	esac
}

# libreswan_spis END: as strongswan_spis; "esp.OUT@… esp.IN@…" is without leading zeros.
libreswan_spis()
{
	local line pair
	at_end "$1" whack --showstates >"$BED/sas" 2>&1
	while IFS= read -r line; do
		if [[ $line =~ ^'000 #'[0-9]+': "'$CONNECTION(\"|/).*\ esp\.([0-9a-f]+)@[^\ ]*\ esp\.([0-9a-f]+)@ ]]; then
			printf -v pair '%08x/%08x' "0x${BASH_REMATCH[3]}" "0x${BASH_REMATCH[2]}"
			PAIR_SPIS+=("$pair")
		fi
	done <"$BED/sas"
}

# libreswan_fields END FOLDER: what fields.py reads.
libreswan_fields()
{
	at_end "$1" whack --status >"$2/status" 2>&1
	at_end "$1" whack --trafficstatus >"$2/traffic" 2>&1
	cp "$BED/$1/run/pluto.log" "$2/log"
}

# libreswan_counts END FOLDER TIME: what statistics.py reads.
libreswan_counts()
{
	at_end "$1" whack --globalstatus >"$2/counters.$3" 2>&1
}

libreswan_texts()
{
	local list
	for list in status globalstatus trafficstatus showstates connectionstatus shuntstatus; do
		at_end "$1" whack --$list >"$2.$list" 2>&1
	done
}
