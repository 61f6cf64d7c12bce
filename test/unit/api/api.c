/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

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
#include <jansson.h>

#include "api/access.h"
#include "harness.h"
#include "store/headsfile.h"

#define LINES "Accept: application/x-ndjson\r\n"

static int setup(void **state)
{
	struct harness *h = malloc(sizeof(*h));

	harness_init(h, true);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_done(*state);
	free(*state);
	return 0;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

static json_t *json_of(const struct answer *a)
{
	json_error_t error;
	json_t *j = json_loads(a->body.p, JSON_REJECT_DUPLICATES, &error);

	if (!j)
		fail_msg("%u %s: %s", a->status, a->body.p, error.text);
	return j;
}

static void words_must_be_words(void **state)
{
	CLEANUP_ANSWER struct answer a = { 0 }, b = { 0 };
	struct harness *h = *state;

	log_events(h, 3);
	ask(h, "GET", "/api/v1/events?text=--", "", NULL, &a);
	assert_int_equal(a.status, 400);
	assert_non_null(strstr(a.body.p, "no word"));
	ask(h, "GET", "/api/v1/events?text=nowhere", "", NULL, &b);
	assert_int_equal(b.status, 200);
	assert_string_equal(b.body.p, "{\"items\":[],\"more\":false}\n");
}

static void without_an_index_there_is_none_to_build(void **state)
{
	CLEANUP_ANSWER struct answer a = { 0 };
	struct harness *h = *state;

	ask(h, "POST", "/api/v1/log/reindex", "", "", &a);
	assert_int_equal(a.status, 404);
}

static void rows_are_asked(void **state)
{
	struct harness *h = *state;
	CLEANUP_ANSWER struct answer a, lines, sorted;
	json_t *j;

	ask(h, "GET", "/api/v1/link?where=netns=b,mtu%3E1300&offset=1&limit=2", NULL, NULL, &a);
	assert_int_equal(a.status, 200);
	j = json_of(&a);
	assert_int_equal(json_integer_value(json_object_get(j, "total")), 4);
	assert_int_equal(json_array_size(json_object_get(j, "items")), 2);
	json_decref(j);
	ask(h, "GET", "/api/v1/link", LINES, NULL, &lines);
	assert_int_equal(lines.status, 200);
	assert_int_equal(count(lines.body.p, "\n"), 10);
	assert_non_null(strstr(lines.head.p, "X-Total-Count: 10"));
	assert_non_null(strstr(lines.head.p, "application/x-ndjson"));
	ask(h, "GET", "/api/v1/link?sort=-mtu,-name&limit=2&offset=1", LINES, NULL, &sorted);
	assert_int_equal(count(sorted.body.p, "\n"), 2);
	assert_non_null(strstr(sorted.body.p, "\"name\":\"veth6\""));
	assert_true(strstr(sorted.body.p, "veth6") < strstr(sorted.body.p, "veth3"));
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *method, *url;
		unsigned status;
		const char *says;
	} cases[] = { { "GET", "/api/v1/link?where=nam=x", 400, "nam" },
		{ "GET", "/api/v1/link?sort=x", 400, "'x'" },
		{ "GET", "/api/v1/link?limit=x", 400, "limit" },
		{ "GET", "/api/v1/link?wher=x", 400, "where sort limit offset" },
		{ "GET", "/api/v1/links", 404, "links" }, { "GET", "/", 404, "error" },
		{ "DELETE", "/api/v1/link", 405, "GET" }, { "GET", "/api/v1/refresh", 405, "POST" },
		{ "GET", "/api/v1/events?order=up", 400, "up" },
		{ "GET", "/api/v1/events?id=x", 400, "id" },
		{ "GET", "/api/v1/events?since=never", 400, "since" },
		{ "GET", "/api/v1/stream?since_seq=-1", 400, "since_seq" },
		{ "GET", "/api/v1/log/segments/..", 404, "segment" },
		{ "GET", "/api/v1/log/segments/00000000000000000099.jsonl", 404, "such" },
		{ "PUT", "/api/v1/audit-setting", 400, "name" } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_ANSWER struct answer a;
		json_t *j;

		ask(*state, cases[i].method, cases[i].url, NULL, NULL, &a);
		if (a.status != cases[i].status || !strstr(a.body.p, cases[i].says))
			fail_msg("%s: %u %s", cases[i].url, a.status, a.body.p);
		j = json_of(&a);
		assert_true(json_is_string(json_object_get(j, "error")));
		assert_non_null(json_object_get(j, "hint"));
		json_decref(j);
	}
}

