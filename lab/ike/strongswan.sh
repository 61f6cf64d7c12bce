# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# strongSwan at an end of the lab. Sourced by lab/ike/bed.sh. In the daemon's mount namespace everything is where a
# Debian system has it: /etc/swanctl, /run/charon.vici, /run/charon.log.

# strongswan_configure END: what is the same for all connections. Ends of the pair "notify" have error-notify.
strongswan_configure()
{
	local conf=$BED/$1/conf notify=
	[[ $1 != notify-* ]] || notify=error-notify
	mkdir -p "$conf"/swanctl/{x509,x509ca,x509crl,x509ocsp,x509aa,x509ac,pubkey,rsa,ecdsa,bliss,pkcs8,pkcs12,private,conf.d}
	cp "$BED/pki/ca.pem" "$conf/swanctl/x509ca/"
	cp "$BED/pki/ca.crl" "$conf/swanctl/x509crl/"
	echo 'include conf.d/*.conf' >"$conf/swanctl/swanctl.conf"
	# No routes: those of the lab lead through the tunnels already.
	cat >"$conf/strongswan.conf" <<-END
		charon {
			load_modular = no
			load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey revocation constraints kdf kernel-netlink socket-default vici counters updown $notify
			install_routes = no
			retransmit_timeout = 1
			retransmit_base = 1
			retransmit_tries = 2
			half_open_timeout = 6
			delete_rekeyed_delay = 1
			filelog {
				file {
					path = /run/charon.log
					flush_line = yes
					ike_name = yes
					default = 1
				}
			}
			plugins {
				error-notify {
					socket = unix:///run/charon.enfy
				}
			}
		}
		swanctl {
			load = random nonce openssl pem pkcs1 pkcs8 x509
		}
	END
	# What loads no keys needs no other plugins, whose loading takes most of its time.
	echo 'swanctl { load = random }' >"$conf/swanctl/quick.conf"
}

# strongswan_exec END: how it is started: charon at the one end, charon-systemd at the other.
strongswan_exec()
{
	case $1 in
	*-red) echo /usr/lib/ipsec/charon ;;
	*) echo /usr/sbin/charon-systemd ;;
	esac
}

strongswan_log()
{
	LOG=$BED/$1/run/charon.log
}

# strongswan_ready END: it answers, and has read its connections.
strongswan_ready()
{
	[ -S "$BED/$1/run/charon.vici" ] && strongswan_load "$1"
}

strongswan_load()
{
	at_end "$1" swanctl --load-all >"$BED/$1/load" 2>&1
}

