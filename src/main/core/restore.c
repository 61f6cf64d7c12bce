/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/timetext.h"
#include "catalog/catalog.h"
#include "main/core/process.h"
#include "main/log.h"
#include "view/doc.h"

/*
 * The beginning of a run: what the log and the state directory remember is fed as facts, before
 * anything live, so that a recording of this run replays without them.
 */

static void text_set(char *ret, size_t size, const char *text)
{
	(void)snprintf(ret, size, "%s", text ? text : "");
}

static void feed_origin(struct process *p)
{
	struct fact f = { .type = FACT_ORIGIN };

	memcpy(f.origin.host, p->config.host, sizeof(f.origin.host));
	memcpy(f.origin.boot, p->config.boot, sizeof(f.origin.boot));
	memcpy(f.origin.release, p->config.release, sizeof(f.origin.release));
	memcpy(f.origin.version, p->config.version, sizeof(f.origin.version));
	f.origin.hash_seed = p->config.hash_seed;
	(void)feed_own(p, &f);
}

void feed_config(struct process *p, bool changed)
{
	struct fact f = { .type = FACT_CONFIG };

	f.config.evidence = p->config.evidence;
	f.config.poll_ms = p->config.poll_ms;
	f.config.settle_ms = p->config.settle_ms;
	f.config.first_packets = p->config.first_packets;
	f.config.rate_threshold = p->config.rate_threshold;
	f.config.rate_window_s = p->config.rate_window_s;
	f.config.changed = changed;
	memcpy(f.config.digest, p->config.digest, sizeof(f.config.digest));
	(void)feed_own(p, &f);
}

static void on_reading(void *userdata, const char *boot, uint64_t cookie, const char *netns,
	const char *counter, uint64_t kernel, uint64_t attributed, uint64_t unattributed,
	uint64_t suppressed)
{
	struct process *p = userdata;
	struct fact f = { .type = FACT_RESTORE, .netns = cookie };

	text_set(f.restore.boot, sizeof(f.restore.boot), boot);
	text_set(f.restore.netns, sizeof(f.restore.netns), netns);
	text_set(f.restore.counter, sizeof(f.restore.counter), counter);
	f.restore.kernel = kernel;
	f.restore.attributed = attributed;
	f.restore.unattributed = unattributed;
	f.restore.suppressed = suppressed;
	(void)feed_own(p, &f);
	process_alive(p);
}

static void on_statistic(void *userdata, const struct eventlog_statistic *s)
{
	struct process *p = userdata;
	struct fact f = { .type = FACT_RESTORE_STATISTIC, .netns = s->cookie };

	text_set(f.restore_statistic.boot, sizeof(f.restore_statistic.boot), s->boot);
	text_set(f.restore_statistic.netns, sizeof(f.restore_statistic.netns), s->netns);
	text_set(f.restore_statistic.key, sizeof(f.restore_statistic.key), s->key);
	f.restore_statistic.daemon = s->daemon;
	f.restore_statistic.service = s->service;
	f.restore_statistic.total = s->total;
	f.restore_statistic.since = s->since;
	f.restore_statistic.base = s->base;
	f.restore_statistic.before = s->before;
	(void)feed_own(p, &f);
	process_alive(p);
}

static bool proto_of(const char *name, uint8_t *ret)
{
	for (unsigned i = 0; name && i < 256; i++) {
		if (ipproto_name(i) && strcmp(ipproto_name(i), name) == 0) {
			*ret = (uint8_t)i;
			return true;
		}
	}
	return false;
}

static enum spi_fate fate_of(uint64_t id)
{
	return id == EVENT_SA_ADDED     ? SPI_ALIVE
	       : id == EVENT_SA_DELETED ? SPI_DELETED
					: SPI_EXPIRED;
}

