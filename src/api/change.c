/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "base/json.h"
#include "catalog/catalog.h"
#include "view/doc.h"

/* What asks for something to be done: a setting of the audit policy, a fresh look, a new index. */

static int setting_parse(const char *text, uint8_t *ret)
{
	static const char *const names[] = {
		[AUDIT_NOT_CONFIGURED] = "not configured",
		[AUDIT_NONE] = "none",
		[AUDIT_SUCCESS] = "success",
		[AUDIT_FAILURE] = "failure",
		[AUDIT_BOTH] = "success and failure",
	};

	for (uint8_t i = 0; text && i < ARRAY_LEN(names); i++) {
		if (strcasecmp(text, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	if (text && strcasecmp(text, "both") == 0) {
		*ret = AUDIT_BOTH;
		return 0;
	}
	return -1;
}

/* The subcategory of that name, or all of the category. */
static size_t names_find(const char *name, uint8_t ret[SUBCATEGORY_N])
{
	size_t n = 0;

	for (uint8_t i = 0; name && i < SUBCATEGORY_N; i++) {
		if (strcasecmp(name, catalog_subcategories[i].name) == 0 ||
			strcasecmp(name, catalog_subcategories[i].category) == 0)
			ret[n++] = i;
	}
	return n;
}

static const char *key_unknown(const struct doc *d)
{
	const char *key;

	for (size_t i = 0; (key = doc_key(d, i)); i++) {
		if (strcmp(key, "name") != 0 && strcmp(key, "setting") != 0)
			return key;
	}
	return NULL;
}

static enum MHD_Result setting_answer(struct request *q)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct json j;

	if (q->late)
		return answer_error(q, MHD_HTTP_SERVICE_UNAVAILABLE,
			"ipsecmon status says why; is the disk full?",
			"the setting is changed, but its event is not yet in the event log");
	json_init(&j, &out);
	json_open(&j, NULL, '{');
	json_u64(&j, "changed", q->polls);
	json_close(&j, '}');
	buf_char(&out, '\n');
	return answer_buf(q, MHD_HTTP_OK, &out, NULL, NO_TOTAL);
}

enum MHD_Result handle_audit_setting(struct request *q)
{
	CLEANUP(doc) struct doc *d = NULL;
	struct api *a = q->api;
	uint8_t found[SUBCATEGORY_N], setting;
	struct diag why = { 0 };
	size_t n;
	int r;

	if (q->step == 1)
		return setting_answer(q);
	if (doc_parse(buf_span(&q->body), &d, &why) < 0)
		return answer_error(q, MHD_HTTP_BAD_REQUEST,
			"send {\"name\":\"IPsec Driver\",\"setting\":\"failure\"}", "%s", why.text);
	if (key_unknown(d))
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "send name and setting",
			"'%.40s' is neither name nor setting", key_unknown(d));
	n = names_find(doc_text(d, "name"), found);
	if (n == 0)
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "see /api/v1/audit-setting",
			"name: '%.60s' is no category or subcategory",
			doc_text(d, "name") ? doc_text(d, "name") : "");
	if (setting_parse(doc_text(d, "setting"), &setting) < 0)
		return answer_error(q, MHD_HTTP_BAD_REQUEST,
			"not configured, none, success, failure, or success and failure",
			"setting: '%.60s' is none",
			doc_text(d, "setting") ? doc_text(d, "setting") : "");
	r = a->calls.set_audit(a->calls.userdata, q->peer, found, n, setting, &q->ticket, &why);
	if (r < 0)
		return answer_error(
			q, MHD_HTTP_INTERNAL_SERVER_ERROR, "nothing was changed", "%s", why.text);
	q->step = 1;
	q->polls = (unsigned)n;
	return q->ticket > a->ticket ? request_wait(q, WAIT_COMMIT) : setting_answer(q);
}

static enum MHD_Result refresh_answer(struct request *q, bool fresh, const char *reason)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_open(&j, NULL, '{');
	json_bool(&j, "fresh", fresh);
	json_text(&j, "reason", reason);
	json_close(&j, '}');
	buf_char(&out, '\n');
	return answer_buf(q, MHD_HTTP_OK, &out, NULL, NO_TOTAL);
}

/*
 * The round that is running when the request comes may have read its counters already: only the
 * one after it is fresh for sure. Then what it brought must be in the log.
 */
enum MHD_Result handle_refresh(struct request *q)
{
	enum { ASK, FIRST, SECOND, COMMIT };
	struct api *a = q->api;

	if (!a->calls.feed)
		return refresh_answer(q, false, "this is a replay");
	if (q->late)
		return refresh_answer(q, false,
			q->step == COMMIT ? "the event log can't be written"
					  : "no round of readings ended in time");
	switch (q->step) {
	case ASK:
	case FIRST:
		q->step++;
		if (!a->calls.refresh || !a->calls.refresh(a->calls.userdata))
			return refresh_answer(q, false, "nobody observes at present");
		return request_wait(q, WAIT_POLL);
	case SECOND:
		q->step = COMMIT;
		q->ticket = a->polled;
		if (q->ticket > a->ticket)
			return request_wait(q, WAIT_COMMIT);
		break;
	}
	return refresh_answer(q, true, NULL);
}

static enum MHD_Result reindex_answer(struct request *q)
{
	CLEANUP_BUF struct buf out = { 0 };

	if (q->late)
		return answer_error(q, MHD_HTTP_SERVICE_UNAVAILABLE,
			"ipsecmon status says why; is the disk full?",
			"the index is being built, but the event of that is not yet in the event "
			"log");
	buf_text(&out, "{\"rebuilding\":true}\n");
	return answer_buf(q, MHD_HTTP_OK, &out, NULL, NO_TOTAL);
}

enum MHD_Result handle_reindex(struct request *q)
{
	struct api *a = q->api;
	int r;

	if (q->step == 1)
		return reindex_answer(q);
	if (!a->options.index || !a->calls.reindex)
		return answer_error(q, MHD_HTTP_NOT_FOUND, NULL, "there is no index here");
	r = a->calls.reindex(a->calls.userdata, q->peer, &q->ticket);
	if (r < 0)
		return answer_error(q, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, "%s", strerror(-r));
	q->step = 1;
	return q->ticket > a->ticket ? request_wait(q, WAIT_COMMIT) : reindex_answer(q);
}
