/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 8032, 7.1, tests 1 and 3. */
static const struct vector {
	const char *secret, *public, *text, *signature;
} vectors[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
		"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "\xaf\x82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
		"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

static void rfc_8032(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char signature[SIGNATURE_HEX + 1], public[2 * PUBLIC_KEY_SIZE + 1];
		const struct vector *v = &vectors[i];
		uint8_t secret[SECRET_KEY_SIZE];
		struct public_key k;

		assert_true(hex_parse(span_text(v->secret), secret, sizeof(secret)));
		assert_int_equal(secret_public(secret, &k), 0);
		hex_format(k.octets, PUBLIC_KEY_SIZE, public);
		assert_string_equal(public, v->public);
		assert_int_equal(secret_sign(secret, span_text(v->text), signature), 0);
		assert_string_equal(signature, v->signature);
		assert_true(public_verify(&k, span_text(v->text), span_text(signature)));
		assert_false(public_verify(&k, span_text("x"), span_text(signature)));
		signature[7] ^= 1;
		assert_false(public_verify(&k, span_text(v->text), span_text(signature)));
		assert_false(public_verify(&k, span_text(v->text), span_of(signature, 126)));
	}
}

static void pem_is_what_others_write(void **state)
{
	/* RFC 8410, 10.1, and what openssl and sha256sum say of it. */
	static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
				  "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
				  "-----END PUBLIC KEY-----\n";
	CLEANUP_BUF struct buf out = { 0 };
	struct public_key k, again;

	(void)state;
	assert_true(public_parse(
		span_text("\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"), &k));
	assert_string_equal(
		k.fingerprint, "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f");
	public_write(&k, &out);
	assert_string_equal(out.p, pem);
	/* Another algorithm's number, a digit too few, too many, none of base64. */
	assert_false(public_parse(
		span_text("MCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="), &again));
	assert_false(public_parse(
		span_text("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"), &again));
	assert_false(public_parse(
		span_text("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=="),
		&again));
	assert_false(public_parse(
		span_text("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQ*qowtrbLDFw4rXAxZuE="), &again));
}

static void new_secrets_differ(void **state)
{
	uint8_t a[SECRET_KEY_SIZE], b[SECRET_KEY_SIZE], zero[SECRET_KEY_SIZE] = { 0 };

	(void)state;
	assert_int_equal(secret_new(a), 0);
	assert_int_equal(secret_new(b), 0);
	assert_memory_not_equal(a, b, SECRET_KEY_SIZE);
	secret_wipe(a);
	assert_memory_equal(a, zero, SECRET_KEY_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_8032),
		cmocka_unit_test(pem_is_what_others_write),
		cmocka_unit_test(new_secrets_differ),
	};

	if (secret_memory() < 0)
		return 1;
	return cmocka_run_group_tests_name("sign/key", tests, NULL, NULL);
}
