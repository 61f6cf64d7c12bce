/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "core/services.h"

#define PLUTO 77u

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct service service_of(uint64_t id)
{
	return (struct service){ .id = id,
		.daemon = DAEMON_LIBRESWAN,
		.pid = (uint32_t)id + 1000,
		.started_us = 1700000000000000u + id * 1000000,
		.name = "pluto",
		.version = "4.10" };
}

static void feed_service(struct bench *b, const struct service *s)
{
	struct fact f = { .type = FACT_SERVICE, .source = SOURCE_SERVICE, .service = *s };

	bench_feed(b, &f, NS_A);
}

static void start(struct bench *b, uint64_t id, bool found)
{
	struct service s = service_of(id);

	s.found = found;
	feed_service(b, &s);
}

static void end(struct bench *b, uint64_t id, uint8_t how, const char *why)
{
	struct service s = service_of(id);

	s.end = how;
	s.ended_us = 1700000000000000u + b->ns / 1000;
	(void)snprintf(s.why, sizeof(s.why), "%s", why);
	feed_service(b, &s);
}

static void control(struct bench *b, uint64_t id, uint8_t control)
{
	struct service s = service_of(id);

	s.control = control;
	(void)snprintf(s.why, sizeof(s.why), "connection refused");
	feed_service(b, &s);
}

static void list(struct bench *b, uint8_t list, uint8_t phase)
{
	struct fact f = { .type = FACT_IKE_DUMP,
		.ike_dump = { .service = PLUTO,
			.list = list,
			.phase = phase,
			.daemon = DAEMON_LIBRESWAN } };

	bench_feed(b, &f, NS_A);
}

static struct policy policy_of(uint32_t index, const char *src, const char *dst)
{
	struct policy p = { .netns = NS_A,
		.index = index,
		.direction = POLICY_OUT,
		.priority = 100,
		.n_templates = 1,
		.templates = { { .proto = IPPROTO_ESP,
			.mode = IPSEC_TUNNEL,
			.reqid = 1,
			.src = addr_of("10.9.0.1"),
			.dst = addr_of("10.9.0.2") } } };

	assert_int_equal(prefix_parse(src, &p.selector.src, NULL), 0);
	assert_int_equal(prefix_parse(dst, &p.selector.dst, NULL), 0);
	return p;
}

static void add_policy(struct bench *b, const struct policy *p)
{
	struct fact f = { .type = FACT_POLICY,
		.source = SOURCE_XFRM,
		.policy = { .op = SA_ADDED, .policy = *p } };

	bench_feed(b, &f, NS_A);
}

static void remove_policy(struct bench *b, const struct policy *p)
{
	struct fact f = { .type = FACT_POLICY_GONE,
		.source = SOURCE_XFRM,
		.policy_gone = { .how = GONE_DELETED, .policy = *p } };

	bench_feed(b, &f, NS_A);
}

static void dump_policies(struct bench *b)
{
	struct fact f = { .type = FACT_DUMP,
		.source = SOURCE_XFRM,
		.dump = { .kind = DUMP_POLICY, .phase = DUMP_BEGIN } };
	struct fact d = { .type = FACT_POLICY_DEFAULT,
		.source = SOURCE_XFRM,
		.policy_default = { .initial = true } };

	bench_feed(b, &f, NS_A);
	f.dump.phase = DUMP_END;
	bench_feed(b, &f, NS_A);
	bench_feed(b, &d, NS_A);
}

static void tunnel_up(struct bench *b)
{
	struct fact ike = { .type = FACT_IKE_SA,
		.source = SOURCE_LIBRESWAN,
		.ike_sa = { .op = IKE_OP_UP,
			.sa = { .service = PLUTO,
				.unique = 1,
				.name = "net",
				.version = 2,
				.state = IKE_ESTABLISHED,
				.local = addr_of("10.9.0.1"),
				.remote = addr_of("10.9.0.2"),
				.remote_id = "blue@lab" } } };
	struct fact child = { .type = FACT_CHILD_SA,
		.source = SOURCE_LIBRESWAN,
		.child_sa = { .op = IKE_OP_UP,
			.sa = { .service = PLUTO,
				.unique = 2,
				.ike_unique = 1,
				.name = "net",
				.ike_name = "net",
				.state = CHILD_INSTALLED,
				.mode = IPSEC_TUNNEL,
				.proto = IPPROTO_ESP,
				.spi_in = 1,
				.spi_out = 2,
				.reqid = 1,
				.local_ts = "10.1.0.0/16",
				.remote_ts = "10.2.0.0/16" } } };

	bench_feed(b, &ike, NS_A);
	bench_feed(b, &child, NS_A);
}

