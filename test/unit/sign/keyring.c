/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/keyring.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct person {
	uint8_t secret[SECRET_KEY_SIZE];
	struct public_key key;
};

static void person_init(struct person *p, uint8_t of)
{
	memset(p->secret, of, sizeof(p->secret));
	assert_int_equal(secret_public(p->secret, &p->key), 0);
}

/* Introduces a key in the name of `by`, signed by `signs`. */
static void introduce(struct buf *out, const struct person *key, uint64_t number,
	const struct person *by, const struct person *signs)
{
	struct introduction i = {
		.key = key->key, .number = number, .host = "gw1", .time_us = 1767225600000000
	};

	memcpy(i.by, by->key.fingerprint, sizeof(i.by));
	assert_int_equal(introduction_write(&i, signs->secret, out), 0);
}

static const char *judge(
	const struct keyring *k, const struct person *signs, const struct person *names, uint64_t n)
{
	CLEANUP_BUF struct buf line = { 0 };
	struct signed_head h = { .number = n, .host = "gw1", .boot = "b", .line = 1 }, back;
	struct span text, digits;

	assert_int_equal(signed_head_write(&h, signs->secret, &names->key, &line), 0);
	assert_true(signed_head_parse(buf_span(&line), &back, &text, &digits));
	return keyring_judge(k, &back, text, digits);
}

static struct keyring ring;
static struct person first, second, third, stranger;

static int setup(void **state)
{
	(void)state;
	memset(&ring, 0, sizeof(ring));
	person_init(&first, 1);
	person_init(&second, 2);
	person_init(&third, 3);
	person_init(&stranger, 9);
	return 0;
}

static void trust(const struct person *p)
{
	CLEANUP_BUF struct buf pem = { 0 };
	struct diag d = { "" };

	public_write(&p->key, &pem);
	assert_int_equal(keyring_give(&ring, buf_span(&pem), "key.pem", &d), 0);
}

static void trust_follows_introductions(void **state)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct introduction last;

	(void)state;
	introduce(&text, &first, 1, &first, &first);
	introduce(&text, &second, 10, &first, &first);
	introduce(&text, &third, 20, &second, &second);
	assert_true(introduction_last(buf_span(&text), &last));
	assert_string_equal(last.key.fingerprint, third.key.fingerprint);
	assert_memory_equal(last.key.octets, third.key.octets, PUBLIC_KEY_SIZE);
	assert_int_equal(last.number, 20);
	trust(&first);
	keyring_learn(&ring, buf_span(&text));
	assert_int_equal(ring.n, 3);
	assert_null(judge(&ring, &first, &first, 9));
	assert_null(judge(&ring, &second, &second, 10));
	assert_null(judge(&ring, &second, &second, 19));
	assert_null(judge(&ring, &third, &third, 20));
	/* Out of their time. */
	assert_non_null(judge(&ring, &first, &first, 10));
	assert_non_null(judge(&ring, &second, &second, 9));
	assert_non_null(judge(&ring, &second, &second, 20));
	assert_non_null(judge(&ring, &third, &third, 19));
	/* In another's name. */
	assert_non_null(judge(&ring, &second, &first, 5));
	assert_non_null(judge(&ring, &stranger, &stranger, 5));
}

static void nobody_introduces_himself(void **state)
{
	CLEANUP_BUF struct buf text = { 0 };

	(void)state;
	trust(&first);
	introduce(&text, &stranger, 5, &stranger, &stranger);
	introduce(&text, &stranger, 5, &first, &stranger);
	introduce(&text, &third, 5, &second, &second); /* by one who is not trusted */
	keyring_learn(&ring, buf_span(&text));
	assert_int_equal(ring.n, 1);
	assert_null(judge(&ring, &first, &first, 6));
}

/* Every flipped bit of an introduction undoes it. */
static void a_changed_introduction_counts_for_nothing(void **state)
{
	CLEANUP_BUF struct buf text = { 0 };

	(void)state;
	introduce(&text, &second, 10, &first, &first);
	for (size_t i = 0; i < text.n - 1; i++) {
		setup(NULL);
		trust(&first);
		text.p[i] ^= 1;
		keyring_learn(&ring, buf_span(&text));
		text.p[i] ^= 1;
		if (ring.n != 1)
			fail_msg("octet %zu: '%c'", i, text.p[i]);
	}
	setup(NULL);
	trust(&first);
	keyring_learn(&ring, buf_span(&text));
	assert_int_equal(ring.n, 2);
}

static void what_is_no_key_is_said(void **state)
{
	static const char rsa[] = "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwA=\n"
				  "-----END PUBLIC KEY-----\n";
	struct diag d = { "" };

	(void)state;
	assert_int_equal(keyring_give(&ring, span_text("hello"), "k", &d), -ENOENT);
	assert_non_null(strstr(d.text, "k: no public key"));
	assert_int_equal(keyring_give(&ring, span_text(rsa), "k", &d), -EINVAL);
	assert_non_null(strstr(d.text, "key 1 is no Ed25519"));
	assert_int_equal(
		keyring_give(&ring, span_text("-----BEGIN PUBLIC KEY-----\n"), "k", &d), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(trust_follows_introductions, setup),
		cmocka_unit_test_setup(nobody_introduces_himself, setup),
		cmocka_unit_test_setup(a_changed_introduction_counts_for_nothing, setup),
		cmocka_unit_test_setup(what_is_no_key_is_said, setup),
	};

	return cmocka_run_group_tests_name("sign/keyring", tests, NULL, NULL);
}
