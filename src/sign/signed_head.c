/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/signed_head.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/timetext.h"
#include "sign/strict.h"

static void head_text(const struct signed_head *h, const char *key, struct buf *out)
{
	char time[TIME_TEXT_SIZE], digest[DIGEST_HEX + 1];

	hex_format(h->digest, DIGEST_SIZE, digest);
	buf_printf(out, SIGNED_HEAD_BEGIN "\"number\":%" PRIu64 ",\"host\":\"", h->number);
	strict_write(out, h->host);
	buf_text(out, "\",\"boot\":\"");
	strict_write(out, h->boot);
	buf_printf(out,
		"\",\"time\":\"%s\",\"segment\":%" PRIu64 ",\"line\":%" PRIu64 ",\"seq\":%" PRIu64
		",\"digest\":\"%s\",\"key\":\"%s\"",
		time_format(h->time_us, time), h->segment, h->line, h->seq, digest, key);
}

int signed_head_write(const struct signed_head *h, const uint8_t secret[SECRET_KEY_SIZE],
	const struct public_key *k, struct buf *out)
{
	char signature[SIGNATURE_HEX + 1];
	size_t start = out->n;
	int r;

	head_text(h, k->fingerprint, out);
	if (out->failed)
		return -ENOMEM;
	r = secret_sign(secret, span_of(out->p + start, out->n - start), signature);
	if (r < 0)
		return r;
	buf_printf(out, ",\"sig\":\"%s\"}", signature);
	return out->failed ? -ENOMEM : 0;
}

static bool take_time(struct span *left, uint64_t *ret)
{
	char word[TIME_TEXT_SIZE], again[TIME_TEXT_SIZE];

	return strict_word(left, word, sizeof(word)) && time_parse(word, 0, ret, NULL) == 0 &&
	       strcmp(time_format(*ret, again), word) == 0;
}

bool signed_head_parse(
	struct span line, struct signed_head *ret, struct span *ret_text, struct span *ret_digits)
{
	struct span left = line, digest, key, digits;
	struct signed_head h = { 0 };
	size_t n;

	if (!strict_text(&left, SIGNED_HEAD_BEGIN "\"number\":") ||
		!strict_number(&left, &h.number) || !strict_text(&left, ",\"host\":\"") ||
		!strict_word(&left, h.host, sizeof(h.host)) ||
		!strict_text(&left, "\",\"boot\":\"") ||
		!strict_word(&left, h.boot, sizeof(h.boot)) ||
		!strict_text(&left, "\",\"time\":\"") || !take_time(&left, &h.time_us) ||
		!strict_text(&left, "\",\"segment\":") || !strict_number(&left, &h.segment) ||
		!strict_text(&left, ",\"line\":") || !strict_number(&left, &h.line) ||
		!strict_text(&left, ",\"seq\":") || !strict_number(&left, &h.seq) ||
		!strict_text(&left, ",\"digest\":\"") ||
		!strict_digits(&left, DIGEST_HEX, &digest) ||
		!strict_text(&left, "\",\"key\":\"") || !strict_digits(&left, DIGEST_HEX, &key) ||
		!strict_text(&left, "\""))
		return false;
	n = line.n - left.n;
	if (!strict_text(&left, ",\"sig\":\"") || !strict_digits(&left, SIGNATURE_HEX, &digits) ||
		!strict_text(&left, "\"}") || left.n > 0)
		return false;
	(void)hex_parse(digest, h.digest, DIGEST_SIZE);
	memcpy(h.key, key.p, DIGEST_HEX);
	*ret = h;
	*ret_text = span_of(line.p, n);
	*ret_digits = digits;
	return true;
}