static bool says(const struct event *e, const char *text)
{
	if (!strstr(e->detail, text))
		print_message("# no %s in %s\n", text, e->detail);
	return strstr(e->detail, text) != NULL;
}

static void only_a_start_that_we_see_is_told(void **state)
{
	struct bench *b = bench_new(0);
	const struct event *e;

	(void)state;
	bench_live(b);
	start(b, 1, true);
	assert_int_equal(bench_count_id(b, EVENT_SERVICE_STARTED), 0);
	start(b, PLUTO, false);
	start(b, PLUTO, true); /* said again */
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_SERVICE_STARTED), 1);
	e = bench_find(b, EVENT_SERVICE_STARTED);
	assert_string_equal(e->message, "Libreswan started in a: pluto 4.10, pid 1077");
	assert_string_equal(e->log, "system");
	bench_free(b);
}

static void every_end_is_told_once_by_its_kind(void **state)
{
	static const struct {
		uint8_t how;
		uint32_t id;
	} ends[] = { { SERVICE_STOPPED, EVENT_SERVICE_STOPPED },
		{ SERVICE_FAILED, EVENT_SERVICE_FAILED }, { SERVICE_ENDED, EVENT_SERVICE_ENDED } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct bench *b = bench_new(0);

		bench_live(b);
		start(b, PLUTO, true);
		end(b, PLUTO, ends[i].how, "exit status 0");
		bench_poll(b);
		assert_null(bench_find(b, ends[i].id)); /* the kernel's last words are to come */
		bench_settle(b);
		end(b, PLUTO, ends[i].how, "exit status 0");
		bench_settle(b);
		assert_int_equal(bench_count_id(b, ends[i].id), 1);
		assert_int_equal(bench_count_id(b, EVENT_SERVICE_STOPPED) +
					 bench_count_id(b, EVENT_SERVICE_FAILED) +
					 bench_count_id(b, EVENT_SERVICE_ENDED),
			1);
		bench_free(b);
	}
}

static void a_successor_comes_after_the_end(void **state)
{
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	start(b, PLUTO, true);
	end(b, PLUTO, SERVICE_FAILED, "killed by signal 9");
	start(b, PLUTO + 1, false);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_SERVICE_FAILED), 1);
	assert_int_equal(b->events[b->n - 2].id, EVENT_SERVICE_FAILED);
	assert_int_equal(b->events[b->n - 1].id, EVENT_SERVICE_STARTED);
	bench_free(b);
}

static void an_end_says_what_is_exposed(void **state)
{
	struct policy left = policy_of(9, "10.5.0.0/16", "10.6.0.0/16"),
		      gone = policy_of(17, "10.1.0.0/16", "10.2.0.0/16");
	struct sa sa = bench_sa("10.9.0.2", "10.9.0.1", 1);
	struct bench *b = bench_new(0);
	const struct event *e;

	(void)state;
	left.templates[0].reqid = 2; /* by hand */
	bench_live(b);
	dump_policies(b);
	start(b, PLUTO, true);
	tunnel_up(b);
	add_policy(b, &left);
	add_policy(b, &gone);
	bench_sa_fact(b, NS_A, SA_ADDED, &sa);
	bench_settle(b);
	end(b, PLUTO, SERVICE_FAILED, "killed by signal 11");
	remove_policy(b, &gone); /* told by the kernel a little later */
	bench_settle(b);
	e = bench_find(b, EVENT_SERVICE_FAILED);
	assert_non_null(e);
	assert_true(says(e, "1 SA and 1 policy are left"));
	assert_true(says(e, "without a policy now: net (10.1.0.0/16 to 10.2.0.0/16)"));
	assert_true(says(e, "in accept, fwd accept, out accept"));
	assert_non_null(strstr(e->message, "killed by signal 11"));
	assert_int_equal(bench_count_id(b, EVENT_IPSEC_SA_DELETED), 0);
	bench_free(b);

	b = bench_new(0);
	bench_live(b);
	dump_policies(b);
	start(b, PLUTO, true);
	tunnel_up(b);
	add_policy(b, &gone);
	end(b, PLUTO, SERVICE_FAILED, "killed");
	bench_settle(b);
	assert_true(says(bench_find(b, EVENT_SERVICE_FAILED), "\"without_policy\":0"));
	bench_free(b);
}