static void status_and_schema_are_whole(void **state)
{
	struct harness *h = *state;
	CLEANUP_ANSWER struct answer a, s;
	json_t *j, *source;
	size_t n_nouns = 0;

	log_events(h, 3);
	ask(h, "GET", "/api/v1/status", NULL, NULL, &a);
	j = json_of(&a);
	assert_string_equal(json_string_value(json_object_get(j, "host")), "gw");
	assert_string_equal(json_string_value(json_object_get(j, "runs_as")), "a test");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(j, "log"), "last_seq")), 3);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(j, "log"), "segments")), 1);
	source = json_array_get(json_object_get(j, "sources"), 0);
	assert_string_equal(json_string_value(json_object_get(source, "state")), "lost");
	assert_string_equal(json_string_value(json_object_get(source, "reason")), "gone");
	json_decref(j);
	ask(h, "GET", "/api/v1/schema", NULL, NULL, &s);
	j = json_of(&s);
	while (nouns[n_nouns])
		n_nouns++;
	assert_int_equal(json_array_size(json_object_get(j, "nouns")), n_nouns);
	json_decref(j);
}

static void strangers_are_refused_and_logged(void **state)
{
	struct harness *h = *state;
	CLEANUP_ANSWER struct answer last;

	h->peer.may_read = h->peer.may_change = false;
	for (unsigned i = 0; i < 100; i++) {
		CLEANUP_ANSWER struct answer a;

		ask(h, "GET", "/api/v1/status", NULL, NULL, &a);
		assert_int_equal(a.status, 403);
		assert_null(strstr(a.body.p, "host"));
	}
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_REFUSED), ACCESS_AT_ONCE);
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_ACCEPTED), 0);
	assert_int_equal(h->facts[0].access.uid, 5);
	assert_int_equal(h->facts[0].access.auid, 500);
	assert_string_equal(h->facts[0].access.what, "GET /api/v1/status");
	h->now_ns += ACCESS_EACH_NS;
	ask(h, "GET", "/api/v1/status", NULL, NULL, &last);
	assert_non_null(strstr(h->facts[h->n_facts - 1].access.reason, "90 more"));
}

static void readers_change_nothing(void **state)
{
	struct harness *h = *state;
	CLEANUP_ANSWER struct answer a, b, c;

	h->peer.may_change = false;
	ask(h, "GET", "/api/v1/status", NULL, NULL, &a);
	assert_int_equal(a.status, 200);
	ask(h, "PUT", "/api/v1/audit-setting", NULL, "{\"name\":\"System\",\"setting\":\"none\"}",
		&b);
	assert_int_equal(b.status, 403);
	assert_int_equal(h->n_set, 0);
	ask(h, "POST", "/api/v1/refresh", NULL, NULL, &c);
	assert_int_equal(c.status, 403);
	assert_int_equal(h->refreshes, 0);
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_REFUSED), 2);
}

static void polling_does_not_flood_the_log(void **state)
{
	struct harness *h = *state;

	for (unsigned i = 0; i < 20; i++) {
		CLEANUP_ANSWER struct answer a, b;

		ask(h, "GET", "/api/v1/status", NULL, NULL, &a);
		ask(h, "GET", "/api/v1/events?limit=1", NULL, NULL, &b);
		if (i == 9)
			h->peer.pid++;
		if (i == 14)
			h->now_ns += ACCESS_FOLD_NS;
	}
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_ACCEPTED), 3);
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_LOG_READ), 3);
}

