/* SPDX-License-Identifier: Apache-2.0 */
#include "source/libreswan/libreswan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "source/libreswan/internal.h"
#include "source/libreswan/text.h"

#define OFTEN_NS (LIBRESWAN_OFTEN_S * SECOND_NS)
#define SOMETIMES_NS (LIBRESWAN_SOMETIMES_S * SECOND_NS)
#define RARELY_NS (60 * SECOND_NS) /* connections */
#define VERSION_NS (600 * SECOND_NS) /* the whole status, when connections have their own list */
#define ANSWER_NS (60 * SECOND_NS) /* then an answer does not come any more */
#define RETRY_NS (2 * SECOND_NS) /* before the first answer: it may just have begun */
#define RETRY_DOUBLINGS 8 /* enough for the most, of either */
#define RETRY_MOST_NS (320 * SECOND_NS)

const char *whack_option(enum whack_list list)
{
	static const char *const options[] = {
		[WHACK_STATUS] = "--status",
		[WHACK_GLOBALSTATUS] = "--globalstatus",
		[WHACK_TRAFFICSTATUS] = "--trafficstatus",
		[WHACK_SHOWSTATES] = "--showstates",
		[WHACK_CONNECTIONSTATUS] = "--connectionstatus",
		[WHACK_SHUNTSTATUS] = "--shuntstatus",
	};

	return options[list];
}

struct fact *libreswan_fact(struct libreswan *l, uint16_t type)
{
	l->fact = (struct fact){ .type = type, .source = SOURCE_LIBRESWAN, .netns = l->netns };
	return &l->fact;
}

void libreswan_emit(struct libreswan *l)
{
	l->sink.emit(l->sink.userdata, &l->fact);
}

void libreswan_dump(struct libreswan *l, enum fact_ike_list list, enum fact_dump_phase phase)
{
	struct fact *f = libreswan_fact(l, FACT_IKE_DUMP);

	f->ike_dump.service = l->service;
	f->ike_dump.list = (uint8_t)list;
	f->ike_dump.phase = (uint8_t)phase;
	f->ike_dump.daemon = DAEMON_LIBRESWAN;
	libreswan_emit(l);
}

static void tell_state(struct libreswan *l)
{
	struct fact *f = libreswan_fact(l, FACT_SOURCE);

	f->source_change.id = SOURCE_LIBRESWAN;
	f->source_change.state = l->state;
	f->source_change.losses = l->losses;
	f->source_change.resolution_ms = l->resolution_ms;
	memcpy(f->source_change.reason, l->reason, sizeof(l->reason));
	libreswan_emit(l);
}

void libreswan_state(struct libreswan *l, uint8_t state, const char *reason)
{
	if (l->state == state && !strcmp(l->reason, reason))
		return;
	l->state = state;
	snprintf(l->reason, sizeof(l->reason), "%s", reason);
	tell_state(l);
}

int libreswan_new(
	uint64_t service, uint64_t netns, const struct source_sink *sink, struct libreswan **ret)
{
	struct libreswan *l = calloc(1, sizeof(*l));

	if (!l || map_new(sizeof(uint64_t), LIBRESWAN_STATES_MAX, service, &l->sas) ||
		map_new(sizeof(struct sas_key), LIBRESWAN_STATES_MAX, service, &l->newest) ||
		map_new(CONN_SIZE, LIBRESWAN_COUNTERS_MAX, service, &l->counters)) {
		libreswan_free(l);
		return -ENOMEM;
	}
	l->sink = *sink;
	l->service = service;
	l->netns = netns;
	l->running = -1;
	l->resolution_ms = OFTEN_NS / 1000000;
	libreswan_state(l, SOURCE_RESYNCING, "whack is asked for the first time");
	*ret = l;
	return 0;
}

struct libreswan *libreswan_free(struct libreswan *l)
{
	if (l) {
		sas_done(l);
		tables_done(l);
	}
	free(l);
	return NULL;
}

/* Where connections are to be had. */
static enum whack_list connection_list(const struct libreswan *l)
{
	return l->major >= 5 ? WHACK_CONNECTIONSTATUS : WHACK_STATUS;
}

static uint64_t interval_ns(const struct libreswan *l, enum whack_list list)
{
	uint64_t states_ns = map_count(l->sas) * SECOND_NS / LIBRESWAN_STATES_PER_SECOND;

	switch (list) {
	case WHACK_STATUS:
		return l->major >= 5 ? VERSION_NS : states_ns > RARELY_NS ? states_ns : RARELY_NS;
	case WHACK_CONNECTIONSTATUS:
		return RARELY_NS;
	case WHACK_GLOBALSTATUS:
	case WHACK_SHUNTSTATUS:
		return SOMETIMES_NS;
	default:
		return states_ns > OFTEN_NS ? states_ns : OFTEN_NS;
	}
}

/* While connections are not known, or nothing works, only the whole status is asked for. */
static bool is_wanted(const struct libreswan *l, enum whack_list list)
{
	if (list == WHACK_STATUS)
		return true;
	return l->failures == 0 && l->conns &&
	       (list != WHACK_CONNECTIONSTATUS || connection_list(l) == list);
}

