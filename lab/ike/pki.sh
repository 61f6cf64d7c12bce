# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Certificates for the lab's IKE daemons, made anew in each run. Sourced by lab/run: outside
# of a user-mode kernel it takes a tenth of the time.
#
#   ca, evil       certification authorities; only ca is trusted
#   red, blue      as they should be
#   outsider       red, of the evil CA
#   expired, revoked
#   altered        red, one bit of the CA's signature flipped
#   stale          red, but of another key: what blue has kept of an older red

# pki FOLDER: NAME.pem, NAME.key, NAME.der, and ca.crl (DER).
pki()
{
	local dir=$1 name
	mkdir -p "$dir/new"
	: >"$dir/index"
	echo 01 >"$dir/serial"
	echo 01 >"$dir/crlnumber"
	cat >"$dir/conf" <<-END
		[ca]
		default_ca = lab
		[lab]
		database = $dir/index
		serial = $dir/serial
		crlnumber = $dir/crlnumber
		new_certs_dir = $dir/new
		default_md = sha256
		default_days = 30
		default_crl_days = 30
		crl_extensions = list
		policy = any
		unique_subject = no
		[list]
		authorityKeyIdentifier = keyid
		[any]
		organizationName = supplied
		commonName = supplied
		[req]
		distinguished_name = none
		[none]
		[authority]
		basicConstraints = critical, CA:true
		keyUsage = critical, keyCertSign, cRLSign
		subjectKeyIdentifier = hash
		[end]
		basicConstraints = CA:false
		keyUsage = digitalSignature
		extendedKeyUsage = serverAuth, clientAuth
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid
	END
	for name in ca evil; do
		openssl req -x509 -newkey rsa:2048 -nodes -config "$dir/conf" -extensions authority -days 60 \
			-subj "/O=Lab/CN=$name" -keyout "$dir/$name.key" -out "$dir/$name.pem"
	done
	for name in red blue stale; do
		openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out "$dir/$name.key"
	done
	for name in outsider expired revoked altered; do
		cp "$dir/red.key" "$dir/$name.key"
	done
	issue red
	issue blue
	issue stale /O=Lab/CN=red
	issue revoked
	issue altered
	issue outsider '' evil
	issue expired '' ca -startdate 20200101000000Z -enddate 20200201000000Z
	openssl ca -config "$dir/conf" -cert "$dir/ca.pem" -keyfile "$dir/ca.key" -revoke "$dir/revoked.pem" \
		-crl_reason keyCompromise
	openssl ca -config "$dir/conf" -cert "$dir/ca.pem" -keyfile "$dir/ca.key" -gencrl -out "$dir/crl.pem"
	openssl crl -in "$dir/crl.pem" -outform der -out "$dir/ca.crl"
	# The signature is the last thing in a certificate.
	openssl x509 -in "$dir/altered.pem" -outform der -out "$dir/altered.whole"
	local size last
	size=$(stat -c %s "$dir/altered.whole")
	last=$(tail -c 1 "$dir/altered.whole" | od -An -tu1)
	{
		head -c $((size - 1)) "$dir/altered.whole"
		printf '%b' "\\x$(printf %02x $((last ^ 1)))"
	} >"$dir/altered.der"
	openssl x509 -inform der -in "$dir/altered.der" -out "$dir/altered.pem"
}

# issue NAME [SUBJECT [CA [WORDS...]]]: a certificate for the key NAME.key, in the folder $dir.
issue()
{
	local name=$1 subject=${2:-/O=Lab/CN=$1} ca=${3:-ca}
	shift $(($# < 3 ? $# : 3))
	openssl req -new -config "$dir/conf" -key "$dir/$name.key" -subj "$subject" -out "$dir/$name.csr"
	openssl ca -batch -notext -config "$dir/conf" -extensions end -cert "$dir/$ca.pem" -keyfile "$dir/$ca.key" \
		-in "$dir/$name.csr" -out "$dir/$name.pem" "$@"
}