static void new_processes_of_one_user_are_summed_up(void **state)
{
	struct harness *h = *state;
	CLEANUP_ANSWER struct answer last;

	for (unsigned i = 0; i < 30; i++) {
		CLEANUP_ANSWER struct answer a;

		ask(h, "GET", "/api/v1/status", NULL, NULL, &a);
		h->peer.pid++;
	}
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_ACCEPTED), ACCESS_AT_ONCE);
	h->peer.uid++; /* another user has a tale of their own */
	ask(h, "GET", "/api/v1/status", NULL, NULL, &last);
	answer_done(&last);
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_ACCEPTED), ACCESS_AT_ONCE + 1);
	h->peer.uid--;
	h->now_ns += ACCESS_EACH_NS;
	ask(h, "GET", "/api/v1/status", NULL, NULL, &last);
	assert_non_null(strstr(h->facts[h->n_facts - 1].access.reason, "20 more"));
}

static void events_come_in_order_and_parts(void **state)
{
	static const struct {
		const char *query;
		size_t n;
		const char *first; /* in the first line */
	} cases[] = { { "", 5000, "\"seq\":1," }, { "?limit=3", 3, "\"seq\":5000," },
		{ "?order=desc", 5000, "\"seq\":5000," },
		{ "?limit=3&order=asc&offset=2", 3, "\"seq\":3," },
		{ "?id=4965", 2500, "\"seq\":2," },
		{ "?id=4960,4965&where=spi=0x6", 714, "\"seq\":6," },
		{ "?sort=-spi,seq&limit=2", 2, "\"seq\":6," },
		{ "?sort=spi,-seq&limit=1&offset=1", 1, "\"seq\":4991," }, { "?id=1", 0, NULL },
		{ "?where=seq%3E4990", 10, "\"seq\":4991," } };
	struct harness *h = *state;

	log_events(h, 2500);
	log_events(h, 2500);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_ANSWER struct answer a;
		char url[128];
		char *newline;

		(void)snprintf(url, sizeof(url), "/api/v1/events%s", cases[i].query);
		ask(h, "GET", url, LINES, NULL, &a);
		assert_int_equal(a.status, 200);
		assert_int_equal(count(a.body.p, "\n"), cases[i].n);
		newline = strchr(a.body.p, '\n');
		if (newline)
			*newline = '\0';
		if (cases[i].first && !strstr(a.body.p, cases[i].first))
			fail_msg("%s: %s", cases[i].query, a.body.p);
	}
}

static void events_are_found_by_time(void **state)
{
	struct harness *h = *state;
	CLEANUP_ANSWER struct answer a, b;
	json_t *j;

	log_events(h, 100);
	h->now_us += 100u * 1000000u; /* event 100 is of now */
	ask(h, "GET", "/api/v1/events?since=10s&until=2s", LINES, NULL, &a);
	assert_int_equal(count(a.body.p, "\n"), 8);
	ask(h, "GET", "/api/v1/events?since=10s&limit=5", NULL, NULL, &b);
	j = json_of(&b);
	assert_int_equal(json_array_size(json_object_get(j, "items")), 5);
	assert_true(json_is_true(json_object_get(j, "more")));
	json_decref(j);
}

static void nothing_is_read_before_it_is_logged(void **state)
{
	struct harness *h = *state;
	CLEANUP_BUF struct buf got = { 0 };
	CLEANUP_ANSWER struct answer a, late;
	int fd;

	log_events(h, 1);
	h->commits = false;
	fd = client(h);
	client_send(fd, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
	pump(h, fd, &got);
	assert_int_equal(got.n, 0);
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_LOG_READ), 1);
	settle(h);
	pump(h, fd, &got);
	close(fd);
	answer_of(&got, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(count(a.body.p, "\"seq\":"), 1);
	h->peer.pid++;
	fd = client(h);
	client_send(fd, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
	buf_clear(&got);
	pump(h, fd, &got);
	assert_int_equal(got.n, 0);
	h->now_ns += 6ull * 1000000000u; /* the disk is full */
	pump(h, fd, &got);
	close(fd);
	answer_of(&got, &late);
	assert_int_equal(late.status, 503);
	assert_null(strstr(late.body.p, "seq"));
}

static void segments_are_exported_whole_and_logged(void **state)
{
	static const char name[] = "00000000000000000001.jsonl";
	struct harness *h = *state;
	CLEANUP_ANSWER struct answer a, b;
	char path[128], file[65536];
	ssize_t n;
	int fd;

	log_events(h, 20);
	ask(h, "GET", "/api/v1/log/segments", NULL, NULL, &a);
	assert_non_null(strstr(a.body.p, name));
	(void)snprintf(path, sizeof(path), "/api/v1/log/segments/%s", name);
	ask(h, "GET", path, NULL, NULL, &b);
	assert_int_equal(b.status, 200);
	(void)snprintf(path, sizeof(path), "%s/log/%s", h->dir, name);
	fd = open(path, O_RDONLY);
	n = read(fd, file, sizeof(file));
	close(fd);
	assert_true(n > 0);
	assert_int_equal(b.body.n, n);
	assert_memory_equal(b.body.p, file, (size_t)n);
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_LOG_EXPORTED), 1);
	assert_string_equal(h->facts[h->n_facts - 1].access.what, name);
}

