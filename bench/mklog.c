/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "store/eventlog.h"

/*
 * Writes an event log of drops as a busy gateway sees them, through the store's own writer; and the
 * audit records of the same packets, for those who read these. The same arguments give the same
 * events.
 *
 * usage: mklog [-p PEERS] [-s SEED] [-g EVENTS] [-S OCTETS] [-a FILE] DIR EVENTS
 *   -p  source addresses (20000)    -s  seed (1)
 *   -g  events a group (1000)       -S  octets of a segment (64 MiB)
 *   -a  write the audit records (type 1415) to FILE
 */
#define START_US UINT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define STEP_US 997u /* about a thousand events a second */
#define GATEWAYS 4u
#define NETNS 8u
#define IDS_MAX 32u

struct mklog {
	uint64_t state; /* of the random numbers */
	unsigned peers;
	uint32_t *seqno; /* next of each peer */
	uint32_t ids[IDS_MAX];
	size_t n_ids;
	FILE *audit;
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_u64(struct mklog *m)
{
	uint64_t z = m->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static struct addr address(uint32_t v)
{
	const uint8_t octets[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
		(uint8_t)v };

	return addr_make(AF_INET, octets);
}

/* All that the driver drops for a reason. */
static void take_ids(struct mklog *m)
{
	for (size_t i = 0; i < catalog_n_events && m->n_ids < IDS_MAX; i++) {
		if (catalog_events[i].subcategory == SUBCATEGORY_IPSEC_DRIVER)
			m->ids[m->n_ids++] = catalog_events[i].id;
	}
}

static void event_make(struct mklog *m, uint64_t seq, struct event *e)
{
	static const char *const netns[NETNS] = { "init", "paris", "london", "rome", "oslo", "lima",
		"delhi", "quito" };
	unsigned peer = (unsigned)(random_u64(m) % m->peers);
	uint64_t r = random_u64(m);

	catalog_event_init(e, m->ids[r % m->n_ids]);
	e->seq = seq;
	e->time_us = START_US + seq * STEP_US;
	e->host = "gateway";
	e->boot = "5d3c0ffe-1c2b-4d7e-9a4b-8f6e2d1c0b3a";
	e->count = 1;
	e->counter = "XfrmInStateProtoError";
	e->netns = netns[(r >> 8) % NETNS];
	e->direction = DIRECTION_IN;
	e->src = address(0x0a000000u + peer * 7);
	e->dst = address(0xc0000201u + (uint32_t)((r >> 16) % GATEWAYS));
	e->proto = 50;
	e->has_spi = e->has_seqno = true;
	e->spi = 0xc0000000u | peer * 0x9e37u;
	e->seqno = ++m->seqno[peer];
	e->evidence = EVIDENCE_AUDIT;
	catalog_render(e);
}

static void audit_write(const struct mklog *m, const struct event *e)
{
	char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];
	const char *op = e->id == EVENT_INTEGRITY_FAILED ? "SA-icv-failure" : "SA-replayed-pkt";

	(void)fprintf(m->audit,
		"type=MAC_IPSEC_EVENT msg=audit(%llu.%03llu:%llu): op=%s src=%s dst=%s "
		"spi=%u(0x%x) seqno=%u\n",
		(unsigned long long)(e->time_us / 1000000), e->time_us / 1000 % 1000ull,
		(unsigned long long)e->seq, op, addr_format(&e->src, src),
		addr_format(&e->dst, dst), e->spi, e->spi, e->seqno);
}

static int write_log(
	struct mklog *m, struct eventlog *l, uint64_t first, uint64_t n, uint64_t group)
{
	struct event e;
	int r = 0;

	for (uint64_t i = 0; i < n && r == 0; i++) {
		event_make(m, first + i, &e);
		eventlog_event(l, &e);
		if (m->audit)
			audit_write(m, &e);
		if ((i + 1) % group == 0 || i + 1 == n)
			r = eventlog_commit(l,
				&(struct eventlog_commit){ .time_us = e.time_us, .epoch = 1 }, NULL,
				NULL);
	}
	return r;
}

static int run(struct mklog *m, const char *dir, uint64_t n, uint64_t group, uint64_t segment_size)
{
	struct eventlog_options o = { .host = "gateway",
		.boot = "5d3c0ffe-1c2b-4d7e-9a4b-8f6e2d1c0b3a",
		.segment_size = segment_size };
	CLEANUP(eventlog) struct eventlog *l = NULL;
	struct diag why = { "" };
	struct eventlog_end end;
	int r;

	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return -errno;
	o.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o.dir_fd < 0)
		return -errno;
	r = eventlog_open(&o, NULL, &end, &l, &why);
	if (r < 0)
		(void)fprintf(stderr, "mklog: %s\n", why.text);
	else
		r = write_log(m, l, end.last_seq + 1, n, group);
	(void)close(o.dir_fd);
	return r;
}

int main(int argc, char **argv)
{
	struct mklog m = { .state = 1, .peers = 20000 };
	uint64_t group = 1000, segment_size = (uint64_t)64 << 20;
	int option, r;

	while ((option = getopt(argc, argv, "p:s:g:S:a:")) != -1) {
		if (option == 'p')
			m.peers = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 's')
			m.state = strtoull(optarg, NULL, 10);
		else if (option == 'g')
			group = strtoull(optarg, NULL, 10);
		else if (option == 'S')
			segment_size = strtoull(optarg, NULL, 10);
		else if (option != 'a' || !(m.audit = fopen(optarg, "we")))
			return 2;
	}
	if (argc - optind != 2 || m.peers == 0 || group == 0) {
		(void)fprintf(stderr, "usage: mklog [-p PEERS] [-s SEED] [-g EVENTS] [-S OCTETS] "
				      "[-a FILE] DIR EVENTS\n");
		return 2;
	}
	m.seqno = calloc(m.peers, sizeof(*m.seqno));
	if (!m.seqno)
		return 1;
	take_ids(&m);
	r = run(&m, argv[optind], strtoull(argv[optind + 1], NULL, 10), group, segment_size);
	if (m.audit && fclose(m.audit) != 0 && r == 0)
		r = -errno;
	free(m.seqno);
	if (r < 0)
		(void)fprintf(stderr, "mklog: %s: %s\n", argv[optind], strerror(-r));
	return r < 0;
}