static void a_control_socket_that_never_opens_is_told_once(void **state)
{
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	start(b, PLUTO, false);
	control(b, PLUTO, CONTROL_REFUSED); /* it has just begun */
	bench_pass(b, 8000);
	control(b, PLUTO, CONTROL_OPEN);
	bench_pass(b, 20000);
	control(b, PLUTO, CONTROL_LOST);
	control(b, PLUTO, CONTROL_REFUSED);
	bench_pass(b, 20000);
	assert_int_equal(bench_count_id(b, EVENT_CONTROL_FAILED), 0);
	start(b, PLUTO + 1, false);
	control(b, PLUTO + 1, CONTROL_REFUSED);
	for (int i = 0; i < 20; i++)
		bench_pass(b, 1000);
	assert_int_equal(bench_count_id(b, EVENT_CONTROL_FAILED), 1);
	assert_string_equal(bench_find(b, EVENT_CONTROL_FAILED)->message,
		"the control socket of pluto in a could not be opened: connection refused");
	bench_free(b);
}

static void a_kernel_without_xfrm_is_told_as_that(void **state)
{
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	bench_netns(b, NS_B, "b", true);
	bench_source(b, NS_B, SOURCE_XFRM, SOURCE_ABSENT, 0);
	bench_source(b, NS_B, SOURCE_XFRM, SOURCE_ABSENT, 0);
	assert_int_equal(bench_count_id(b, EVENT_CONTROL_FAILED), 1);
	assert_int_equal(bench_count_id(b, EVENT_SOURCE_LOST), 0);
	bench_source(b, NS_A, SOURCE_XFRM, SOURCE_LOST, 0);
	assert_int_equal(bench_count_id(b, EVENT_CONTROL_FAILED), 1);
	assert_int_equal(bench_count_id(b, EVENT_SOURCE_LOST), 1);
	bench_free(b);
}

static void dump_links(struct bench *b, uint8_t phase)
{
	struct fact f = { .type = FACT_DUMP,
		.source = SOURCE_LINK,
		.dump = { .kind = DUMP_ADDR, .phase = phase } };

	bench_feed(b, &f, NS_A);
}

static void a_list_of_addresses_that_stays_broken_is_told(void **state)
{
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	dump_links(b, DUMP_BEGIN);
	dump_links(b, DUMP_FAILED); /* interrupted, and done again */
	dump_links(b, DUMP_BEGIN);
	dump_links(b, DUMP_END);
	bench_pass(b, 60000);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACES_INCOMPLETE), 0);
	dump_links(b, DUMP_BEGIN);
	dump_links(b, DUMP_FAILED);
	for (int i = 0; i < 60; i++)
		bench_pass(b, 1000);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACES_INCOMPLETE), 1);
	assert_non_null(
		strstr(bench_find(b, EVENT_INTERFACES_INCOMPLETE)->message, "list of addresses"));
	bench_free(b);
}

static void sockets_on(struct bench *b, uint16_t port, const char *const *locals, size_t n)
{
	list(b, IKE_LIST_SOCKETS, DUMP_BEGIN);
	for (size_t i = 0; i < n; i++) {
		struct fact f = { .type = FACT_IKE_SOCKET,
			.ike_socket = { .service = PLUTO, .port = port } };

		f.ike_socket.local = addr_of(locals[i]);
		bench_feed(b, &f, NS_A);
	}
	list(b, IKE_LIST_SOCKETS, DUMP_END);
}

static void sockets(struct bench *b, const char *const *locals, size_t n)
{
	sockets_on(b, 500, locals, n);
}

