/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/source.h"

/* The core that the API asks: ten links, two sources, nothing else. */

#define N_LINKS 10u

int core_each(const struct core *c, const struct noun *n, core_each_fn *each, void *userdata)
{
	(void)c;
	for (unsigned i = 0; n == &noun_link && i < N_LINKS; i++) {
		struct link link = { .ifindex = i + 1, .mtu = 1500 - i % 3 * 100 };
		struct link_row row = { .link = &link, .netns = i % 2 ? "b" : "init" };

		(void)snprintf(link.name, sizeof(link.name), "veth%u", i);
		if (!each(userdata, &row))
			return 0;
	}
	for (uint8_t i = 0; n == &noun_source && i < 2; i++) {
		struct source_row row = { .id = SOURCE_XFRM,
			.state = i ? SOURCE_LOST : SOURCE_IN_STEP,
			.netns = i ? "b" : "init",
			.reason = i ? "gone" : "" };

		if (!each(userdata, &row))
			return 0;
	}
	return 0;
}

void core_status(const struct core *c, struct core_status *ret)
{
	(void)c;
	*ret = (struct core_status){ .host = "gw",
		.boot = "b-1",
		.release = "6.1",
		.version = "0",
		.started_us = 1000000,
		.now_us = 5000000,
		.n_link = N_LINKS,
		.evidence = EVIDENCE_BIT(EVIDENCE_AUDIT) };
}

static uint64_t get_boot_ns(void *userdata)
{
	return ((struct harness *)userdata)->now_ns;
}

static uint64_t get_real_us(void *userdata)
{
	return ((struct harness *)userdata)->now_us;
}

static uint64_t feed(void *userdata, struct fact *f)
{
	struct harness *h = userdata;

	if (h->n_facts < FACTS_MAX)
		h->facts[h->n_facts++] = *f;
	h->fed++;
	if (h->commits)
		api_committed(h->api, h->fed);
	return h->fed;
}

static int set_audit(void *userdata, const struct api_peer *who, const uint8_t *subcategories,
	size_t n, uint8_t setting, uint64_t *ret_ticket, struct diag *reterr)
{
	struct harness *h = userdata;
	struct fact f = { .type = FACT_AUDIT_SETTING };

	if (h->set_fails)
		return diag_set(reterr, h->set_fails, "no room");
	assert_int_equal(who->uid, h->peer.uid);
	assert_true(n <= ARRAY_LEN(h->set));
	memcpy(h->set, subcategories, n);
	h->n_set = n;
	h->setting = setting;
	*ret_ticket = feed(h, &f);
	return 0;
}

static bool refresh(void *userdata)
{
	struct harness *h = userdata;

	h->refreshes++;
	return h->observed;
}

static void log_state(void *userdata, struct api_log_state *ret)
{
	*ret = (struct api_log_state){ .last_seq = ((struct harness *)userdata)->last_seq };
}

static int get_peer(void *userdata, int fd, struct api_peer *ret)
{
	(void)fd;
	*ret = ((struct harness *)userdata)->peer;
	return 0;
}

struct api_calls harness_calls(struct harness *h)
{
	return (struct api_calls){ .userdata = h,
		.boot_ns = get_boot_ns,
		.real_us = get_real_us,
		.feed = h->log ? feed : NULL,
		.set_audit = set_audit,
		.refresh = refresh,
		.log_state = log_state,
		.peer = get_peer };
}

static void start(struct harness *h, unsigned timeout_s)
{
	struct api_options o = { .listen_fd = -1,
		.state_fd = h->state_fd,
		.timeout_s = timeout_s,
		.last_seq = h->last_seq,
		.runs_as = "a test" };

	o.calls = harness_calls(h);
	assert_int_equal(api_new(&o, &h->api, NULL), 0);
	api_committed(h->api, h->fed);
}

void harness_init(struct harness *h, bool with_log)
{
	struct eventlog_options o = { .host = "gw", .boot = "b-1", .segment_size = 1 << 20 };
	struct eventlog_restore restore = { 0 };
	struct eventlog_end end;
	struct diag d = { 0 };

	memset(h, 0, sizeof(*h));
	h->now_ns = 1000000000u;
	h->now_us = 1800000000000000u;
	h->peer = (struct api_peer){
		.uid = 5, .pid = 50, .auid = 500, .may_read = true, .may_change = true
	};
	h->commits = true;
	h->state_fd = -1;
	if (with_log) {
		(void)snprintf(h->dir, sizeof(h->dir), "/tmp/test-api-XXXXXX");
		assert_non_null(mkdtemp(h->dir));
		h->state_fd = open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(h->state_fd >= 0);
		o.dir_fd = h->state_fd;
		if (eventlog_open(&o, &restore, &end, &h->log, &d) < 0)
			fail_msg("%s", d.text);
	}
	start(h, 30);
}

