/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/json.h"
#include "base/timetext.h"
#include "model/source.h"
#include "store/eventlog.h"

/* One of each source over all netns: the worst state and the first reason. */
struct source_sum {
	bool there;
	uint64_t places, in_step, losses, facts, resolution_ms;
	uint8_t worst;
	char reason[FACT_TEXT_SIZE];
};

/* Worst first: lost, absent, resyncing, off, in step. */
static unsigned badness(unsigned state)
{
	static const unsigned char order[] = { [SOURCE_OFF] = 1,
		[SOURCE_ABSENT] = 3,
		[SOURCE_RESYNCING] = 2,
		[SOURCE_IN_STEP] = 0,
		[SOURCE_LOST] = 4 };

	return state < ARRAY_LEN(order) ? order[state] : 5;
}

static bool each_source(void *userdata, const void *row)
{
	struct source_sum *sums = userdata;
	const struct source_row *r = row;
	struct source_sum *s = &sums[r->id < SOURCE_N ? r->id : SOURCE_NONE];

	if (!s->there || badness(r->state) > badness(s->worst)) {
		s->worst = r->state;
		(void)snprintf(s->reason, sizeof(s->reason), "%s", r->reason ? r->reason : "");
	}
	s->there = true;
	s->places++;
	s->in_step += r->state == SOURCE_IN_STEP;
	s->losses += r->losses;
	s->facts += r->facts;
	if (r->resolution_ms > s->resolution_ms)
		s->resolution_ms = r->resolution_ms;
	return true;
}

