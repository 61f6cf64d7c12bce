/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/keyring.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/timetext.h"
#include "sign/strict.h"

/* The next PEM block behind *at. 1, 0: no more, -EINVAL: no Ed25519 key. */
static int next_block(struct span text, size_t *at, struct public_key *ret)
{
	static const char begin[] = PUBLIC_PEM_BEGIN, end[] = PUBLIC_PEM_END;
	const uint8_t *p, *q;

	if (*at >= text.n)
		return 0;
	p = memmem(text.p + *at, text.n - *at, begin, sizeof(begin) - 1);
	if (!p)
		return 0;
	p += sizeof(begin) - 1;
	q = memmem(p, text.n - (size_t)(p - text.p), end, sizeof(end) - 1);
	if (!q || !public_parse(span_of(p, (size_t)(q - p)), ret))
		return -EINVAL;
	*at = (size_t)(q - text.p) + sizeof(end) - 1;
	return 1;
}

static struct keyring_key *find(struct keyring *k, const char *fingerprint)
{
	for (size_t i = 0; i < k->n; i++) {
		if (strcmp(k->keys[i].public.fingerprint, fingerprint) == 0)
			return &k->keys[i];
	}
	return NULL;
}

const struct keyring_key *keyring_find(const struct keyring *k, const char *fingerprint)
{
	return find((struct keyring *)(uintptr_t)k, fingerprint);
}

/* NULL: full. */
static struct keyring_key *add(struct keyring *k, const struct public_key *p)
{
	struct keyring_key *there = find(k, p->fingerprint);

	if (there || k->n == KEYRING_MAX)
		return there;
	k->keys[k->n] = (struct keyring_key){ .public = *p, .last = UINT64_MAX };
	return &k->keys[k->n++];
}

int keyring_give(struct keyring *k, struct span text, const char *name, struct diag *reterr)
{
	struct public_key key;
	size_t at = 0, n = 0;
	int r;

	while ((r = next_block(text, &at, &key)) > 0) {
		struct keyring_key *there = add(k, &key);

		if (!there)
			return diag_set(reterr, -E2BIG, "%s: more than %d keys", name, KEYRING_MAX);
		there->given = true;
		n++;
	}
	if (r < 0)
		return diag_set(
			reterr, r, "%s: key %zu is no Ed25519 public key (PEM)", name, n + 1);
	if (n == 0)
		return diag_set(reterr, -ENOENT,
			"%s: no public key in it; it begins with " PUBLIC_PEM_BEGIN, name);
	return 0;
}

struct signed_line {
	struct introduction i;
	struct span text, digits;
};

static bool parse_line(struct span line, struct signed_line *ret)
{
	struct span left = line, key, by, digits;
	struct introduction i = { 0 };
	char time[TIME_TEXT_SIZE];
	size_t n;

	if (!strict_text(&left, "{\"type\":\"key\",\"key\":\"") ||
		!strict_digits(&left, DIGEST_HEX, &key) || !strict_text(&left, "\",\"number\":") ||
		!strict_number(&left, &i.number) || !strict_text(&left, ",\"host\":\"") ||
		!strict_word(&left, i.host, sizeof(i.host)) ||
		!strict_text(&left, "\",\"time\":\"") || !strict_word(&left, time, sizeof(time)) ||
		time_parse(time, 0, &i.time_us, NULL) < 0 || !strict_text(&left, "\",\"by\":\"") ||
		!strict_digits(&left, DIGEST_HEX, &by) || !strict_text(&left, "\""))
		return false;
	n = line.n - left.n;
	if (!strict_text(&left, ",\"sig\":\"") || !strict_digits(&left, SIGNATURE_HEX, &digits) ||
		!strict_text(&left, "\"}") || left.n > 0)
		return false;
	memcpy(i.key.fingerprint, key.p, DIGEST_HEX);
	memcpy(i.by, by.p, DIGEST_HEX);
	*ret = (struct signed_line){ .i = i, .text = span_of(line.p, n), .digits = digits };
	return true;
}

/* The next line that introduces the key whose block follows it. */
static bool next_introduction(struct span text, size_t *at, struct signed_line *ret)
{
	while (*at < text.n) {
		const uint8_t *p = text.p + *at, *end = memchr(p, '\n', text.n - *at);
		struct public_key key;
		size_t block;

		if (!end)
			return false;
		*at += (size_t)(end - p) + 1;
		block = *at;
		if (!parse_line(span_of(p, (size_t)(end - p)), ret) ||
			next_block(text, &block, &key) <= 0 ||
			strcmp(key.fingerprint, ret->i.key.fingerprint) != 0)
			continue;
		ret->i.key = key;
		return true;
	}
	return false;
}

void keyring_learn(struct keyring *k, struct span text)
{
	struct keyring_key *by, *key;
	struct signed_line line;
	size_t at = 0;

	while (next_introduction(text, &at, &line)) {
		by = find(k, line.i.by);
		if (!by || strcmp(line.i.by, line.i.key.fingerprint) == 0 || line.i.number == 0 ||
			!public_verify(&by->public, line.text, line.digits))
			continue;
		key = add(k, &line.i.key);
		if (!key)
			return;
		key->first = line.i.number;
		by->last = line.i.number - 1;
	}
}

const char *keyring_judge(
	const struct keyring *k, const struct signed_head *h, struct span text, struct span digits)
{
	const struct keyring_key *key = keyring_find(k, h->key);

	if (!key)
		return "it is signed with a key that is neither given nor introduced by one that "
		       "is";
	if (!public_verify(&key->public, text, digits))
		return "its signature is wrong";
	if (h->number < key->first || h->number > key->last)
		return "it is signed with a key that did not sign at that time";
	return NULL;
}

int introduction_write(
	const struct introduction *i, const uint8_t by_secret[SECRET_KEY_SIZE], struct buf *out)
{
	char time[TIME_TEXT_SIZE], signature[SIGNATURE_HEX + 1];
	size_t start = out->n;
	int r;

	buf_printf(out, "{\"type\":\"key\",\"key\":\"%s\",\"number\":%" PRIu64 ",\"host\":\"",
		i->key.fingerprint, i->number);
	strict_write(out, i->host);
	buf_printf(out, "\",\"time\":\"%s\",\"by\":\"%s\"", time_format(i->time_us, time), i->by);
	if (out->failed)
		return -ENOMEM;
	r = secret_sign(by_secret, span_of(out->p + start, out->n - start), signature);
	if (r < 0)
		return r;
	buf_printf(out, ",\"sig\":\"%s\"}\n", signature);
	public_write(&i->key, out);
	return out->failed ? -ENOMEM : 0;
}

bool introduction_last(struct span text, struct introduction *ret)
{
	struct signed_line line;
	bool any = false;
	size_t at = 0;

	while (next_introduction(text, &at, &line)) {
		*ret = line.i;
		any = true;
	}
	return any;
}
