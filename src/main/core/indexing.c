/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "main/core/process.h"
#include "main/log.h"

/*
 * The index follows the log between other work, in steps so short that no group waits for one. It
 * may fail as it likes: answers are then scanned for.
 */
#define STEP_LINES 200u /* some milliseconds */
#define IDLE_MS 200u
#define PAUSES 2u /* it rests so many times as long as it worked */

/* In the midst of a step or of an answer nothing can be fed: on_step() does it. */
static void on_told(void *userdata, const char *what)
{
	struct process *p = userdata;

	log_line(LOG_WARNING, "%s", what);
	(void)snprintf(p->index_told, sizeof(p->index_told), "%s", what);
}

static void on_step(uv_timer_t *timer)
{
	struct process *p = timer->data;
	uint64_t begun_ns = clock_boot_ns(), pause_ms = IDLE_MS;

	if (index_follow(p->index, p->last_seq, STEP_LINES, begun_ns) > 0)
		pause_ms = PAUSES * (clock_boot_ns() - begun_ns) / 1000000u + 1;
	if (p->index_told[0]) {
		feed_log(p, LOG_INDEX_DROPPED, 0, p->index_told);
		p->index_told[0] = '\0';
	}
	(void)uv_timer_start(timer, on_step, pause_ms, 0);
}

void indexing_begin(struct process *p)
{
	const struct index_options o = {
		.state_fd = p->state_fd, .boot = p->config.boot, .told = on_told, .userdata = p
	};
	int r = index_open(&o, &p->index);

	if (r < 0) {
		log_line(LOG_ERR, "there is no index of the event log: %s", strerror(-r));
		return;
	}
	(void)uv_timer_init(&p->loop, &p->index_timer);
	p->index_timer.data = p;
	(void)uv_timer_start(&p->index_timer, on_step, IDLE_MS, 0);
}

int indexing_anew(struct process *p, const struct api_peer *who, uint64_t *ret_ticket)
{
	struct fact f = { .type = FACT_ACCESS };

	index_rebuild(p->index);
	f.access.op = ACCESS_REINDEX;
	f.access.uid = who->uid;
	f.access.pid = who->pid;
	f.access.auid = who->auid;
	*ret_ticket = feed_own(p, &f);
	return 0;
}

void indexing_done(struct process *p)
{
	p->index = index_close(p->index);
}
