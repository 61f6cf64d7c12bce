/* SPDX-License-Identifier: Apache-2.0 */
#include "store/chain.h"

#include <string.h>

int chain_init(struct chain *c)
{
	*c = (struct chain){ 0 };
	return sha256_init(&c->sha256);
}

void chain_done(struct chain *c)
{
	sha256_done(&c->sha256);
}

int chain_step(struct chain *c, struct span text)
{
	return sha256_of(&c->sha256, span_of(c->digest, DIGEST_SIZE), text, c->digest);
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
