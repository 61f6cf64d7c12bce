#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: many_connections.sh strongswan|responder|libreswan|caller N [UP]
# A configuration of N connections that differ in who we are and what of us they carry: swanctl.conf of their one end, or
# of the other, which answers them all; ipsec.conf, and swanctl.conf of a charon that can bring up the last UP of these.
# c0, c1, …, with a child n0, n1, … each; but those of ipsec.conf that the caller has are IKE SAs alone, of IKEv1, which
# pluto has up on a kernel without ESP, too. We are 10.9.0.1, the other end is 10.9.0.2, the caller 10.9.0.3.
set -u
up=${3:-0}
# The parser of 5.9.8 wants a setting a line.
settings() { tr ';' '\n'; }
case $1 in
strongswan)
	seq 0 $(($2 - 1)) | awk '
		BEGIN { print "connections {" }
		{
			printf "c%d {; version = 2; local_addrs = 10.9.0.1; remote_addrs = 10.9.0.2; unique = never;", $1
			printf " proposals = aes128-sha256-x25519; local {; id = c%d@red; auth = psk; }; remote {; id = blue; auth = psk; };", $1
			printf " children {; n%d {; local_ts = 10.1.%d.%d/32; remote_ts = 10.2.0.1/32; esp_proposals = aes128-sha256; }; }; }\n",
				$1, $1 / 250, $1 % 250 + 1
		}
		END { print "}; secrets {; ike {; secret = DUMMY-SECRET-OF-THE-TEST; }; }" }' | settings
	;;
responder)
	settings <<-END
		connections {; all {; version = 2; local_addrs = 10.9.0.2; unique = never; proposals = aes128-sha256-x25519;
		local {; id = blue; auth = psk; }; remote {; auth = psk; };
		children {; net {; local_ts = 10.2.0.1/32; remote_ts = 10.1.0.0/16; esp_proposals = aes128-sha256; }; }; }; }
		secrets {; ike {; secret = DUMMY-SECRET-OF-THE-TEST; }; }
	END
	;;
libreswan)
	[ "$up" = 0 ] || printf 'config setup\n\tikev1-policy=accept\n'
	seq 0 $(($2 - 1)) | awk -v others=$(($2 - up)) '{
		called = $1 >= others
		printf "conn c%d\n\tleft=10.9.0.1\n\tleftid=@c%d\n", $1, $1
		printf "\tright=10.9.0.%d\n\trightid=@%s\n", called ? 3 : 2, called ? "p" $1 : "blue"
		printf "\tleftsubnet=10.1.%d.%d/32\n\trightsubnet=10.2.0.1/32\n\tauthby=secret\n\tauto=add\n", $1 / 250, $1 % 250 + 1
		if (called) printf "\tikev2=no\n\tike=aes128-sha2_256-modp2048\n"
	}'
	;;
caller)
	seq $(($2 - up)) $(($2 - 1)) | awk '
		BEGIN { print "connections {" }
		{
			printf "c%d {; version = 1; local_addrs = 10.9.0.3; remote_addrs = 10.9.0.1; unique = never;", $1
			printf " proposals = aes128-sha256-modp2048; local {; id = @p%d; auth = psk; }; remote {; id = @c%d; auth = psk; }; }\n",
				$1, $1
		}
		END { print "}; secrets {; ike {; secret = DUMMY-SECRET-OF-THE-TEST-IS-LONG-ENOUGH; }; }" }' | settings
	;;
esac