static void heads_and_keys_are_served(void **state)
{
	static const char second[] = "number\":12,";
	CLEANUP_ANSWER struct answer none = { 0 }, no_key = { 0 }, all = { 0 }, some = { 0 },
				     lines = { 0 }, wrong = { 0 }, key = { 0 };
	uint8_t secret[SECRET_KEY_SIZE] = { 7 };
	CLEANUP(headsfile) struct headsfile *file = NULL;
	struct harness *h = *state;
	struct public_key k;
	struct diag d;
	int fd;

	ask(h, "GET", "/api/v1/log/heads", NULL, NULL, &none);
	assert_int_equal(none.status, 200);
	assert_string_equal(none.body.p, "{\"items\":[],\"total\":0}\n");
	ask(h, "GET", "/api/v1/log/keys", NULL, NULL, &no_key);
	assert_int_equal(no_key.status, 404);
	assert_non_null(strstr(no_key.body.p, "not signed"));

	assert_int_equal(secret_public(secret, &k), 0);
	assert_int_equal(headsfile_open(h->state_fd, &file, &d), 0);
	for (uint64_t i = 11; i < 14; i++) {
		struct signed_head head = { .number = i, .host = "gw1", .boot = "b", .line = i };
		CLEANUP_BUF struct buf line = { 0 };

		assert_int_equal(signed_head_write(&head, secret, &k, &line), 0);
		assert_int_equal(headsfile_append(file, buf_span(&line)), 0);
	}
	fd = openat(h->state_fd, KEYS_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "the keys\n", 9), 9);
	(void)close(fd);
	ask(h, "GET", "/api/v1/log/heads", NULL, NULL, &all);
	assert_non_null(strstr(all.body.p, second));
	assert_non_null(strstr(all.body.p, "],\"total\":3}"));
	ask(h, "GET", "/api/v1/log/heads?since=12", NULL, NULL, &some);
	assert_null(strstr(some.body.p, second));
	assert_non_null(strstr(some.body.p, "],\"total\":1}"));
	ask(h, "GET", "/api/v1/log/heads?since=11", "Accept: application/x-ndjson\r\n", NULL,
		&lines);
	assert_memory_equal(lines.body.p, SIGNED_HEAD_BEGIN "\"number\":12,", 33);
	assert_int_equal(lines.body.p[lines.body.n - 1], '\n');
	ask(h, "GET", "/api/v1/log/heads?since=x", NULL, NULL, &wrong);
	assert_int_equal(wrong.status, 400);
	assert_non_null(strstr(wrong.body.p, "'x' is no number"));
	ask(h, "GET", "/api/v1/log/keys", NULL, NULL, &key);
	assert_int_equal(key.status, 200);
	assert_string_equal(key.body.p, "the keys\n");
	assert_non_null(strstr(key.head.p, "application/x-pem-file"));
}

