/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define WAIT_COMMIT_NS (5ull * 1000000000u)
#define WAIT_POLL_NS (2ull * 1000000000u)
#define URL_MAX 1024

static struct request *request_new(
	struct api *a, struct MHD_Connection *connection, const char *url)
{
	struct request *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->api = a;
	q->connection = connection;
	q->url = strdup(url);
	if (!q->url) {
		free(q);
		return NULL;
	}
	q->body.limit = API_BODY_MAX;
	q->next = a->requests;
	if (q->next)
		q->next->prev = q;
	a->requests = q;
	a->counts.requests++;
	return q;
}

static void request_free(struct request *q)
{
	struct api *a = q->api;

	if (q->prev)
		q->prev->next = q->next;
	else
		a->requests = q->next;
	if (q->next)
		q->next->prev = q->prev;
	a->answers -= q->answer_octets;
	if (q->is_stream)
		a->counts.streams--;
	buf_done(&q->body);
	free(q->url);
	free(q);
}

const char *request_param(const struct request *q, const char *key)
{
	return MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, key);
}

bool request_wants_lines(const struct request *q)
{
	const char *accept =
		MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	return accept && strcasestr(accept, "application/x-ndjson");
}

/* Answers. */

enum MHD_Result answer_response(
	struct request *q, unsigned status, struct MHD_Response *r, const char *content_type)
{
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	(void)MHD_add_response_header(
		r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type ? content_type : "application/json");
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED && q->route)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, q->route->method);
	result = MHD_queue_response(q->connection, status, r);
	MHD_destroy_response(r);
	q->answered = result == MHD_YES;
	return result;
}

enum MHD_Result answer_buf(struct request *q, unsigned status, struct buf *body,
	const char *content_type, uint64_t total)
{
	struct MHD_Response *r;
	size_t n = body->n;
	char text[24];

	if (body->failed) {
		buf_done(body);
		return answer_error(q, MHD_HTTP_SERVICE_UNAVAILABLE,
			"ask for fewer rows with limit=", "the answer does not fit into memory");
	}
	if (n > API_ANSWERS_MAX - q->api->answers) {
		q->api->counts.turned_away++;
		buf_done(body);
		return answer_error(q, MHD_HTTP_SERVICE_UNAVAILABLE,
			"come again, or use limit=", "too many answers wait for their readers");
	}
	r = MHD_create_response_from_buffer(
		n, body->p, n ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!r || n == 0)
		buf_done(body);
	*body = (struct buf){ 0 };
	if (r) {
		q->answer_octets += n;
		q->api->answers += n;
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)total);
		if (total != NO_TOTAL)
			(void)MHD_add_response_header(r, "X-Total-Count", text);
	}
	return answer_response(q, status, r, content_type);
}

enum MHD_Result answer_error(
	struct request *q, unsigned status, const char *hint, const char *format, ...)
{
	CLEANUP_BUF struct buf body = { 0 };
	struct json j;
	char text[768];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_init(&j, &body);
	json_open(&j, NULL, '{');
	json_text(&j, "error", text);
	json_text(&j, "hint", hint);
	json_close(&j, '}');
	buf_char(&body, '\n');
	if (body.failed || body.n > API_ANSWERS_MAX - q->api->answers)
		return MHD_NO;
	return answer_buf(q, status, &body, NULL, NO_TOTAL);
}

/* Waiting. */

enum MHD_Result request_wait(struct request *q, enum wait wait)
{
	struct api *a = q->api;
	uint64_t bound = wait == WAIT_POLL ? WAIT_POLL_NS : WAIT_COMMIT_NS;

	q->wait = wait;
	q->late = false;
	q->deadline_ns = wait == WAIT_STREAM ? 0 : a->calls.boot_ns(a->calls.userdata) + bound;
	MHD_suspend_connection(q->connection);
	return MHD_YES;
}

void request_wake(struct request *q)
{
	if (q->wait == WAIT_NONE)
		return;
	q->wait = WAIT_NONE;
	MHD_resume_connection(q->connection);
}

bool request_logged(
	struct request *q, uint8_t op, const char *what, bool fold, enum MHD_Result *ret_answer)
{
	struct api *a = q->api;
	uint64_t unlogged = 0;
	struct fact f;

	if (!a->calls.feed)
		return true;
	if (q->step == 0) {
		q->step = 1;
		if (fold && !access_is_news(&a->access, q->peer, op,
				    a->calls.boot_ns(a->calls.userdata), &unlogged))
			return true;
		access_fact(&f, q->peer, op, what, "", unlogged);
		q->ticket = a->calls.feed(a->calls.userdata, &f);
		if (q->ticket > a->ticket) {
			*ret_answer = request_wait(q, WAIT_COMMIT);
			return false;
		}
	}
	if (q->late) {
		*ret_answer = answer_error(q, MHD_HTTP_SERVICE_UNAVAILABLE,
			"ipsecmon status says why; is the disk full?",
			"the access could not be written to the event log, so nothing is shown");
		return false;
	}
	return true;
}

/* Who may what. */

/* Tells of this request, unless enough is told already. */
static void access_logged(
	struct request *q, uint8_t op, const char *method, const char *reason, bool always)
{
	struct api *a = q->api;
	char what[FACT_TEXT_SIZE];
	uint64_t unlogged = 0;
	struct fact f;

	if (!a->calls.feed || (!always && !access_is_news(&a->access, q->peer, op,
						  a->calls.boot_ns(a->calls.userdata), &unlogged)))
		return;
	(void)snprintf(what, sizeof(what), "%.16s %.200s", method, q->url);
	access_fact(&f, q->peer, op, what, reason, unlogged);
	(void)a->calls.feed(a->calls.userdata, &f);
}