static void connection(struct bench *b, const char *local, uint64_t dpd_s)
{
	struct fact f = { .type = FACT_CONNECTION,
		.connection = { .service = PLUTO,
			.origin = ORIGIN_LOADED,
			.daemon = DAEMON_LIBRESWAN,
			.name = "net",
			.remote = "10.9.0.2",
			.dpd_s = dpd_s } };

	(void)snprintf(f.connection.local, sizeof(f.connection.local), "%s", local);
	bench_feed(b, &f, NS_A);
}

static void pass_seconds(struct bench *b, int n)
{
	for (int i = 0; i < n; i++)
		bench_pass(b, 1000);
}

static void whoever_does_not_listen_where_it_is_to_is_named(void **state)
{
	static const char *const other[] = { "10.9.0.11" }, *const ours[] = { "10.9.0.1" },
				 *const any[] = { "0.0.0.0" };
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	start(b, PLUTO, true);
	list(b, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	connection(b, "10.9.0.11 10.9.0.1 %any gw.example", 30);
	list(b, IKE_LIST_CONNECTIONS, DUMP_END);
	sockets(b, ours, 1);
	pass_seconds(b, 30); /* 10.9.0.11 is not ours */
	assert_int_equal(bench_count_id(b, EVENT_INTERFACES_INCOMPLETE), 0);
	bench_address(b, NS_A, "10.9.0.11");
	bench_address(b, NS_A, "10.9.0.1");
	sockets(b, other, 1);
	pass_seconds(b, 5);
	sockets(b, ours, 1); /* it had just not come to it yet */
	sockets(b, any, 1);
	pass_seconds(b, 30);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACES_INCOMPLETE), 0);
	sockets_on(b, 4500, any, 1); /* by which nothing begins */
	pass_seconds(b, 100);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACES_INCOMPLETE), 1);
	sockets(b, other, 1);
	pass_seconds(b, 100);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACES_INCOMPLETE), 2);
	assert_string_equal(b->events[b->n - 1].message, "pluto does not listen on 10.9.0.1 in a");
	bench_free(b);
}

static void others_on(struct bench *b, const char *const *locals, size_t n)
{
	list(b, IKE_LIST_SOCKETS, DUMP_BEGIN);
	for (size_t i = 0; i < n; i++) {
		struct fact f = { .type = FACT_IKE_SOCKET,
			.ike_socket = {
				.service = PLUTO, .port = 500, .drops = 5, .foreign = true } };

		f.ike_socket.local = addr_of(locals[i]);
		bench_feed(b, &f, NS_A);
	}
	list(b, IKE_LIST_SOCKETS, DUMP_END);
}

static void anothers_socket_is_not_the_services_own(void **state)
{
	static const char *const any[] = { "0.0.0.0" }, *const one[] = { "10.9.0.1" };
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	start(b, PLUTO, true);
	bench_address(b, NS_A, "10.9.0.1");
	bench_address(b, NS_A, "10.9.0.11");
	list(b, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	connection(b, "10.9.0.11 10.9.0.1", 30);
	list(b, IKE_LIST_CONNECTIONS, DUMP_END);
	others_on(b, one, 1);
	pass_seconds(b, 30);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACES_INCOMPLETE), 1);
	assert_string_equal(bench_find(b, EVENT_INTERFACES_INCOMPLETE)->message,
		"pluto does not listen on 10.9.0.11 10.9.0.1; another process has port 500 of "
		"10.9.0.1 in a");
	sockets(b, any, 1);
	pass_seconds(b, 30);
	others_on(b, any, 1);
	pass_seconds(b, 5);
	sockets(b, any, 1); /* its own were not known yet */
	pass_seconds(b, 30);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACES_INCOMPLETE), 1);
	bench_free(b);
}

static void link_fact(struct bench *b, uint8_t op, uint32_t ifindex, const char *name, uint32_t up)
{
	struct fact f = { .type = FACT_LINK,
		.source = SOURCE_LINK,
		.link = { .op = op,
			.link = { .ifindex = ifindex, .flags = up ? IFF_UP | IFF_RUNNING : 0 } } };

	(void)snprintf(f.link.link.name, sizeof(f.link.link.name), "%s", name);
	bench_feed(b, &f, NS_A);
}

static void addr_fact(struct bench *b, uint8_t op, uint32_t ifindex, const char *addr)
{
	struct fact f = { .type = FACT_ADDR,
		.source = SOURCE_LINK,
		.addr = { .op = op,
			.addr = { .ifindex = ifindex, .prefix = { addr_of(addr), 24 } } } };

	bench_feed(b, &f, NS_A);
}

