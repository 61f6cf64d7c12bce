/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "source/strongswan/fields.h"
#include "source/strongswan/internal.h"

#define SECOND_NS 1000000000ull

/* Unknown ones (alert before 6.0.3) do no harm. The list-… events come for our own requests only.
 */
static const char *const events[] = { "ike-updown", "ike-rekey", "ike-update", "child-updown",
	"child-rekey", "log", "alert", "list-sa", "list-policy", "list-conn", "list-cert" };

static const struct {
	const char *command;
	const char *yes[3]; /* arguments that are "yes" */
	uint8_t every_s; /* 0: once */
	uint8_t gap_s; /* at least so long after the last one, when it is wanted sooner */
} requests[REQUESTS_N] = {
	[REQUEST_VERSION] = { "version", { NULL }, 0, STRONGSWAN_GAP_S },
	[REQUEST_STATS] = { "stats", { NULL }, 10, STRONGSWAN_GAP_S },
	[REQUEST_POLICIES] = { "list-policies", { "drop", "pass", "trap" }, 60, STRONGSWAN_GAP_S },
	[REQUEST_CONNS] = { "list-conns", { NULL }, 60, STRONGSWAN_GAP_S },
	[REQUEST_CERTS] = { "list-certs", { NULL }, 60, STRONGSWAN_GAP_S },
	[REQUEST_COUNTERS] = { "get-counters", { NULL }, 10, STRONGSWAN_GAP_S },
	[REQUEST_ALL_COUNTERS] = { "get-counters", { "all" }, 60, 60 },
	[REQUEST_SAS] = { "list-sas", { "noblock" }, 60, STRONGSWAN_GAP_S },
};

/* An answer must fit into one frame: charon sends none at all otherwise. */
#define COUNTED_CONNECTIONS_MAX 256

static void send_request(struct strongswan *s, enum request r)
{
	buf_clear(&s->message);
	for (size_t i = 0; i < ARRAY_LEN(requests[r].yes) && requests[r].yes[i]; i++)
		vici_put_value(&s->message, requests[r].yes[i], "yes");
	vici_put(&s->out, VICI_CMD_REQUEST, requests[r].command, buf_span(&s->message));
}

static void ask(struct strongswan *s, enum request r)
{
	s->asked = r;
	s->asked_ns = s->now_ns;
	if (r == REQUEST_REGISTER) {
		vici_put(&s->out, VICI_EVENT_REGISTER, events[s->registered], span_of(NULL, 0));
	} else {
		s->due_ns[r] = UINT64_MAX;
		if (r == REQUEST_SAS)
			known_listing(s, true);
		buf_clear(&s->list);
		s->list_open = false;
		send_request(s, r);
	}
	if (s->out.failed || s->message.failed)
		s->lost = true;
}

void requests_next(struct strongswan *s)
{
	if (s->asked != REQUESTS_N || s->lost)
		return;
	if (s->registered < ARRAY_LEN(events)) {
		ask(s, REQUEST_REGISTER);
		return;
	}
	for (enum request r = REQUEST_VERSION; r < REQUESTS_N; r++) {
		if (s->due_ns[r] > s->now_ns)
			continue;
		if (r == REQUEST_ALL_COUNTERS && s->n_connections > COUNTED_CONNECTIONS_MAX) {
			s->due_ns[r] = s->now_ns + requests[r].every_s * SECOND_NS;
			continue;
		}
		ask(s, r);
		return;
	}
}

static uint64_t gap_ns(const struct strongswan *s, enum request r)
{
	uint64_t gap = requests[r].gap_s * SECOND_NS;
	uint64_t long_gap = known_count(s) * STRONGSWAN_LIST_MS_PER_SA * (SECOND_NS / 1000);

	return r == REQUEST_SAS && long_gap > gap ? long_gap : gap;
}

static void done(struct strongswan *s, enum request r)
{
	uint64_t every = requests[r].every_s * SECOND_NS, gap = gap_ns(s, r);

	s->done_ns[r] = s->now_ns;
	/* Something may have asked for it meanwhile. */
	if (s->due_ns[r] != UINT64_MAX)
		s->due_ns[r] = s->now_ns + gap;
	else if (every > 0)
		s->due_ns[r] = s->now_ns + (every > gap ? every : gap);
}

void requests_soon(struct strongswan *s, enum request r)
{
	uint64_t at = s->done_ns[r] + gap_ns(s, r);

	if (at < s->due_ns[r])
		s->due_ns[r] = at;
}

void requests_all(struct strongswan *s)
{
	for (enum request r = REQUEST_STATS; r < REQUESTS_N; r++)
		requests_soon(s, r);
}

static void take_answer(struct strongswan *s, enum request r, struct span answer)
{
	if (r == REQUEST_VERSION) {
		struct span version = vici_get(answer, VICI_VALUE, "version");

		field_text(version, s->version, sizeof(s->version));
	} else if (r == REQUEST_SAS) {
		known_listing(s, false);
		strongswan_state(s, SOURCE_IN_STEP, "");
	} else {
		lists_done(s, r, answer);
	}
}

void requests_answer(struct strongswan *s, const struct vici_packet *p)
{
	enum request r = s->asked;
	bool registration = p->type == VICI_EVENT_CONFIRM || p->type == VICI_EVENT_UNKNOWN;
	bool answer = p->type == VICI_CMD_RESPONSE || p->type == VICI_CMD_UNKNOWN;

	if (r == REQUESTS_N || (r == REQUEST_REGISTER ? !registration : !answer)) {
		strongswan_state(s, SOURCE_LOST, "charon answered what was not asked");
		s->lost = true;
		return;
	}
	s->asked = REQUESTS_N;
	if (r == REQUEST_REGISTER) {
		s->registered++;
		return;
	}
	take_answer(s, r, p->message);
	done(s, r);
}