void harness_restart(struct harness *h, unsigned timeout_s)
{
	h->api = api_free(h->api);
	start(h, timeout_s);
}

void harness_done(struct harness *h)
{
	char command[128];

	api_free(h->api);
	eventlog_free(h->log);
	if (h->state_fd >= 0)
		close(h->state_fd);
	if (h->dir[0]) {
		(void)snprintf(command, sizeof(command), "rm -r %s", h->dir);
		assert_int_equal(system(command), 0);
	}
}

static void committed(void *userdata, struct span line)
{
	api_event(((struct harness *)userdata)->api, line);
}

void log_events(struct harness *h, uint64_t n)
{
	struct eventlog_commit c = { .time_us = h->now_us };

	for (uint64_t i = 0; i < n; i++) {
		struct event e = { .seq = ++h->last_seq, .name = "integrity_failed", .count = 1 };

		e.id = e.seq % 2 ? 4960 : 4965;
		e.time_us = h->now_us + e.seq * 1000000u;
		e.has_spi = true;
		e.spi = (uint32_t)(e.seq % 7);
		e.host = "gw";
		eventlog_event(h->log, &e);
	}
	assert_int_equal(eventlog_commit(h->log, &c, committed, h), 0);
	api_committed(h->api, h->fed);
}

void settle(struct harness *h)
{
	api_committed(h->api, h->fed);
}

int client(struct harness *h)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(api_adopt(h->api, fds[1]), 0);
	return fds[0];
}

void client_send(int fd, const char *text)
{
	size_t n = strlen(text);

	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

static bool receive(int fd, struct buf *got)
{
	char part[65536];
	ssize_t n = fd < 0 ? -1 : recv(fd, part, sizeof(part), 0);

	if (n > 0)
		buf_append(got, part, (size_t)n);
	return n > 0;
}

void pump(struct harness *h, int fd, struct buf *got)
{
	unsigned idle = 0;

	while (idle < 5) {
		bool busy;

		api_run(h->api);
		busy = receive(fd, got);
		/* 0: the API has something to do at once */
		if (!busy && api_timeout_ms(h->api) != 0)
			idle++;
		else
			idle = 0;
	}
}

void answer_done(struct answer *a)
{
	buf_done(&a->head);
	buf_done(&a->body);
}

static void chunks_join(const char *p, const char *end, struct buf *out)
{
	while (p < end) {
		char *behind;
		size_t n = strtoul(p, &behind, 16);

		p = strstr(behind, "\r\n");
		if (!p || n == 0 || (size_t)(end - p) < n + 2)
			break;
		buf_append(out, p + 2, n);
		p += 2 + n + 2;
	}
}

void answer_of(const struct buf *octets, struct answer *ret)
{
	const char *end = octets->p ? strstr(octets->p, "\r\n\r\n") : NULL;

	*ret = (struct answer){ 0 };
	buf_text(&ret->body, "");
	buf_text(&ret->head, "");
	if (!end || sscanf(octets->p, "HTTP/1.1 %u", &ret->status) != 1)
		return;
	buf_append(&ret->head, octets->p, (size_t)(end - octets->p));
	end += 4;
	if (strstr(ret->head.p, "chunked"))
		chunks_join(end, octets->p + octets->n, &ret->body);
	else
		buf_append(&ret->body, end, octets->n - (size_t)(end - octets->p));
}

void ask(struct harness *h, const char *method, const char *url, const char *more, const char *body,
	struct answer *ret)
{
	CLEANUP_BUF struct buf octets = { 0 }, got = { 0 };
	int fd = client(h);

	buf_printf(&octets, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", method, url,
		more ? more : "");
	if (body)
		buf_printf(&octets, "Content-Length: %zu\r\n", strlen(body));
	buf_printf(&octets, "\r\n%s", body ? body : "");
	client_send(fd, octets.p);
	pump(h, fd, &got);
	close(fd);
	pump(h, -1, NULL);
	answer_of(&got, ret);
}

size_t facts_of(const struct harness *h, unsigned type, unsigned op)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_facts; i++)
		n += h->facts[i].type == type &&
		     (type != FACT_ACCESS || h->facts[i].access.op == op);
	return n;
}