static void spd_refused(struct bench *b)
{
	struct fact f = { .type = FACT_AUDIT_CHANGE,
		.source = SOURCE_AUDIT,
		.audit_change = { .op = AUDIT_SPD_ADD,
			.ok = false,
			.src = { addr_of("10.1.0.0"), 16 },
			.dst = { addr_of("10.2.0.0"), 16 } } };

	bench_feed(b, &f, 0);
}

static void negotiation_refused(struct bench *b)
{
	struct fact f = { .type = FACT_NEGOTIATION,
		.negotiation = { .service = PLUTO,
			.unique = 1,
			.said = SAID_LOG,
			.cause = CAUSE_POLICY_INSTALL,
			.child = true,
			.final = true,
			.conn = "net" } };

	bench_feed(b, &f, NS_A);
}

static void a_policy_refused_after_a_change_is_the_changes(void **state)
{
	struct bench *b = bench_new(0);
	const struct event *e;

	(void)state;
	bench_live(b);
	link_fact(b, CHANGE_DUMPED, 3, "eth0", 1);
	spd_refused(b);
	negotiation_refused(b);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACE_UNCOVERED), 0);
	assert_int_equal(bench_count_id(b, EVENT_NEGOTIATION_FAILED), 1);
	link_fact(b, CHANGE_THERE, 3, "eth0", 0);
	for (int i = 0; i < 3; i++)
		spd_refused(b);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACE_UNCOVERED), 1);
	e = bench_find(b, EVENT_INTERFACE_UNCOVERED);
	assert_string_equal(e->iface, "eth0");
	assert_true(says(e, "\"policies\":3"));
	/* Both ways: still one event, and no 547 beside it. */
	pass_seconds(b, 20);
	link_fact(b, CHANGE_THERE, 3, "eth0", 1);
	spd_refused(b);
	negotiation_refused(b);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACE_UNCOVERED), 2);
	assert_int_equal(bench_count_id(b, EVENT_NEGOTIATION_FAILED), 1);
	bench_free(b);
}

static void an_address_without_a_policy_any_more_is_told(void **state)
{
	struct policy p = policy_of(9, "10.1.0.0/24", "10.2.0.0/16");
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	add_policy(b, &p);
	link_fact(b, CHANGE_DUMPED, 3, "eth0", 1);
	addr_fact(b, CHANGE_DUMPED, 3, "10.1.0.5");
	/* Another covered one; then none for a while; then one beside it: no gap. */
	addr_fact(b, CHANGE_THERE, 3, "10.1.0.6");
	addr_fact(b, CHANGE_GONE, 3, "10.1.0.5");
	pass_seconds(b, 30);
	addr_fact(b, CHANGE_GONE, 3, "10.1.0.6");
	pass_seconds(b, 30);
	addr_fact(b, CHANGE_THERE, 3, "192.0.2.1");
	pass_seconds(b, 30);
	addr_fact(b, CHANGE_THERE, 3, "10.1.0.5");
	pass_seconds(b, 30);
	addr_fact(b, CHANGE_GONE, 3, "10.1.0.5"); /* a virtual one that went */
	pass_seconds(b, 30);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACE_UNCOVERED), 0);
	addr_fact(b, CHANGE_THERE, 3, "10.1.0.5");
	pass_seconds(b, 30);
	addr_fact(b, CHANGE_GONE, 3, "10.1.0.5");
	addr_fact(b, CHANGE_THERE, 3, "10.7.0.5");
	pass_seconds(b, 30);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACE_UNCOVERED), 1);
	assert_string_equal(bench_find(b, EVENT_INTERFACE_UNCOVERED)->message,
		"no policy covers 10.7.0.5, which came in the place of 10.1.0.5 on eth0 in a");
	bench_free(b);
}

