/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/timetext.h"
#include "core/internal.h"

/* Events of the monitor itself: its runs, its configuration, its log, its clients. */

static void config(struct core *c, const struct fact *f)
{
	struct event e;

	c->config.evidence = f->config.evidence;
	c->config.settle_ns = (uint64_t)f->config.settle_ms * 1000000u;
	c->config.first_packets =
		f->config.first_packets < PILE_PACKETS ? f->config.first_packets : PILE_PACKETS;
	c->config.rate_threshold = f->config.rate_threshold;
	c->config.rate_window_s = f->config.rate_window_s;
	memcpy(c->config.digest, f->config.digest, sizeof(c->config.digest));
	if (!f->config.changed)
		return;
	core_event_init(c, &e, EVENT_CONFIG_CHANGED, NULL);
	detail_text(&e, "digest", f->config.digest);
	core_emit(c, &e);
}

/* The last fact before live ones: the log tells how the last run ended; ours begins. */
static void run(struct core *c, const struct fact *f)
{
	char when[TIME_TEXT_SIZE];
	struct event e;

	c->restored = true;
	c->seq = f->restore_run.last_seq;
	c->last_run_us = f->restore_run.last_us;
	c->told_epoch = f->restore_run.epoch;
	c->told_applied = f->restore_run.applied;
	c->n_told_pending = f->restore_run.n_pending;
	memcpy(c->told_pending, f->restore_run.pending, sizeof(c->told_pending));
	if (!f->restore_run.first && !f->restore_run.clean) {
		core_event_init(c, &e, EVENT_MONITOR_UNCLEAN, NULL);
		detail_number(&e, "last_event", f->restore_run.last_seq);
		detail_text(&e, "last_time", time_format(f->restore_run.last_us, when));
		detail_text(&e, "last_boot", f->restore_run.boot);
		core_emit(c, &e);
	}
	core_event_init(c, &e, EVENT_MONITOR_STARTED, NULL);
	detail_text(&e, "version", c->version);
	detail_text(&e, "release", c->release);
	detail_text(&e, "digest", c->config.digest);
	core_emit(c, &e);
}

static void who(struct event *e, uint32_t uid, uint32_t pid, uint32_t auid)
{
	detail_number(e, "uid", uid);
	detail_number(e, "pid", pid);
	if (auid != UINT32_MAX)
		detail_number(e, "auid", auid);
}

static void access_event(struct core *c, const struct fact *f)
{
	static const uint32_t ids[] = { 0, EVENT_CLIENT_ACCEPTED, EVENT_CLIENT_REFUSED,
		EVENT_LOG_READ, EVENT_LOG_EXPORTED, EVENT_OBJECT_REMOVED, EVENT_INDEX_REBUILT };
	struct event e;

	if (f->access.op == 0 || f->access.op >= ARRAY_LEN(ids)) {
		c->refused++;
		return;
	}
	core_event_init(c, &e, ids[f->access.op], NULL);
	detail_text(&e, "what", f->access.what);
	detail_text(&e, "reason", f->access.reason);
	who(&e, f->access.uid, f->access.pid, f->access.auid);
	core_emit(c, &e);
}

static void log_event(struct core *c, const struct fact *f)
{
	static const struct {
		uint32_t id;
		const char *value;
	} kinds[] = {
		[LOG_TORN] = { EVENT_LOG_TORN, "octets" },
		[LOG_FAILED] = { EVENT_LOG_FAILED, "errno" },
		[LOG_RESUMED] = { EVENT_LOG_RESUMED, NULL },
		[LOG_SEGMENT_REMOVED] = { EVENT_SEGMENT_REMOVED, "events" },
		[LOG_DAMAGED] = { EVENT_LOG_DAMAGED, "line" },
		[LOG_RECORDING] = { EVENT_RECORDING_STARTED, NULL },
		[LOG_KEY_CREATED] = { EVENT_KEY_CREATED, NULL },
		[LOG_KEY_CHANGED] = { EVENT_KEY_CHANGED, NULL },
		[LOG_HEADS_FAILED] = { EVENT_HEADS_FAILED, NULL },
		[LOG_HEADS_RESUMED] = { EVENT_HEADS_RESUMED, NULL },
		[LOG_INDEX_DROPPED] = { EVENT_INDEX_DROPPED, NULL },
	};
	struct event e;

	if (f->log.op >= ARRAY_LEN(kinds) || kinds[f->log.op].id == 0) {
		c->refused++;
		return;
	}
	core_event_init(c, &e, kinds[f->log.op].id, NULL);
	detail_text(&e,
		f->log.op == LOG_FAILED || f->log.op == LOG_HEADS_FAILED ? "reason" : "what",
		f->log.what);
	if (kinds[f->log.op].value)
		detail_number(&e, kinds[f->log.op].value, f->log.value);
	else if (f->log.op == LOG_RESUMED && f->log.value > 0)
		detail_number(&e, "lost", f->log.value);
	core_emit(c, &e);
}

static void process(struct core *c, const struct fact *f)
{
	int status = (int)f->process.status;
	char how[64];
	struct event e;

	if (f->process.op != PROCESS_ENDED)
		return;
	if (WIFSIGNALED(status))
		(void)snprintf(how, sizeof(how), "killed by signal %d", WTERMSIG(status));
	else
		(void)snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(status));
	core_event_init(c, &e, EVENT_PROCESS_RESTARTED, NULL);
	detail_text(&e, "process", f->process.name);
	detail_number(&e, "pid", f->process.pid);
	detail_text(&e, "how", how);
	core_emit(c, &e);
}

void monitor_fact(struct core *c, const struct fact *f)
{
	struct event e;

	switch (f->type) {
	case FACT_CONFIG:
		config(c, f);
		break;
	case FACT_RESTORE_RUN:
		run(c, f);
		break;
	case FACT_ACCESS:
		access_event(c, f);
		break;
	case FACT_LOG:
		log_event(c, f);
		break;
	case FACT_PROCESS:
		process(c, f);
		break;
	default: /* FACT_STOP: what is confirmed waits for no statistics any more */
		c->stopping = true;
		drops_settle(c);
		claims_settle(c);
		accounts_settle(c);
		changes_flush(c, true);
		negotiations_settle(c, true);
		services_settle(c, true);
		core_event_init(c, &e, EVENT_MONITOR_STOPPED, NULL);
		core_emit(c, &e);
		break;
	}
}

void monitor_elect(struct core *c)
{
	char elected[sizeof(c->elected)];
	struct event e;

	(void)snprintf(elected, sizeof(elected), "%s%s%scounters",
		core_bpf_usable(c) ? "programs in the kernel, " : "",
		core_audit_usable(c) ? "audit records, " : "",
		core_sa_usable(c) ? "statistics of SAs, " : "");
	if (strcmp(elected, c->elected) == 0)
		return;
	core_event_init(c, &e, EVENT_EVIDENCE_ELECTED, NULL);
	detail_text(&e, "elected", elected);
	detail_text(&e, "before", c->elected);
	core_emit(c, &e);
	memcpy(c->elected, elected, sizeof(elected));
}
