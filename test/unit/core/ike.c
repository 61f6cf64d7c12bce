/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/ike.h"
#include "daemons.h"

/* What daemons tell is kept, and what their lists lack is gone. */

static void a_list_sweeps_what_it_lacks(void **state)
{
	struct bench *b = bench_new(0);
	struct child_sa one = daemon_sa(CHARON, 1, 0x101, 0x201);

	(void)state;
	bench_live(b);
	daemon_up(b);
	daemon_ike(b, CHARON, 2, "other", IKE_ESTABLISHED);
	assert_non_null(ike_sa_find(b->core, CHARON, 2));
	daemon_list(b, CHARON, IKE_LIST_SAS, DUMP_BEGIN);
	daemon_ike(b, CHARON, 1, "net", IKE_ESTABLISHED);
	daemon_sa_there(b, IKE_OP_LISTED, 0, &one);
	/* What comes up while the list runs is in none. */
	daemon_ike(b, CHARON, 3, "third", IKE_CONNECTING);
	daemon_list(b, CHARON, IKE_LIST_SAS, DUMP_END);
	assert_non_null(ike_sa_find(b->core, CHARON, 1));
	assert_null(ike_sa_find(b->core, CHARON, 2));
	assert_non_null(ike_sa_find(b->core, CHARON, 3));
	assert_non_null(child_sa_find(b->core, CHARON, 1));
	/* A list that failed proves nothing. */
	daemon_list(b, CHARON, IKE_LIST_SAS, DUMP_BEGIN);
	daemon_list(b, CHARON, IKE_LIST_SAS, DUMP_FAILED);
	assert_non_null(ike_sa_find(b->core, CHARON, 1));
	daemon_list(b, CHARON, IKE_LIST_SAS, DUMP_BEGIN);
	daemon_list(b, CHARON, IKE_LIST_SAS, DUMP_END);
	assert_null(ike_sa_find(b->core, CHARON, 1));
	assert_null(child_sa_find(b->core, CHARON, 1));
	bench_free(b);
}

static void lists_of_two_daemons_are_apart(void **state)
{
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	daemon_up(b);
	daemon_service(b, CHARON + 1, SERVICE_RUNS);
	daemon_ike(b, CHARON + 1, 1, "net", IKE_ESTABLISHED);
	daemon_list(b, CHARON + 1, IKE_LIST_SAS, DUMP_BEGIN);
	daemon_list(b, CHARON + 1, IKE_LIST_SAS, DUMP_END);
	assert_null(ike_sa_find(b->core, CHARON + 1, 1));
	assert_non_null(ike_sa_find(b->core, CHARON, 1));
	bench_free(b);
}

static void what_is_loaded_goes_before_the_file(void **state)
{
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_connection(b, CHARON, ORIGIN_FILE, "net");
	assert_int_equal(connection_find(b->core, CHARON, "net")->conn.origin, ORIGIN_FILE);
	daemon_connection(b, CHARON, ORIGIN_LOADED, "net");
	assert_int_equal(connection_find(b->core, CHARON, "net")->conn.origin, ORIGIN_LOADED);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_END);
	assert_int_equal(connection_find(b->core, CHARON, "net")->conn.origin, ORIGIN_FILE);
	bench_free(b);
}

static void with_its_process_ends_what_it_had(void **state)
{
	struct bench *b = bench_new(0);
	struct fact counter = { .type = FACT_IKE_COUNTER,
		.ike_counter = { .service = CHARON, .name = "invalid", .value = 7 } };
	uint64_t value = 0;

	(void)state;
	bench_live(b);
	daemon_up(b);
	daemon_connection(b, CHARON, ORIGIN_FILE, "net");
	bench_feed(b, &counter, NS_A);
	daemon_service(b, CHARON, SERVICE_FAILED);
	assert_null(ike_sa_find(b->core, CHARON, 1));
	assert_null(child_sa_find(b->core, CHARON, 1));
	/* Its file is still there, and its counters are its last ones. */
	assert_int_equal(connection_find(b->core, CHARON, "net")->conn.origin, ORIGIN_FILE);
	assert_true(ike_counter(b->core, CHARON, "invalid", &value));
	assert_int_equal(value, 7);
	assert_false(ike_counter(b->core, CHARON, "invalid-spi", &value));
	bench_free(b);
}

static bool count(void *userdata, const void *row)
{
	(void)row;
	++*(unsigned *)userdata;
	return true;
}

static unsigned rows(struct bench *b, const struct noun *n)
{
	unsigned ret = 0;

	assert_int_equal(core_each(b->core, n, count, &ret), 0);
	return ret;
}

static void shunts_certificates_files_and_sockets_are_kept(void **state)
{
	struct bench *b = bench_new(0);
	struct fact shunt = { .type = FACT_SHUNT,
		.shunt = { .service = CHARON, .name = "ssh", .local_ts = "0.0.0.0/0[tcp/22]" } };
	struct fact cert = { .type = FACT_CERTIFICATE,
		.certificate = { .service = CHARON, .kind = "x509", .subject = "CN=red" } };
	struct fact file = { .type = FACT_CONFIG_FILE,
		.config_file = { .daemon = DAEMON_STRONGSWAN,
			.main = true,
			.path = "/etc/swanctl/swanctl.conf" } };
	struct fact socket = { .type = FACT_IKE_SOCKET,
		.ike_socket = { .service = CHARON, .port = 500 } };

	(void)state;
	bench_live(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	for (unsigned i = 0; i < 2; i++) { /* the same twice is one */
		bench_feed(b, &shunt, NS_A);
		bench_feed(b, &cert, NS_A);
		bench_feed(b, &file, 0);
		bench_feed(b, &socket, NS_A);
	}
	assert_int_equal(rows(b, &noun_shunt), 1);
	assert_int_equal(rows(b, &noun_certificate), 1);
	/* The file that no daemon has read, and charon without one. */
	assert_int_equal(rows(b, &noun_active_policy), 2);
	shunt.shunt.action = ACTION_DROP;
	bench_feed(b, &shunt, NS_A);
	assert_int_equal(rows(b, &noun_shunt), 2);
	daemon_list(b, CHARON, IKE_LIST_SHUNTS, DUMP_BEGIN);
	bench_feed(b, &shunt, NS_A);
	daemon_list(b, CHARON, IKE_LIST_SHUNTS, DUMP_END);
	assert_int_equal(rows(b, &noun_shunt), 1);
	daemon_list(b, 0, IKE_LIST_FILES, DUMP_BEGIN);
	daemon_list(b, 0, IKE_LIST_FILES, DUMP_END);
	assert_int_equal(rows(b, &noun_active_policy), 1);
	daemon_service(b, CHARON, SERVICE_STOPPED);
	assert_int_equal(rows(b, &noun_shunt), 0);
	assert_int_equal(rows(b, &noun_certificate), 0);
	assert_int_equal(rows(b, &noun_active_policy), 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_sweeps_what_it_lacks),
		cmocka_unit_test(lists_of_two_daemons_are_apart),
		cmocka_unit_test(what_is_loaded_goes_before_the_file),
		cmocka_unit_test(with_its_process_ends_what_it_had),
		cmocka_unit_test(shunts_certificates_files_and_sockets_are_kept),
	};

	return cmocka_run_group_tests_name("core/ike", tests, NULL, NULL);
}