/* However many addresses there are beside it. */
static void the_last_of_many_addresses_is_known(void **state)
{
	struct policy p = policy_of(9, "10.1.0.0/24", "10.2.0.0/16");
	struct bench *b = bench_new(0);
	char addr[24];

	(void)state;
	bench_live(b);
	add_policy(b, &p);
	link_fact(b, CHANGE_DUMPED, 3, "eth0", 1);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(addr, sizeof(addr), "192.168.%d.%d", i / 250, i % 250);
		addr_fact(b, CHANGE_DUMPED, 3, addr);
	}
	addr_fact(b, CHANGE_THERE, 3, "10.1.0.5");
	pass_seconds(b, 30);
	addr_fact(b, CHANGE_GONE, 3, "10.1.0.5");
	addr_fact(b, CHANGE_THERE, 3, "10.7.0.5");
	pass_seconds(b, 30);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACE_UNCOVERED), 1);
	bench_free(b);
}

static void policies_of_an_interface_that_is_gone_are_told(void **state)
{
	struct policy p = policy_of(9, "10.1.0.0/24", "10.2.0.0/16");
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	p.selector.ifindex = 3;
	add_policy(b, &p);
	link_fact(b, CHANGE_DUMPED, 3, "eth0", 1);
	link_fact(b, CHANGE_DUMPED, 4, "eth1", 1);
	link_fact(b, CHANGE_GONE, 4, "eth1", 1);
	pass_seconds(b, 30);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACE_UNCOVERED), 0);
	link_fact(b, CHANGE_GONE, 3, "eth0", 1);
	pass_seconds(b, 30);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACE_UNCOVERED), 1);
	assert_true(says(bench_find(b, EVENT_INTERFACE_UNCOVERED), "\"policies\":1"));
	/* One that the daemon removes in time. */
	link_fact(b, CHANGE_THERE, 3, "eth0", 1);
	link_fact(b, CHANGE_GONE, 3, "eth0", 1);
	remove_policy(b, &p);
	pass_seconds(b, 30);
	assert_int_equal(bench_count_id(b, EVENT_INTERFACE_UNCOVERED), 1);
	bench_free(b);
}

static void file(struct bench *b, uint64_t netns, uint64_t service, const char *digest)
{
	struct fact f = { .type = FACT_CONFIG_FILE,
		.config_file = { .service = service,
			.daemon = DAEMON_LIBRESWAN,
			.path = "/etc/ipsec.conf",
			.uid = 0 } };

	(void)snprintf(f.config_file.digest, sizeof(f.config_file.digest), "%s", digest);
	bench_feed(b, &f, netns);
}

static void files_of(struct bench *b, uint64_t netns, uint64_t service, const char *digest)
{
	struct fact f = { .type = FACT_IKE_DUMP,
		.ike_dump = { .service = service,
			.list = IKE_LIST_FILES,
			.phase = DUMP_BEGIN,
			.daemon = DAEMON_LIBRESWAN } };

	bench_feed(b, &f, netns);
	if (digest)
		file(b, netns, service, digest);
	f.ike_dump.phase = DUMP_END;
	bench_feed(b, &f, netns);
}

static void files(struct bench *b, uint64_t service, const char *digest)
{
	files_of(b, NS_A, service, digest);
}

static void a_changed_file_is_told_with_before_and_after(void **state)
{
	struct bench *b = bench_new(0);
	const struct event *e;

	(void)state;
	bench_live(b);
	files(b, 0, "aaaa");
	files(b, 0, "aaaa");
	assert_int_equal(bench_count_id(b, EVENT_IKE_CONFIG_CHANGED), 0);
	start(b, PLUTO, false); /* now it is that one's */
	files(b, PLUTO, "aaaa");
	files(b, 0, NULL);
	assert_int_equal(bench_count_id(b, EVENT_IKE_CONFIG_CHANGED), 0);
	files(b, PLUTO, "bbbb");
	assert_int_equal(bench_count_id(b, EVENT_IKE_CONFIG_CHANGED), 1);
	e = bench_find(b, EVENT_IKE_CONFIG_CHANGED);
	assert_true(says(e, "\"before\":\"aaaa\",\"after\":\"bbbb\""));
	assert_string_equal(e->message, "configuration file changed: /etc/ipsec.conf");
	files(b, PLUTO, NULL);
	assert_int_equal(bench_count_id(b, EVENT_IKE_CONFIG_CHANGED), 2);
	assert_true(says(&b->events[b->n - 1], "is gone"));
	bench_free(b);

	/* The host's own files go over to whichever daemon begins, also in another netns. */
	b = bench_new(0);
	bench_live(b);
	bench_netns(b, NS_B, "init", true);
	files_of(b, NS_B, 0, "aaaa");
	start(b, PLUTO, false);
	files_of(b, NS_B, 0, NULL);
	assert_int_equal(bench_count_id(b, EVENT_IKE_CONFIG_CHANGED), 0);
	bench_free(b);
}