/* What a URL leads to. */

static bool path_matches(const char *path, const char *url, const char **ret_tail)
{
	size_t n = strlen(path);

	*ret_tail = NULL;
	if (path[n - 1] != '/')
		return strcmp(path, url) == 0;
	if (strncmp(path, url, n) != 0 || url[n] == '\0' || strchr(url + n, '/'))
		return false;
	*ret_tail = url + n;
	return true;
}

static bool is_method(const struct route *r, const char *method)
{
	return strcmp(r->method, method) == 0 || (strcmp(r->method, MHD_HTTP_METHOD_GET) == 0 &&
							 strcmp(method, MHD_HTTP_METHOD_HEAD) == 0);
}

/* The route for URL and method; else the last one of that URL, *ret_url says so. */
static const struct route *route_find(struct request *q, const char *method, bool *ret_url)
{
	const struct route *other = NULL;

	for (const struct route *r = api_routes; r->method; r++) {
		const char *tail;

		if (!path_matches(r->path, q->url, &tail))
			continue;
		q->tail = tail;
		other = r;
		if (is_method(r, method))
			return r;
	}
	*ret_url = other != NULL;
	q->route = other;
	return NULL;
}

struct param_check {
	const struct route *route;
	const char *unknown;
};

static enum MHD_Result param_known(
	void *userdata, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct param_check *c = userdata;

	(void)kind;
	(void)value;
	for (size_t i = 0; c->route->params[i]; i++) {
		if (strcmp(c->route->params[i], key) == 0)
			return MHD_YES;
	}
	c->unknown = key;
	return MHD_NO;
}

static enum MHD_Result unknown_param(struct request *q, const char *unknown)
{
	char known[256] = "";
	size_t n = 0;

	for (size_t i = 0; q->route->params[i] && n < sizeof(known); i++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, " %s", q->route->params[i]);
	return answer_error(q, MHD_HTTP_BAD_REQUEST, NULL,
		"'%.40s' is no parameter of %s; there are:%s", unknown, q->route->path,
		n ? known : " none");
}

/* Before the body: everything that can be refused by the head alone. MHD_YES without an answer: go
 * on. */
static enum MHD_Result head_check(struct request *q, const char *method)
{
	struct param_check check = { 0 };
	bool url_known = false, change;

	q->route = NULL;
	check.route = route_find(q, method, &url_known);
	change = check.route && strcmp(check.route->method, MHD_HTTP_METHOD_GET) != 0;
	if (!q->peer->may_read || (change && !q->peer->may_change)) {
		q->api->counts.refused++;
		access_logged(q, ACCESS_REFUSED, method,
			q->peer->may_read ? "may read but not change"
					  : "not a member of the group ipsecmon",
			false);
		return answer_error(q, MHD_HTTP_FORBIDDEN,
			q->peer->may_read ? "changes are for root and the group ipsecmon-admin"
					  : "ask to become a member of the group ipsecmon",
			"user %u may not do that", q->peer->uid);
	}
	if (!check.route && url_known)
		return answer_error(q, MHD_HTTP_METHOD_NOT_ALLOWED, NULL, "%s is for %s only",
			q->route->path, q->route->method);
	if (!check.route)
		return answer_error(q, MHD_HTTP_NOT_FOUND, "see /api/v1/schema and doc/api.md",
			"there is nothing at %.200s", q->url);
	q->route = check.route;
	(void)MHD_get_connection_values(q->connection, MHD_GET_ARGUMENT_KIND, param_known, &check);
	if (check.unknown)
		return unknown_param(q, check.unknown);
	/* A refresh says itself that there is nothing to read. */
	if (change && !q->api->calls.feed && q->route->handler != handle_refresh)
		return answer_error(q, MHD_HTTP_CONFLICT, NULL, "a replay can't be changed");
	access_logged(q, ACCESS_ACCEPTED, method, "", change);
	return MHD_YES;
}

static bool body_too_large(const struct request *q)
{
	const char *length = MHD_lookup_connection_value(
		q->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length && strtoull(length, NULL, 10) > API_BODY_MAX;
}

enum MHD_Result request_handle(void *userdata, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **cls)
{
	const union MHD_ConnectionInfo *info;
	struct api *a = userdata;
	struct request *q = *cls;

	(void)version;
	if (!q) {
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
		if (!info || !info->socket_context || strlen(url) > URL_MAX)
			return MHD_NO;
		q = *cls = request_new(a, connection, url);
		if (!q)
			return MHD_NO;
		q->peer = info->socket_context;
		if (body_too_large(q)) {
			a->counts.turned_away++;
			return answer_error(q, MHD_HTTP_CONTENT_TOO_LARGE, NULL,
				"a body of more than %zu octets", API_BODY_MAX);
		}
		return MHD_YES;
	}
	if (*upload_size > 0) {
		buf_append(&q->body, upload, *upload_size);
		if (q->body.failed) {
			a->counts.turned_away++;
			return MHD_NO;
		}
		*upload_size = 0;
		return MHD_YES;
	}
	if (a->ending || q->answered)
		return a->ending ? MHD_NO : MHD_YES;
	if (!q->route) {
		enum MHD_Result r = head_check(q, method);

		if (r == MHD_NO || q->answered)
			return r;
	}
	return q->route->handler(q);
}

void request_completed(void *userdata, struct MHD_Connection *connection, void **cls,
	enum MHD_RequestTerminationCode how)
{
	struct api *a = userdata;
	struct request *q = *cls;

	(void)connection;
	if (!q)
		return;
	if (how == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED)
		a->counts.cut++;
	request_free(q);
	*cls = NULL;
}