static bool spi_of_event(const struct doc *d, uint64_t id, struct fact *f)
{
	CLEANUP(doc) struct doc *detail = NULL;
	const char *src = doc_text(d, "src"), *dst = doc_text(d, "dst"),
		   *time = doc_text(d, "time");
	uint64_t spi, time_us, added_s;

	if (!src || !dst || !time || addr_parse(src, &f->restore_spi.src) < 0 ||
		addr_parse(dst, &f->restore_spi.dst) < 0 || !doc_u64(d, "spi", &spi) || spi == 0 ||
		spi > UINT32_MAX || !proto_of(doc_text(d, "proto"), &f->restore_spi.proto) ||
		time_parse(time, 0, &time_us, NULL) < 0)
		return false;
	f->restore_spi.spi = (uint32_t)spi;
	f->restore_spi.how = (uint8_t)fate_of(id);
	text_set(f->restore_spi.boot, sizeof(f->restore_spi.boot), doc_text(d, "boot"));
	if (id == EVENT_SA_ADDED) {
		f->restore_spi.born_us = time_us;
		return true;
	}
	f->restore_spi.died_us = time_us;
	if (doc_member(d, "detail", &detail) == 0 && doc_u64(detail, "added_s", &added_s) &&
		added_s < UINT64_MAX / 1000000u)
		f->restore_spi.born_us = added_s * 1000000u;
	return true;
}

/* Parsing JSON takes its time: only lines that look like an SA's. */
static bool looks_like_sa(struct span line)
{
	static const char *const names[] = { "\"name\":\"sa_added\"", "\"name\":\"sa_deleted\"",
		"\"name\":\"sa_expired\"" };
	size_t n = line.n < 256 ? line.n : 256;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (memmem(line.p, n, names[i], strlen(names[i])))
			return true;
	}
	return false;
}

static void on_event(void *userdata, struct span line)
{
	CLEANUP(doc) struct doc *d = NULL;
	struct process *p = userdata;
	struct fact f = { .type = FACT_RESTORE_SPI };
	uint64_t id;

	process_alive(p);
	if (!looks_like_sa(line) || doc_parse(line, &d, NULL) < 0 || !doc_u64(d, "id", &id))
		return;
	if (id != EVENT_SA_ADDED && id != EVENT_SA_DELETED && id != EVENT_SA_EXPIRED)
		return;
	if (spi_of_event(d, id, &f))
		(void)feed_own(p, &f);
}

static void feed_run(struct process *p, const struct eventlog_end *end)
{
	struct fact f = { .type = FACT_RESTORE_RUN };

	f.restore_run.first = end->empty;
	f.restore_run.clean = end->last_id == EVENT_MONITOR_STOPPED && end->torn == 0;
	f.restore_run.last_seq = end->last_seq;
	f.restore_run.last_us = end->last_us;
	f.restore_run.epoch = end->epoch;
	f.restore_run.applied = end->applied;
	f.restore_run.n_pending = end->n_pending;
	memcpy(f.restore_run.pending, end->pending, sizeof(f.restore_run.pending));
	text_set(f.restore_run.boot, sizeof(f.restore_run.boot), end->boot);
	(void)feed_own(p, &f);
}

/* Was the configuration another one when the last run ended? Without a memory: no. */
static bool config_changed(struct process *p)
{
	CLEANUP_BUF struct buf digest = { 0 };
	int r = statefile_read(p->state_fd, CONFIG_DIGEST_FILE, 256, &digest);
	bool same = r == 0 && span_equal(buf_span(&digest), span_text(p->config.digest));

	p->digest_due = !same;
	return r == 0 && !same;
}

int restore(struct process *p, struct diag *reterr)
{
	const struct eventlog_options options = { .dir_fd = p->state_fd,
		.host = p->config.host,
		.boot = p->config.boot,
		.segment_size = p->config.segment_size,
		.keep_size = p->config.keep_size,
		.keep_age_s = p->config.keep_age_s };
	const struct eventlog_restore calls = {
		.userdata = p, .reading = on_reading, .statistic = on_statistic, .event = on_event
	};
	struct eventlog_end end = { 0 };
	struct eventlog *log = NULL;
	int r;

	feed_origin(p);
	feed_config(p, false);
	audit_load(p);
	r = eventlog_open(&options, &calls, &end, &log, reterr);
	if (r < 0)
		return r;
	p->log = log;
	p->last_seq = end.last_seq;
	eventlog_set_key(log, p->heads.key);
	feed_run(p, &end);
	/* Only now that the core knows the last number can it give new ones. */
	if (end.torn > 0)
		feed_log(p, LOG_TORN, end.torn, "");
	if (end.damaged_line > 0)
		feed_log(p, LOG_DAMAGED, end.damaged_line, end.damaged_segment);
	if (config_changed(p))
		feed_config(p, true);
	heads_begin(p);
	if (p->record_fd >= 0)
		feed_log(p, LOG_RECORDING, 0, p->record_path);
	(void)commit(p); /* a full disk is no reason not to watch */
	return 0;
}