static void connections(struct bench *b, const char *local, uint64_t dpd_s)
{
	list(b, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	if (local)
		connection(b, local, dpd_s);
	list(b, IKE_LIST_CONNECTIONS, DUMP_END);
}

static void a_changed_connection_is_told_by_what_differs(void **state)
{
	struct bench *b = bench_new(0);
	const struct event *e;

	(void)state;
	bench_live(b);
	start(b, PLUTO, false);
	connections(b, "10.9.0.1", 30);
	connections(b, "10.9.0.1", 30);
	assert_int_equal(bench_count_id(b, EVENT_CONNECTION_CHANGED), 0);
	connections(b, "10.9.0.1", 60);
	assert_int_equal(bench_count_id(b, EVENT_CONNECTION_CHANGED), 1);
	e = bench_find(b, EVENT_CONNECTION_CHANGED);
	assert_string_equal(e->message, "connection net changed: dpd 60 s, before: dpd 30 s");
	connections(b, NULL, 0);
	assert_true(says(&b->events[b->n - 1], "\"what\":\"unloaded\""));
	connections(b, "%any", 0);
	assert_true(says(&b->events[b->n - 1], "\"what\":\"loaded\""));
	assert_int_equal(bench_count_id(b, EVENT_CONNECTION_CHANGED), 3);
	end(b, PLUTO, SERVICE_STOPPED, "");
	start(b, PLUTO + 1, false);
	bench_settle(b);
	assert_int_equal(bench_count_id(b, EVENT_CONNECTION_CHANGED), 3);
	bench_free(b);
}

/* Beside a tunnel that carries traffic, a packet with a foreign SPI informs only. */
static void a_stray_packet_tells_how_the_tunnel_does(void **state)
{
	struct policy out = policy_of(9, "10.1.0.0/16", "10.2.0.0/16"),
		      in = policy_of(8, "10.2.0.0/16", "10.1.0.0/16");
	struct sa pair[] = { bench_sa("10.9.0.2", "10.9.0.1", 1),
		bench_sa("10.9.0.1", "10.9.0.2", 2) };
	struct bench *b = bench_new(EVIDENCE_BIT(EVIDENCE_AUDIT));
	const struct event *e;

	(void)state;
	bench_live(b);
	dump_policies(b);
	bench_address(b, NS_A, "10.9.0.1");
	start(b, PLUTO, true);
	tunnel_up(b);
	bench_drop(b, AUDIT_DROP_NOTFOUND, "10.9.0.2", "10.9.0.1", 0xdead, 1);
	bench_counter(b, NS_A, "XfrmInNoStates", 1);
	bench_settle(b);
	e = bench_find(b, EVENT_UNKNOWN_SPI);
	assert_non_null(e);
	assert_true(says(e, "\"tunnel_state\":\"tunnel net is contradictory\""));
	assert_string_equal(e->level, "warning");
	in.direction = POLICY_IN;
	add_policy(b, &out);
	add_policy(b, &in);
	pair[1].direction = DIRECTION_OUT;
	for (uint64_t packets = 0; packets < 3; packets++) {
		for (size_t i = 0; i < 2; i++) {
			pair[i].packets = packets;
			pair[i].bytes = packets * 100;
			if (packets == 0)
				bench_sa_fact(b, NS_A, SA_ADDED, &pair[i]);
		}
		bench_dump(b, NS_A, pair, 2);
		bench_poll(b);
	}
	bench_drop(b, AUDIT_DROP_NOTFOUND, "10.9.0.2", "10.9.0.1", 0xbeef, 1);
	bench_counter(b, NS_A, "XfrmInNoStates", 2);
	bench_settle(b);
	for (size_t i = 0; i < b->n; i++)
		e = b->events[i].id == EVENT_UNKNOWN_SPI ? &b->events[i] : e;
	assert_int_equal(e->spi, 0xbeef);
	assert_true(says(e, "tunnel net is up"));
	assert_string_equal(e->level, "information");
	assert_string_equal(e->peer, "blue@lab");
	bench_free(b);
}

struct rows {
	size_t n;
	struct service last;
	char sockets[256];
	bool sockets_known;
};

static bool on_row(void *userdata, const void *row)
{
	const struct service_row *r = row;
	struct rows *rows = userdata;

	rows->n++;
	rows->last = *r->service;
	rows->sockets_known = r->sockets_known;
	(void)snprintf(rows->sockets, sizeof(rows->sockets), "%s", r->sockets ? r->sockets : "");
	return true;
}

static void services_are_listed(void **state)
{
	static const char *const locals[] = { "10.9.0.1", "::" };
	struct rows rows = { 0 };
	struct bench *b = bench_new(0);

	(void)state;
	bench_live(b);
	start(b, PLUTO, true);
	sockets(b, locals, 2);
	assert_int_equal(core_each(b->core, &noun_service, on_row, &rows), 0);
	assert_int_equal(rows.n, 1);
	assert_true(rows.sockets_known);
	assert_string_equal(rows.sockets, "10.9.0.1:500 [::]:500");
	others_on(b, locals, 2);
	core_each(b->core, &noun_service, on_row, &rows);
	assert_true(rows.sockets_known);
	assert_string_equal(rows.sockets, "");
	rows.n = 1;
	end(b, PLUTO, SERVICE_FAILED, "killed");
	bench_settle(b);
	rows.n = 0;
	core_each(b->core, &noun_service, on_row, &rows);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.last.end, SERVICE_FAILED);
	/* Many that came and went leave no more than there is room for. */
	for (uint64_t i = 100; i < 100 + LIMIT_SERVICES + 20; i++) {
		struct service s = service_of(i);
		struct fact f = { .type = FACT_SERVICE, .service = s };

		bench_feed(b, &f, 1000 + i);
		f.service.end = SERVICE_STOPPED;
		bench_feed(b, &f, 1000 + i);
		bench_settle(b);
	}
	rows.n = 0;
	core_each(b->core, &noun_service, on_row, &rows);
	assert_int_equal(rows.n, LIMIT_SERVICES);
	bench_free(b);
}