static void sources_json(const struct api *a, struct json *j)
{
	struct source_sum sums[SOURCE_N] = { 0 };

	(void)core_each(a->options.core, &noun_source, each_source, sums);
	json_open(j, "sources", '[');
	for (unsigned i = 0; i < SOURCE_N; i++) {
		const struct source_sum *s = &sums[i];

		if (!s->there)
			continue;
		json_open(j, NULL, '{');
		json_text(j, "name", source_name(i));
		json_text(j, "state", source_state_name(s->worst));
		json_u64(j, "places", s->places);
		json_u64(j, "in_step", s->in_step);
		json_u64(j, "facts", s->facts);
		json_u64(j, "losses", s->losses);
		if (s->resolution_ms)
			json_u64(j, "resolution_ms", s->resolution_ms);
		else
			json_none(j, "resolution_ms");
		json_text(j, "reason", s->reason[0] ? s->reason : NULL);
		json_text(j, "blind", source_blind(i, s->worst, sums[SOURCE_BPF].in_step > 0));
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void time_json(struct json *j, const char *key, uint64_t us)
{
	char text[TIME_TEXT_SIZE];

	json_text(j, key, us ? time_format(us, text) : NULL);
}

static void log_json(const struct api *a, struct json *j)
{
	struct eventlog_segment *segments = NULL;
	struct api_log_state state = { 0 };
	uint64_t size = 0, sealed = 0;
	size_t n = 0;

	if (a->options.state_fd < 0) {
		json_none(j, "log");
		return;
	}
	if (a->calls.log_state)
		a->calls.log_state(a->calls.userdata, &state);
	(void)eventlog_segments(a->options.state_fd, &segments, &n);
	for (size_t i = 0; i < n; i++) {
		size += segments[i].size;
		sealed += segments[i].sealed;
	}
	free(segments);
	json_open(j, "log", '{');
	json_u64(j, "last_seq", state.last_seq);
	json_u64(j, "segments", n);
	json_u64(j, "sealed", sealed);
	json_u64(j, "size", size);
	json_u64(j, "lost", state.lost);
	json_u64(j, "waiting", state.waiting);
	json_text(j, "error", state.error ? strerror(-state.error) : NULL);
	json_text(j, "seal_error", state.seal_error ? strerror(-state.seal_error) : NULL);
	json_u64(j, "head", state.head);
	time_json(j, "head_time", state.head_us);
	json_text(j, "key", state.key);
	json_text(j, "unsigned", state.unsigned_why);
	json_close(j, '}');
}

static void index_json(const struct api *a, struct json *j)
{
	struct index_status s;
	uint64_t lag;

	if (!a->options.index) {
		json_none(j, "index");
		return;
	}
	index_status(a->options.index, &s);
	lag = a->last_seq > s.last_seq ? a->last_seq - s.last_seq : 0;
	json_open(j, "index", '{');
	json_u64(j, "events", s.events);
	json_u64(j, "lag", lag);
	json_u64(j, "size", s.size);
	json_text(j, "state",
		s.error                 ? "off"
		: s.in_step && lag == 0 ? "in step"
		: s.rebuilding          ? "rebuilding"
					: "following");
	json_text(j, "error", s.error);
	json_close(j, '}');
}

static void evidence_json(uint32_t evidence, struct json *j)
{
	json_open(j, "evidence", '[');
	for (unsigned i = EVIDENCE_BPF; i <= EVIDENCE_COUNTER; i++) {
		if (evidence & EVIDENCE_BIT(i))
			json_text(j, NULL, evidence_name(i));
	}
	json_close(j, ']');
}

static void counts_json(const struct api *a, struct json *j)
{
	json_open(j, "api", '{');
	json_u64(j, "connections", a->counts.connections);
	json_u64(j, "streams", a->counts.streams);
	json_u64(j, "requests", a->counts.requests);
	json_u64(j, "refused", a->counts.refused);
	json_u64(j, "cut", a->counts.cut);
	json_u64(j, "turned_away", a->counts.turned_away);
	json_close(j, '}');
}

static void core_json(const struct core_status *s, struct json *j)
{
	json_u64(j, "netns", s->n_netns);
	json_u64(j, "netns_unwatched", s->n_netns_unwatched);
	json_u64(j, "sa", s->n_sa);
	json_u64(j, "larval", s->n_larval);
	json_u64(j, "policy", s->n_policy);
	json_u64(j, "link", s->n_link);
	json_u64(j, "spi_known", s->n_spi_known);
	json_u64(j, "events", s->n_events);
	json_u64(j, "drops", s->drops);
	json_u64(j, "unattributed", s->unattributed);
	json_u64(j, "suppressed", s->suppressed);
	json_u64(j, "waiting", s->waiting);
	json_u64(j, "refused", s->refused);
	evidence_json(s->evidence, j);
}

enum MHD_Result handle_status(struct request *q)
{
	CLEANUP_BUF struct buf out = { 0 };
	const struct api *a = q->api;
	struct core_status s = { 0 };
	struct json j;

	core_status(a->options.core, &s);
	json_init(&j, &out);
	json_open(&j, NULL, '{');
	json_text(&j, "host", s.host);
	json_text(&j, "boot", s.boot);
	json_text(&j, "release", s.release);
	json_text(&j, "version", s.version);
	time_json(&j, "started", s.started_us);
	time_json(&j, "now", s.now_us);
	json_u64(
		&j, "uptime_s", s.now_us > s.started_us ? (s.now_us - s.started_us) / 1000000u : 0);
	json_text(&j, "runs_as", a->runs_as[0] ? a->runs_as : NULL);
	json_bool(&j, "replay", !a->calls.feed);
	core_json(&s, &j);
	log_json(a, &j);
	index_json(a, &j);
	sources_json(a, &j);
	counts_json(a, &j);
	json_close(&j, '}');
	buf_char(&out, '\n');
	return answer_buf(q, MHD_HTTP_OK, &out, NULL, NO_TOTAL);
}

static const char *type_name(enum field_type type)
{
	static const char *const names[] = { [FIELD_TEXT] = "text",
		[FIELD_NUMBER] = "number",
		[FIELD_BOOL] = "bool",
		[FIELD_SPI] = "spi",
		[FIELD_ADDR] = "address",
		[FIELD_PREFIX] = "prefix",
		[FIELD_TIME] = "time",
		[FIELD_JSON] = "json" };

	return names[type];
}

static void noun_schema(const struct noun *n, struct json *j)
{
	json_open(j, NULL, '{');
	json_text(j, "name", n->name);
	json_text(j, "title", n->title);
	json_text(j, "help", n->help);
	json_open(j, "fields", '[');
	for (size_t i = 0; i < n->n_fields; i++) {
		const struct field *f = &n->fields[i];

		json_open(j, NULL, '{');
		json_text(j, "key", f->key);
		json_text(j, "title", f->title);
		json_text(j, "type", type_name(f->type));
		json_text(j, "unit", f->unit && f->unit[0] ? f->unit : NULL);
		json_bool(j, "brief", f->brief);
		json_text(j, "help", f->help);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}

enum MHD_Result handle_schema(struct request *q)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_open(&j, NULL, '{');
	json_open(&j, "nouns", '[');
	for (size_t i = 0; nouns[i]; i++)
		noun_schema(nouns[i], &j);
	json_close(&j, ']');
	json_close(&j, '}');
	buf_char(&out, '\n');
	return answer_buf(q, MHD_HTTP_OK, &out, NULL, NO_TOTAL);
}
