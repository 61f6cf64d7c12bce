/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define SET(to, ...) ((void)snprintf(to, sizeof(to), __VA_ARGS__))

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

void daemon_service(struct bench *b, uint64_t id, uint8_t end)
{
	struct fact f = { .type = FACT_SERVICE,
		.service = { .id = id,
			.daemon = DAEMON_STRONGSWAN,
			.end = end,
			.pid = (uint32_t)(id & 0x3fffff),
			.started_us = id,
			.name = "charon" } };

	bench_feed(b, &f, NS_A);
}

void daemon_list(struct bench *b, uint64_t id, uint8_t list, uint8_t phase)
{
	struct fact f = { .type = FACT_IKE_DUMP,
		.ike_dump = { .service = id,
			.list = list,
			.phase = phase,
			.daemon = DAEMON_STRONGSWAN } };

	bench_feed(b, &f, id ? NS_A : 0);
}

void daemon_connection(struct bench *b, uint64_t id, uint8_t origin, const char *name)
{
	struct fact f = { .type = FACT_CONNECTION,
		.connection = { .service = id,
			.origin = origin,
			.daemon = DAEMON_STRONGSWAN,
			.version = 2 } };

	SET(f.connection.name, "%s", name);
	bench_feed(b, &f, id ? NS_A : 0);
}

void daemon_child(struct bench *b, uint64_t id, uint8_t origin, const char *conn, const char *name,
	uint8_t intent)
{
	struct fact f = { .type = FACT_CONNECTION_CHILD,
		.connection_child = { .service = id,
			.origin = origin,
			.daemon = DAEMON_STRONGSWAN,
			.mode = IPSEC_TUNNEL,
			.intent = intent,
			.file = "/etc/swanctl/swanctl.conf",
			.local_ts = "10.1.0.0/16",
			.remote_ts = "10.2.0.0/16" } };

	SET(f.connection_child.conn, "%s", conn);
	SET(f.connection_child.name, "%s", name);
	bench_feed(b, &f, id ? NS_A : 0);
}

void daemon_ike(struct bench *b, uint64_t id, uint64_t unique, const char *name, uint8_t state)
{
	struct fact f = { .type = FACT_IKE_SA,
		.ike_sa = { .op = IKE_OP_UP,
			.sa = { .service = id,
				.unique = unique,
				.version = 2,
				.state = state,
				.local = addr_of(LOCAL),
				.remote = addr_of(REMOTE),
				.remote_id = "blue.example" } } };

	SET(f.ike_sa.sa.name, "%s", name);
	bench_feed(b, &f, NS_A);
}

void daemon_ike_gone(struct bench *b, uint64_t id, uint64_t unique)
{
	struct fact f = { .type = FACT_IKE_SA_GONE,
		.ike_sa_gone = { .sa = { .service = id, .unique = unique } } };

	bench_feed(b, &f, NS_A);
}

struct child_sa daemon_sa(uint64_t id, uint64_t unique, uint32_t spi_in, uint32_t spi_out)
{
	return (struct child_sa){ .service = id,
		.unique = unique,
		.ike_unique = 1,
		.name = "lan",
		.ike_name = "net",
		.state = CHILD_INSTALLED,
		.mode = IPSEC_TUNNEL,
		.proto = IPPROTO_ESP,
		.spi_in = spi_in,
		.spi_out = spi_out,
		.reqid = 1,
		.local_ts = "10.1.0.0/16",
		.remote_ts = "10.2.0.0/16" };
}

void daemon_sa_there(struct bench *b, uint8_t op, uint64_t replaces, const struct child_sa *sa)
{
	struct fact f = { .type = FACT_CHILD_SA,
		.child_sa = { .op = op, .replaces = replaces, .sa = *sa } };

	bench_feed(b, &f, NS_A);
}

void daemon_sa_gone(struct bench *b, uint8_t how, const struct child_sa *sa)
{
	struct fact f = { .type = FACT_CHILD_SA_GONE, .child_sa_gone = { .how = how, .sa = *sa } };

	bench_feed(b, &f, NS_A);
}

static struct sa kernel_sa(bool in, uint32_t spi, uint64_t packets)
{
	struct sa sa = bench_sa(in ? REMOTE : LOCAL, in ? LOCAL : REMOTE, spi);

	sa.direction = in ? DIRECTION_IN : DIRECTION_OUT;
	sa.packets = packets;
	sa.bytes = packets * 100;
	return sa;
}

void daemon_kernel(struct bench *b, uint8_t op, bool in, uint32_t spi, uint64_t packets)
{
	struct sa sa = kernel_sa(in, spi, packets);

	bench_sa_fact(b, NS_A, op, &sa);
}

void daemon_kernel_gone(struct bench *b, bool in, uint32_t spi, uint64_t packets)
{
	struct sa sa = kernel_sa(in, spi, packets);

	bench_sa_gone(b, NS_A, GONE_DELETED, &sa);
}

void daemon_policy(struct bench *b, uint8_t direction, uint32_t reqid, bool there)
{
	struct prefix local = { addr_of("10.1.0.0"), 16 }, remote = { addr_of("10.2.0.0"), 16 };
	bool out = direction == POLICY_OUT;
	struct policy p = { .netns = NS_A,
		.index = 8u * (direction + 1u) + direction,
		.direction = direction,
		.selector = { .src = out ? local : remote, .dst = out ? remote : local },
		.n_templates = 1,
		.templates = { { .proto = IPPROTO_ESP, .mode = IPSEC_TUNNEL, .reqid = reqid } } };
	struct fact f = { .type = there ? FACT_POLICY : FACT_POLICY_GONE, .source = SOURCE_XFRM };

	if (there) {
		f.policy.op = SA_ADDED;
		f.policy.policy = p;
	} else {
		f.policy_gone.policy = p;
	}
	bench_feed(b, &f, NS_A);
}

void daemon_policies_known(struct bench *b)
{
	struct fact f = { .type = FACT_DUMP,
		.source = SOURCE_XFRM,
		.dump = { .kind = DUMP_POLICY, .phase = DUMP_BEGIN } };

	bench_feed(b, &f, NS_A);
	f.dump.phase = DUMP_END;
	bench_feed(b, &f, NS_A);
}

void daemon_up(struct bench *b)
{
	struct child_sa sa = daemon_sa(CHARON, 1, 0x101, 0x201);

	daemon_policies_known(b);
	daemon_service(b, CHARON, SERVICE_RUNS);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_BEGIN);
	daemon_connection(b, CHARON, ORIGIN_LOADED, "net");
	daemon_child(b, CHARON, ORIGIN_LOADED, "net", "lan", INTENT_START);
	daemon_list(b, CHARON, IKE_LIST_CONNECTIONS, DUMP_END);
	daemon_kernel(b, SA_ADDED, true, 0x101, 0);
	daemon_kernel(b, SA_ADDED, false, 0x201, 0);
	daemon_policy(b, POLICY_IN, 1, true);
	daemon_policy(b, POLICY_OUT, 1, true);
	daemon_ike(b, CHARON, 1, "net", IKE_ESTABLISHED);
	daemon_sa_there(b, IKE_OP_UP, 0, &sa);
}

struct tunnel *daemon_tunnel(struct bench *b)
{
	return tunnel_find(b->core, NS_A, DAEMON_STRONGSWAN, "net", "lan");
}

const char *daemon_verdict(struct bench *b)
{
	static struct verdict v;

	verdict_of(b->core, daemon_tunnel(b), &v);
	print_message("# %s: %s\n", v.word ? v.word : "null", v.reason);
	return v.word ? v.word : "";
}