static void sealed_segments_are_exported_as_they_are(void **state)
{
	static const char plain[] = "/api/v1/log/segments/00000000000000000001.jsonl";
	struct harness *h = *state;
	CLEANUP_ANSWER struct answer list, gone, file, events;
	char path[128], octets[65536], size[64];
	ssize_t n;
	int fd, r;

	log_events(h, 20);
	eventlog_set_limits(h->log, 1, 0, 0);
	log_events(h, 1);
	while ((r = eventlog_seal(h->log)) > 0)
		;
	assert_int_equal(r, 0);
	(void)snprintf(path, sizeof(path), "%s/log/00000000000000000001.jsonl.zst", h->dir);
	fd = open(path, O_RDONLY);
	n = read(fd, octets, sizeof(octets));
	close(fd);
	assert_true(n > 0);
	ask(h, "GET", "/api/v1/log/segments", NULL, NULL, &list);
	(void)snprintf(size, sizeof(size), "\"sealed\":true,\"size\":%zd,\"text_size\":", n);
	assert_non_null(strstr(list.body.p, "{\"name\":\"00000000000000000001.jsonl.zst\","));
	assert_non_null(strstr(list.body.p, size));
	assert_non_null(strstr(list.body.p, "\"sealed\":false,"));
	ask(h, "GET", plain, NULL, NULL, &gone);
	assert_int_equal(gone.status, 404);
	(void)snprintf(path, sizeof(path), "%s.zst", plain);
	ask(h, "GET", path, NULL, NULL, &file);
	assert_int_equal(file.status, 200);
	assert_non_null(strstr(file.head.p, "application/zstd"));
	assert_int_equal(file.body.n, n);
	assert_memory_equal(file.body.p, octets, (size_t)n);
	ask(h, "GET", "/api/v1/events?where=seq<=20", "Accept: application/x-ndjson\r\n", NULL,
		&events);
	assert_non_null(strstr(events.body.p, "\"seq\":1,"));
	assert_non_null(strstr(events.body.p, "\"seq\":20,"));
}