# strongswan_connection END: the connection of which SET tells, in the file of its name.
strongswan_connection()
{
	local swanctl=$BED/$1/conf/swanctl child=${SET[mode]} auth=psk own= i
	[ "${SET[auth]}" = psk ] || auth=pubkey
	if [ "$auth" = pubkey ]; then
		own=${SET[cert]}.pem
		cp "$BED/pki/${SET[cert]}.key" "$swanctl/private/${SET[cert]}.pem"
		cp "$BED/pki/${SET[cert]}.pem" "$swanctl/x509/"
		[ -z "${SET[kept]}" ] || cp "$BED/pki/${SET[kept]}.pem" "$swanctl/x509/"
	fi
	{
		cat <<-END
			connections {
			$CONNECTION {
				version = ${SET[version]}
				mobike = no
				local_addrs = ${SET[local]}
				remote_addrs = ${SET[remote]}
				proposals = ${SET[ike]}
				unique = ${SET[unique]}
				encap = ${SET[encap]}
				rekey_time = ${SET[ike_rekey]}
				reauth_time = ${SET[reauth]}
				dpd_delay = ${SET[dpd]}
				dpd_timeout = ${SET[dpd_timeout]}
				${SET[vip]:+vips = ${SET[vip]}}
				${SET[pool]:+pools = $CONNECTION}
				local {
					auth = $auth
					id = "${SET[id]}"
					${own:+certs = $own}
				}
				remote {
					auth = $auth
					id = "${SET[peer]}"
				}
				${SET[send_cert]:+send_cert = ${SET[send_cert]}}
				children {
		END
		i=1
		local ts
		for ts in ${SET[children]}; do
			cat <<-END
				$CONNECTION-$i {
					mode = $child
					$([ "$child" = transport ] || echo "local_ts = ${ts%=*}")
					$([ "$child" = transport ] || echo "remote_ts = ${ts#*=}")
					esp_proposals = ${SET[esp]}
					rekey_time = ${SET[rekey]}
					${SET[rekey_packets]:+rekey_packets = ${SET[rekey_packets]}
					rand_packets = 0
					life_packets = 1000000}
					start_action = ${SET[start]}
					dpd_action = ${SET[dpd_action]}
				}
			END
			i=$((i + 1))
		done
		echo '} } }'
		[ "$auth" = pubkey ] || cat <<-END
			secrets {
				ike-$CONNECTION {
					secret = "${SET[secret]}"
					id-1 = "${SET[id]}"
					id-2 = "${SET[peer]}"
				}
			}
		END
		[ -z "${SET[pool]}" ] || echo "pools { $CONNECTION { addrs = ${SET[pool]} } }"
	} >"$swanctl/conf.d/$CONNECTION.conf"
}

# strongswan_ask END WORDS...: swanctl for all but loading.
strongswan_ask()
{
	STRONGSWAN_CONF=/etc/swanctl/quick.conf at_end "$1" swanctl "${@:2}"
}

# strongswan_up END: starts to negotiate the connection's children, and waits for the result.
strongswan_up()
{
	local i
	for ((i = 1; i <= CHILDREN; i++)); do
		strongswan_ask "$1" --initiate --child "$CONNECTION-$i" --timeout 20 || return
	done
}

strongswan_down()
{
	strongswan_ask "$1" --terminate --ike "$CONNECTION" --timeout 20
}

strongswan_rekey()
{
	case $2 in
	child) strongswan_ask "$1" --rekey --child "$CONNECTION-1" ;;
	ike) strongswan_ask "$1" --rekey --ike "$CONNECTION" ;;
	reauth) strongswan_ask "$1" --rekey --reauth --ike "$CONNECTION" ;;
	esac
}

strongswan_sas()
{
	strongswan_ask "$1" --list-sas --raw --ike "$CONNECTION"
}

# strongswan_spis END: adds "in/out" of every child SA that is installed to the array PAIR_SPIS, as the daemon tells, in hex.
strongswan_spis()
{
	local raw
	strongswan_sas "$1" >"$BED/sas" 2>&1
	read -rd '' raw <"$BED/sas"
	while [[ $raw =~ state=INSTALLED\ [^{}]*spi-in=([0-9a-f]+)\ spi-out=([0-9a-f]+) ]]; do
		PAIR_SPIS+=("${BASH_REMATCH[1]}/${BASH_REMATCH[2]}")
		raw=${raw#*"${BASH_REMATCH[0]}"}
	done
}

# strongswan_fields END FOLDER: what fields.py reads.
strongswan_fields()
{
	strongswan_ask "$1" --list-sas --pretty --ike "$CONNECTION" >"$2/sas" 2>&1
}

# strongswan_counts END FOLDER TIME: what statistics.py reads.
strongswan_counts()
{
	strongswan_ask "$1" --counters --raw >"$2/counters.$3" 2>&1
	strongswan_ask "$1" --list-sas --raw >"$2/sas" 2>&1
}

# strongswan_texts END FOLDER: what it tells of itself.
strongswan_texts()
{
	strongswan_ask "$1" --list-sas --raw >"$2.list-sas" 2>&1
	strongswan_ask "$1" --counters --raw >"$2.counters" 2>&1
}