static void an_end_that_waits_is_not_acknowledged(void **state)
{
	struct core_progress p;
	struct bench *b = bench_new(0);
	uint64_t seq;

	(void)state;
	bench_live(b);
	start(b, PLUTO, true);
	end(b, PLUTO, SERVICE_FAILED, "");
	seq = b->seq;
	core_progress(b->core, &p);
	assert_int_equal(p.n_pending, 1);
	assert_int_equal(p.pending[0][0], seq);
	bench_settle(b);
	core_progress(b->core, &p);
	assert_int_equal(p.n_pending, 0);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_start_that_we_see_is_told),
		cmocka_unit_test(every_end_is_told_once_by_its_kind),
		cmocka_unit_test(a_successor_comes_after_the_end),
		cmocka_unit_test(an_end_says_what_is_exposed),
		cmocka_unit_test(a_control_socket_that_never_opens_is_told_once),
		cmocka_unit_test(a_kernel_without_xfrm_is_told_as_that),
		cmocka_unit_test(a_list_of_addresses_that_stays_broken_is_told),
		cmocka_unit_test(whoever_does_not_listen_where_it_is_to_is_named),
		cmocka_unit_test(anothers_socket_is_not_the_services_own),
		cmocka_unit_test(a_policy_refused_after_a_change_is_the_changes),
		cmocka_unit_test(an_address_without_a_policy_any_more_is_told),
		cmocka_unit_test(the_last_of_many_addresses_is_known),
		cmocka_unit_test(policies_of_an_interface_that_is_gone_are_told),
		cmocka_unit_test(a_changed_file_is_told_with_before_and_after),
		cmocka_unit_test(a_changed_connection_is_told_by_what_differs),
		cmocka_unit_test(a_stray_packet_tells_how_the_tunnel_does),
		cmocka_unit_test(services_are_listed),
		cmocka_unit_test(an_end_that_waits_is_not_acknowledged),
	};

	return cmocka_run_group_tests_name("core/services", tests, NULL, NULL);
}
