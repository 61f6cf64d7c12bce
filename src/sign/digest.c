/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/digest.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Where the library's first allocations failed, its functions would run into a missing lock. */
static bool library_works(void)
{
	return OPENSSL_init_crypto(0, NULL) == 1 && OSSL_LIB_CTX_get0_global_default();
}

int sha256_init(struct sha256 *s)
{
	*s = (struct sha256){ 0 };
	if (!library_works())
		return -ENOMEM;
	*s = (struct sha256){ .md = EVP_MD_fetch(NULL, "SHA256", NULL), .ctx = EVP_MD_CTX_new() };
	if (s->md && s->ctx)
		return 0;
	sha256_done(s);
	return -ENOMEM;
}

void sha256_done(struct sha256 *s)
{
	EVP_MD_free(s->md);
	EVP_MD_CTX_free(s->ctx);
	s->md = s->ctx = NULL;
}

int sha256_of(struct sha256 *s, struct span a, struct span b, uint8_t ret[DIGEST_SIZE])
{
	uint8_t digest[DIGEST_SIZE];

	if (!EVP_DigestInit_ex2(s->ctx, s->md, NULL) || !EVP_DigestUpdate(s->ctx, a.p, a.n) ||
		!EVP_DigestUpdate(s->ctx, b.p, b.n) || !EVP_DigestFinal_ex(s->ctx, digest, NULL))
		return -EIO;
	memcpy(ret, digest, DIGEST_SIZE);
	return 0;
}

int sha256_digits(struct span octets, char ret[DIGEST_HEX + 1])
{
	uint8_t digest[DIGEST_SIZE];

	if (!library_works() || !EVP_Digest(octets.p ? octets.p : (const uint8_t *)"", octets.n,
					digest, NULL, EVP_sha256(), NULL))
		return -EIO;
	hex_format(digest, DIGEST_SIZE, ret);
	return 0;
}

void hex_format(const uint8_t *octets, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = "0123456789abcdef"[octets[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[octets[i] & 0xf];
	}
	ret[2 * n] = '\0';
}

static int nibble(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool hex_parse(struct span digits, uint8_t *ret, size_t n)
{
	if (digits.n != 2 * n)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		if (nibble(digits.p[i]) < 0)
			return false;
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)(nibble(digits.p[2 * i]) << 4 | nibble(digits.p[2 * i + 1]));
	return true;
}