static void settings_are_changed_by_name(void **state)
{
	struct harness *h = *state;
	CLEANUP_ANSWER struct answer a, b, c, d;

	ask(h, "PUT", "/api/v1/audit-setting", NULL,
		"{\"name\":\"ipsec driver\",\"setting\":\"success and failure\"}", &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(h->n_set, 1);
	assert_int_equal(h->setting, AUDIT_BOTH);
	ask(h, "PUT", "/api/v1/audit-setting", NULL, "{\"name\":\"System\",\"setting\":\"none\"}",
		&b);
	assert_int_equal(b.status, 200);
	assert_true(h->n_set > 1);
	assert_int_equal(h->setting, AUDIT_NONE);
	ask(h, "PUT", "/api/v1/audit-setting", NULL, "{\"name\":\"System\",\"setting\":\"loud\"}",
		&c);
	assert_int_equal(c.status, 400);
	assert_non_null(strstr(c.body.p, "loud"));
	h->set_fails = -ENOSPC;
	ask(h, "PUT", "/api/v1/audit-setting", NULL, "{\"name\":\"System\",\"setting\":\"none\"}",
		&d);
	assert_int_equal(d.status, 500);
	assert_int_equal(facts_of(h, FACT_ACCESS, ACCESS_ACCEPTED), 4);
}

static void a_change_is_acknowledged_when_durable(void **state)
{
	static const char body[] = "{\"name\":\"System\",\"setting\":\"none\"}";
	struct harness *h = *state;
	CLEANUP_BUF struct buf got = { 0 };
	char head[256];
	int fd;

	h->commits = false;
	fd = client(h);
	(void)snprintf(head, sizeof(head),
		"PUT /api/v1/audit-setting HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(body), body);
	client_send(fd, head);
	pump(h, fd, &got);
	assert_true(h->n_set > 0);
	assert_int_equal(got.n, 0);
	settle(h);
	pump(h, fd, &got);
	assert_int_equal(strncmp(got.p, "HTTP/1.1 200", 12), 0);
	close(fd);
}

static void bodies_are_bounded(void **state)
{
	struct harness *h = *state;
	CLEANUP_BUF struct buf got = { 0 };
	char *large = malloc(API_BODY_MAX + 2);
	CLEANUP_ANSWER struct answer a;
	int fd;

	memset(large, ' ', API_BODY_MAX + 1);
	large[API_BODY_MAX + 1] = '\0';
	ask(h, "PUT", "/api/v1/audit-setting", NULL, large, &a);
	assert_int_equal(a.status, 413);
	fd = client(h);
	client_send(fd, "PUT /api/v1/audit-setting HTTP/1.1\r\nHost: x\r\n"
			"Transfer-Encoding: chunked\r\n\r\n10001\r\n");
	pump(h, fd, &got);
	client_send(fd, large);
	pump(h, fd, &got);
	assert_int_equal(h->n_set, 0);
	assert_int_equal(recv(fd, large, 1, 0), 0); /* closed */
	close(fd);
	free(large);
}

static void refresh_waits_for_a_round_of_its_own(void **state)
{
	struct harness *h = *state;
	CLEANUP_BUF struct buf got = { 0 }, late = { 0 };
	CLEANUP_ANSWER struct answer none;
	int fd;

	ask(h, "POST", "/api/v1/refresh", NULL, NULL, &none);
	assert_non_null(strstr(none.body.p, "\"fresh\":false"));
	h->observed = true;
	fd = client(h);
	client_send(fd, "POST /api/v1/refresh HTTP/1.1\r\nHost: x\r\n\r\n");
	pump(h, fd, &got);
	api_polled(h->api, ++h->fed); /* may have begun before the request */
	pump(h, fd, &got);
	assert_int_equal(got.n, 0);
	assert_int_equal(h->refreshes, 3);
	api_polled(h->api, ++h->fed);
	pump(h, fd, &got);
	assert_int_equal(got.n, 0); /* what it brought is not yet in the log */
	settle(h);
	pump(h, fd, &got);
	assert_non_null(strstr(got.p, "\"fresh\":true"));
	client_send(fd, "POST /api/v1/refresh HTTP/1.1\r\nHost: x\r\n\r\n");
	pump(h, fd, &late);
	assert_int_equal(late.n, 0);
	h->now_ns += 3ull * 1000000000u;
	pump(h, fd, &late);
	assert_non_null(strstr(late.p, "\"fresh\":false"));
	close(fd);
}

static int stream_open(struct harness *h, const char *query)
{
	char head[256];
	int fd = client(h);

	(void)snprintf(head, sizeof(head),
		"GET /api/v1/stream%s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n",
		query);
	client_send(fd, head);
	return fd;
}

/* Every id from first to last once, in order. */
static void expect_ids(const struct buf *got, uint64_t first, uint64_t last)
{
	CLEANUP_ANSWER struct answer a;
	const char *p;

	answer_of(got, &a);
	assert_int_equal(a.status, 200);
	p = a.body.p;
	for (uint64_t seq = first; seq <= last; seq++) {
		unsigned long long id = 0;

		p = strstr(p, "id: ");
		assert_non_null(p);
		assert_int_equal(sscanf(p, "id: %llu\nevent: event\ndata: {", &id), 1);
		assert_int_equal(id, seq);
		p += 4;
	}
	assert_null(strstr(p, "id: "));
}

static void streams_begin_now(void **state)
{
	struct harness *h = *state;
	CLEANUP_BUF struct buf got = { 0 };
	int fd;

	log_events(h, 5);
	fd = stream_open(h, "");
	pump(h, fd, &got);
	assert_non_null(strstr(got.p, "text/event-stream"));
	log_events(h, 3);
	pump(h, fd, &got);
	log_events(h, 2);
	pump(h, fd, &got);
	expect_ids(&got, 6, 10);
	close(fd);
	pump(h, -1, NULL);
}

static void streams_resume_from_the_log(void **state)
{
	struct harness *h = *state;
	CLEANUP_BUF struct buf got = { 0 }, other = { 0 };
	uint64_t n = API_RING_LINES + 3000;
	int fd, next;

	log_events(h, n);
	fd = stream_open(h, "?since_seq=3");
	pump(h, fd, &got);
	log_events(h, 7);
	pump(h, fd, &got);
	expect_ids(&got, 4, n + 7);
	harness_restart(h, 30); /* as another process: the ring is empty */
	close(fd);
	fd = stream_open(h, "?since_seq=7000");
	pump(h, fd, &other);
	log_events(h, 1);
	pump(h, fd, &other);
	expect_ids(&other, 7001, n + 8);
	next = stream_open(h, "?since_seq=99999999");
	buf_clear(&got);
	pump(h, next, &got);
	log_events(h, 1);
	pump(h, next, &got);
	assert_null(strstr(got.p, "id: "));
	close(next);
	close(fd);
}

static void streams_are_filtered(void **state)
{
	struct harness *h = *state;
	CLEANUP_BUF struct buf got = { 0 };
	int fd = stream_open(h, "?id=4965&where=spi%3D2");

	pump(h, fd, &got);
	log_events(h, 16);
	pump(h, fd, &got);
	assert_int_equal(count(got.p, "id: "), 2); /* 2, 9, 16 have that SPI */
	assert_non_null(strstr(got.p, "id: 2\n"));
	assert_non_null(strstr(got.p, "id: 16\n"));
	close(fd);
}

static void silent_streams_show_life(void **state)
{
	struct harness *h = *state;
	CLEANUP_BUF struct buf got = { 0 };
	int fd = stream_open(h, "");

	pump(h, fd, &got);
	assert_int_equal(count(got.p, ": alive"), 1);
	h->now_ns += 20ull * 1000000000u;
	pump(h, fd, &got);
	assert_int_equal(count(got.p, ": alive"), 2);
	pump(h, fd, &got);
	assert_int_equal(count(got.p, ": alive"), 2);
	close(fd);
}

static void who_does_not_read_is_cut_off(void **state)
{
	struct harness *h = *state;
	struct api_counts counts;
	int fd, other;

	harness_restart(h, 1);
	fd = stream_open(h, "");
	other = stream_open(h, "");
	pump(h, -1, NULL);
	for (unsigned i = 0; i < 20; i++) {
		CLEANUP_BUF struct buf got = { 0 };

		log_events(h, 500);
		pump(h, other, &got);
	}
	api_counts(h->api, &counts);
	assert_int_equal(counts.streams, 2);
	for (unsigned i = 0; i < 30 && counts.streams == 2; i++) {
		CLEANUP_BUF struct buf got = { 0 };

		usleep(100000);
		h->now_ns += 20ull * 1000000000u; /* a sign of life for the other one */
		pump(h, other, &got);
		api_counts(h->api, &counts);
	}
	assert_int_equal(counts.streams, 1);
	assert_int_equal(counts.cut, 1);
	close(fd);
	close(other);
	h->now_ns += 20ull * 1000000000u; /* that nobody listens shows when it is spoken to */
	pump(h, -1, NULL);
	api_counts(h->api, &counts);
	assert_int_equal(counts.streams, 0);
}

static void streams_are_bounded(void **state)
{
	struct harness *h = *state;
	CLEANUP_BUF struct buf got = { 0 };
	int fds[API_STREAMS_MAX + 1];

	for (unsigned i = 0; i <= API_STREAMS_MAX; i++) {
		fds[i] = stream_open(h, "");
		pump(h, fds[i], &got);
		assert_int_equal(count(got.p, "HTTP/1.1 200"), i < API_STREAMS_MAX);
		buf_clear(&got);
	}
	for (unsigned i = 0; i <= API_STREAMS_MAX; i++)
		close(fds[i]);
}

static void octets_of_any_kind_do_no_harm(void **state)
{
	static const char *const bad[] = { "\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02",
		"GET /api/v1/link?where=%00%ff&sort=%% HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /api/v1/link HTTP/9.9\r\n\r\n", "PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ", NULL };

	for (size_t i = 0; bad[i]; i++) {
		CLEANUP_BUF struct buf got = { 0 };
		CLEANUP_ANSWER struct answer a;
		int fd = client(*state);

		client_send(fd, bad[i]);
		pump(*state, fd, &got);
		close(fd);
		ask(*state, "GET", "/api/v1/status", NULL, NULL, &a);
		assert_int_equal(a.status, 200);
	}
}

static void the_socket_says_who_it_is(void **state)
{
	struct api_options o = { .own_uid = geteuid() };
	struct api_peer p = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(access_peer(&o, fds[0], &p), 0);
	assert_int_equal(p.uid, geteuid());
	assert_int_equal(p.pid, getpid());
	assert_true(p.may_read);
	assert_int_equal(p.may_change, geteuid() == 0);
	o.is_private = true;
	assert_int_equal(access_peer(&o, fds[0], &p), 0);
	assert_true(p.may_change);
	close(fds[0]);
	close(fds[1]);
	assert_true(access_peer(&o, fds[0], &p) < 0);
}

static void a_replay_is_read_only(void **state)
{
	struct harness h;
	CLEANUP_ANSWER struct answer rows, events, change, refresh;

	(void)state;
	harness_init(&h, false);
	ask(&h, "GET", "/api/v1/link", NULL, NULL, &rows);
	assert_int_equal(rows.status, 200);
	ask(&h, "GET", "/api/v1/events", NULL, NULL, &events);
	assert_int_equal(events.status, 404);
	ask(&h, "PUT", "/api/v1/audit-setting", NULL, "{\"name\":\"System\",\"setting\":\"none\"}",
		&change);
	assert_int_equal(change.status, 409);
	assert_int_equal(h.n_set, 0);
	ask(&h, "POST", "/api/v1/refresh", NULL, NULL, &refresh);
	assert_int_equal(refresh.status, 200);
	assert_non_null(strstr(refresh.body.p, "\"fresh\":false"));
	harness_done(&h);
}

static void a_real_socket_is_served(void **state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct harness h;
	struct api_options o = { .state_fd = -1, .own_uid = geteuid() };
	CLEANUP_BUF struct buf got = { 0 };
	int fd;

	(void)state;
	harness_init(&h, true);
	(void)snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", h.dir);
	o.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(o.listen_fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(o.listen_fd, 16), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	h.api = api_free(h.api);
	o.calls = harness_calls(&h);
	o.calls.peer = NULL;
	assert_int_equal(api_new(&o, &h.api, NULL), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	client_send(fd, "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
	pump(&h, fd, &got);
	assert_non_null(got.p);
	assert_int_equal(strncmp(got.p, "HTTP/1.1 200", 12), 0);
	close(fd);
	harness_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words_must_be_words, setup, teardown),
		cmocka_unit_test_setup_teardown(
			without_an_index_there_is_none_to_build, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_are_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(status_and_schema_are_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_are_refused_and_logged, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(polling_does_not_flood_the_log, setup, teardown),
		cmocka_unit_test_setup_teardown(
			new_processes_of_one_user_are_summed_up, setup, teardown),
		cmocka_unit_test_setup_teardown(events_come_in_order_and_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(events_are_found_by_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_read_before_it_is_logged, setup, teardown),
		cmocka_unit_test_setup_teardown(
			segments_are_exported_whole_and_logged, setup, teardown),
		cmocka_unit_test_setup_teardown(heads_and_keys_are_served, setup, teardown),
		cmocka_unit_test_setup_teardown(
			sealed_segments_are_exported_as_they_are, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_are_changed_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_change_is_acknowledged_when_durable, setup, teardown),
		cmocka_unit_test_setup_teardown(bodies_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(
			refresh_waits_for_a_round_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(streams_begin_now, setup, teardown),
		cmocka_unit_test_setup_teardown(streams_resume_from_the_log, setup, teardown),
		cmocka_unit_test_setup_teardown(streams_are_filtered, setup, teardown),
		cmocka_unit_test_setup_teardown(silent_streams_show_life, setup, teardown),
		cmocka_unit_test_setup_teardown(who_does_not_read_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(streams_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(octets_of_any_kind_do_no_harm, setup, teardown),
		cmocka_unit_test(the_socket_says_who_it_is),
		cmocka_unit_test(a_replay_is_read_only),
		cmocka_unit_test(a_real_socket_is_served),
	};

	return cmocka_run_group_tests_name("api/api", tests, NULL, NULL);
}
