/* SPDX-License-Identifier: Apache-2.0 */
#include "store/chain.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

int chain_init(struct chain *c)
{
	*c = (struct chain){ .md = EVP_MD_fetch(NULL, "SHA256", NULL), .ctx = EVP_MD_CTX_new() };
	if (c->md && c->ctx)
		return 0;
	chain_done(c);
	return -ENOMEM;
}

void chain_done(struct chain *c)
{
	EVP_MD_free(c->md);
	EVP_MD_CTX_free(c->ctx);
	c->md = c->ctx = NULL;
}

int chain_step(struct chain *c, struct span text)
{
	uint8_t digest[DIGEST_SIZE];

	if (!EVP_DigestInit_ex2(c->ctx, c->md, NULL) ||
		!EVP_DigestUpdate(c->ctx, c->digest, DIGEST_SIZE) ||
		!EVP_DigestUpdate(c->ctx, text.p, text.n) ||
		!EVP_DigestFinal_ex(c->ctx, digest, NULL))
		return -EIO;
	memcpy(c->digest, digest, DIGEST_SIZE);
	return 0;
}

static bool is_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	}
	return true;
}

static bool split_at(
	struct span line, size_t digits, struct span *ret_text, struct span *ret_digits)
{
	static const char open[] = ",\"h\":\"", close[] = "\"}";
	const size_t n_open = sizeof(open) - 1, n_close = sizeof(close) - 1;
	const uint8_t *p;

	if (line.n < n_open + digits + n_close)
		return false;
	p = line.p + line.n - n_open - digits - n_close;
	if (memcmp(p, open, n_open) != 0 || memcmp(p + n_open + digits, close, n_close) != 0 ||
		!is_hex(span_of(p + n_open, digits)))
		return false;
	*ret_text = span_of(line.p, (size_t)(p - line.p));
	*ret_digits = span_of(p + n_open, digits);
	return true;
}

bool chain_split(struct span line, struct span *ret_text, struct span *ret_digits)
{
	return split_at(line, DIGEST_HEX_SHORT, ret_text, ret_digits) ||
	       split_at(line, DIGEST_HEX, ret_text, ret_digits);
}

bool chain_matches(const struct chain *c, struct span digits)
{
	char hex[DIGEST_HEX + 1];

	digest_format(c->digest, hex);
	return digits.n <= DIGEST_HEX && memcmp(hex, digits.p, digits.n) == 0;
}

void digest_format(const uint8_t digest[DIGEST_SIZE], char ret[DIGEST_HEX + 1])
{
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 0xf];
	}
	ret[DIGEST_HEX] = '\0';
}

static uint8_t nibble(uint8_t digit)
{
	return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

bool digest_parse(struct span digits, uint8_t ret[DIGEST_SIZE])
{
	if (digits.n != DIGEST_HEX || !is_hex(digits))
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		ret[i] = (uint8_t)(nibble(digits.p[2 * i]) << 4 | nibble(digits.p[2 * i + 1]));
	return true;
}
