/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/key.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define SECRET_HEAP 16384 /* octets, beyond what one key at a time needs */
#define SECRET_LEAST 16

/* RFC 8410: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING of 32 octets }. */
static const uint8_t spki_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03,
	0x21, 0x00 };
#define SPKI_SIZE (sizeof(spki_head) + PUBLIC_KEY_SIZE)
#define SPKI_BASE64 60 /* characters */

int secret_memory(void)
{
	return CRYPTO_secure_malloc_init(SECRET_HEAP, SECRET_LEAST) > 0 ? 0 : -ENOMEM;
}

int secret_new(uint8_t ret[SECRET_KEY_SIZE])
{
	return RAND_priv_bytes(ret, SECRET_KEY_SIZE) == 1 ? 0 : -EIO;
}

void secret_wipe(uint8_t secret[SECRET_KEY_SIZE])
{
	OPENSSL_cleanse(secret, SECRET_KEY_SIZE);
}

static void spki_of(const struct public_key *k, uint8_t ret[SPKI_SIZE])
{
	memcpy(ret, spki_head, sizeof(spki_head));
	memcpy(ret + sizeof(spki_head), k->octets, PUBLIC_KEY_SIZE);
}

static int set_fingerprint(struct public_key *k)
{
	uint8_t spki[SPKI_SIZE];

	spki_of(k, spki);
	return sha256_digits(span_of(spki, sizeof(spki)), k->fingerprint);
}

static EVP_PKEY *secret_load(const uint8_t secret[SECRET_KEY_SIZE])
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SECRET_KEY_SIZE);
}

int secret_public(const uint8_t secret[SECRET_KEY_SIZE], struct public_key *ret)
{
	EVP_PKEY *key = secret_load(secret);
	size_t n = PUBLIC_KEY_SIZE;
	struct public_key k;
	bool good = key && EVP_PKEY_get_raw_public_key(key, k.octets, &n) == 1 &&
		    n == PUBLIC_KEY_SIZE && set_fingerprint(&k) == 0;

	EVP_PKEY_free(key);
	if (!good)
		return -EIO;
	*ret = k;
	return 0;
}

int secret_sign(
	const uint8_t secret[SECRET_KEY_SIZE], struct span text, char ret[SIGNATURE_HEX + 1])
{
	uint8_t signature[SIGNATURE_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = secret_load(secret);
	size_t n = sizeof(signature);
	bool good = ctx && key && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestSign(ctx, signature, &n, text.p, text.n) == 1 &&
		    n == sizeof(signature);

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (!good)
		return -EIO;
	hex_format(signature, sizeof(signature), ret);
	return 0;
}

bool public_verify(const struct public_key *k, struct span text, struct span digits)
{
	uint8_t signature[SIGNATURE_SIZE];
	EVP_MD_CTX *ctx;
	EVP_PKEY *key;
	bool good;

	if (!hex_parse(digits, signature, sizeof(signature)))
		return false;
	ctx = EVP_MD_CTX_new();
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->octets, PUBLIC_KEY_SIZE);
	good = ctx && key && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, signature, sizeof(signature), text.p, text.n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}

void public_write(const struct public_key *k, struct buf *out)
{
	uint8_t spki[SPKI_SIZE];
	char base64[SPKI_BASE64 + 1];

	spki_of(k, spki);
	(void)EVP_EncodeBlock((uint8_t *)base64, spki, (int)sizeof(spki));
	buf_printf(out, PUBLIC_PEM_BEGIN "\n%s\n" PUBLIC_PEM_END "\n", base64);
}

bool public_parse(struct span base64, struct public_key *ret)
{
	uint8_t text[SPKI_BASE64], spki[SPKI_BASE64 / 4 * 3];
	struct public_key k;
	size_t n = 0;

	for (size_t i = 0; i < base64.n; i++) {
		if (base64.p[i] == '\n' || base64.p[i] == '\r')
			continue;
		if (n == sizeof(text))
			return false;
		text[n++] = base64.p[i];
	}
	if (n != sizeof(text) || EVP_DecodeBlock(spki, text, (int)n) != (int)sizeof(spki) ||
		memcmp(spki, spki_head, sizeof(spki_head)) != 0)
		return false;
	memcpy(k.octets, spki + sizeof(spki_head), PUBLIC_KEY_SIZE);
	if (set_fingerprint(&k) < 0)
		return false;
	*ret = k;
	return true;
}