bool libreswan_due(struct libreswan *l, uint64_t now_ns, enum whack_list *ret)
{
	enum whack_list conns = connection_list(l);
	int next = -1;

	l->now_ns = now_ns;
	if (l->running >= 0 && now_ns - l->asked_ns[l->running] < ANSWER_NS)
		return false;
	if (l->running >= 0)
		libreswan_output(l, (enum whack_list)l->running, span_of(NULL, 0), -ETIMEDOUT);
	if (l->stale && l->due_ns[conns] > l->asked_ns[conns] + SOMETIMES_NS && !l->failures)
		l->due_ns[conns] = l->asked_ns[conns] + SOMETIMES_NS;
	for (unsigned i = 0; i < WHACK_LISTS_N; i++) {
		if (is_wanted(l, (enum whack_list)i) && l->due_ns[i] <= now_ns &&
			(next < 0 || l->due_ns[i] < l->due_ns[next]))
			next = (int)i;
	}
	if (next < 0)
		return false;
	l->running = next;
	l->asked_ns[next] = now_ns;
	*ret = (enum whack_list)next;
	return true;
}

/* Of what whack said, the line that says why. */
static void failed(struct libreswan *l, struct span text, int status)
{
	char why[FACT_TEXT_SIZE] = "", words[FACT_TEXT_SIZE / 2] = "";
	struct span line, before;
	unsigned doublings;
	uint64_t wait_ns;

	if (text_line(&text, &line))
		TEXT_COPY(line, words);
	if (status == -ETIMEDOUT)
		snprintf(why, sizeof(why), "whack got no answer in time: pluto is busy, or hangs");
	else if (status < 0)
		snprintf(why, sizeof(why), "whack can't be run: %s", strerror(-status));
	else if (text_until(&(struct span){ line.p, words[0] ? line.n : 0 }, "Mismatched versions",
			 &before))
		snprintf(why, sizeof(why), "whack and pluto are of different versions: %s", words);
	else if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "whack was ended by signal %d", WTERMSIG(status));
	else if (status != 0)
		snprintf(why, sizeof(why), "whack failed with exit status %d%s%s",
			WEXITSTATUS(status), words[0] ? ": " : "", words);
	else
		snprintf(why, sizeof(why), "whack's answer lacks its end%s%s",
			words[0] ? "; it begins with: " : "", words);
	l->failures++;
	doublings = l->failures - 1 < RETRY_DOUBLINGS ? l->failures - 1 : RETRY_DOUBLINGS;
	wait_ns = (l->conns ? OFTEN_NS : RETRY_NS) << doublings;
	l->due_ns[WHACK_STATUS] = l->now_ns + (wait_ns < RETRY_MOST_NS ? wait_ns : RETRY_MOST_NS);
	libreswan_state(l,
		l->state == SOURCE_IN_STEP || l->state == SOURCE_LOST ? SOURCE_LOST : SOURCE_ABSENT,
		why);
}

static bool states_text(struct libreswan *l, struct span text)
{
	struct span line;

	sas_begin(l);
	while (text_line(&text, &line))
		sas_line(l, line);
	sas_end(l);
	return true;
}

static bool traffic_text(struct libreswan *l, struct span text)
{
	struct span line;

	while (text_line(&text, &line))
		sas_traffic(l, line);
	sas_settle(l);
	return true;
}

/* pluto_version=4.10, pluto_vendorid=… */
static void find_version(struct libreswan *l, struct span text)
{
	struct span before;
	uint64_t major;

	if (text_until(&text, "\n000 pluto_version=", &before) ||
		text_until(&text, "\npluto_version=", &before)) {
		span_take(&text, "v");
		if (span_number(&text, 10, 999, &major))
			l->major = (unsigned)major;
	}
}

static bool status_text(struct libreswan *l, struct span text)
{
	find_version(l, text);
	if (!conns_text(l, text) || !states_text(l, text))
		return false;
	l->due_ns[WHACK_SHOWSTATES] = l->now_ns + interval_ns(l, WHACK_SHOWSTATES);
	return true;
}

static bool understood(struct libreswan *l, enum whack_list list, struct span text)
{
	switch (list) {
	case WHACK_STATUS:
		return status_text(l, text);
	case WHACK_GLOBALSTATUS:
		return counters_text(l, text);
	case WHACK_TRAFFICSTATUS:
		return traffic_text(l, text);
	case WHACK_SHOWSTATES:
		return states_text(l, text);
	case WHACK_CONNECTIONSTATUS:
		if (!conns_text(l, text))
			return false;
		sas_settle(l);
		return true;
	default:
		return shunts_text(l, text);
	}
}

void libreswan_output(struct libreswan *l, enum whack_list list, struct span text, int status)
{
	uint64_t resolution_ms;

	l->running = -1;
	l->due_ns[list] = l->asked_ns[list] + interval_ns(l, list);
	if (status != 0 || (text.n > 0 && text.p[text.n - 1] != '\n') ||
		!understood(l, list, text)) {
		failed(l, text, status);
		return;
	}
	l->failures = 0;
	if (list == connection_list(l))
		l->stale = false;
	l->due_ns[list] = l->asked_ns[list] + interval_ns(l, list);
	resolution_ms = interval_ns(l, WHACK_SHOWSTATES) / 1000000;
	if (l->resolution_ms != resolution_ms && l->state == SOURCE_IN_STEP) {
		l->resolution_ms = resolution_ms;
		tell_state(l);
	}
	l->resolution_ms = resolution_ms;
	if (l->conns)
		libreswan_state(l, SOURCE_IN_STEP, "");
}

void libreswan_restate(struct libreswan *l)
{
	tell_state(l);
	sas_restate(l);
	tables_restate(l);
}
