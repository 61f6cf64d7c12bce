/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What the system itself calls the loopback address; "" when it has no name. */
static void loopback_name(char *ret, size_t size)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	(void)inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	if (getnameinfo((const struct sockaddr *)&a, sizeof(a), ret, (socklen_t)size, NULL, 0,
		    NI_NAMEREQD) != 0)
		ret[0] = '\0';
}

static void names_are_the_systems(void **state)
{
	char expected[256];
	CLEANUP(resolver) struct resolver *r = NULL;

	(void)state;
	loopback_name(expected, sizeof(expected));
	assert_int_equal(resolver_new(&r), 0);
	if (!*expected) {
		assert_null(resolver_name(r, "127.0.0.1"));
		skip();
	}
	for (unsigned i = 0; i < 2; i++)
		assert_string_equal(resolver_name(r, "127.0.0.1"), expected);
	resolver_begin(r);
	assert_string_equal(resolver_name(r, "127.0.0.1"), expected);
}

static void what_is_no_address_has_no_name(void **state)
{
	CLEANUP(resolver) struct resolver *r = NULL;

	(void)state;
	assert_int_equal(resolver_new(&r), 0);
	assert_null(resolver_name(r, ""));
	assert_null(resolver_name(r, "10.1.0.0/16"));
	assert_null(resolver_name(r, "0.0.0.0"));
	assert_null(resolver_name(r, "localhost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_the_systems),
		cmocka_unit_test(what_is_no_address_has_no_name),
	};

	return cmocka_run_group_tests_name("cli/resolve", tests, NULL, NULL);
}
