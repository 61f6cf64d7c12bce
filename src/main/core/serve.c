/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/core/process.h"

/* The API in this process: what it may ask for, and when it runs. */

static uint64_t boot_ns(void *userdata)
{
	(void)userdata;
	return clock_boot_ns();
}

static uint64_t real_us(void *userdata)
{
	(void)userdata;
	return clock_real_us();
}

static uint64_t on_feed(void *userdata, struct fact *f)
{
	return feed_own(userdata, f);
}

static int on_set_audit(void *userdata, const struct api_peer *who, const uint8_t *subcategories,
	size_t n, uint8_t setting, uint64_t *ret_ticket, struct diag *reterr)
{
	return audit_change(userdata, who, subcategories, n, setting, ret_ticket, reterr);
}

static int on_reindex(void *userdata, const struct api_peer *who, uint64_t *ret_ticket)
{
	return indexing_anew(userdata, who, ret_ticket);
}

static bool on_refresh(void *userdata)
{
	return facts_refresh(userdata);
}

static void on_log_state(void *userdata, struct api_log_state *ret)
{
	const struct process *p = userdata;

	*ret = (struct api_log_state){ .last_seq = p->last_seq,
		.lost = eventlog_lost(p->log),
		.waiting = eventlog_group_events(p->log),
		.error = p->failing,
		.seal_error = p->seal_failing,
		.head = p->heads.number,
		.head_us = p->heads.time_us,
		.key = p->heads.key[0] ? p->heads.key : NULL,
		.unsigned_why = p->heads.error[0]         ? p->heads.error
				: p->heads.keyring.n == 0 ? "there is no key"
							  : NULL };
}

static void on_api(uv_poll_t *poll, int status, int events)
{
	(void)poll; /* serve_run() is called before the loop waits again */
	(void)status;
	(void)events;
}

static void on_api_timer(uv_timer_t *timer)
{
	(void)timer;
}

static bool group_find(const char *name, uint32_t *ret)
{
	const struct group *g = getgrnam(name);

	if (g)
		*ret = g->gr_gid;
	return g != NULL;
}

int serve_begin(struct process *p, int listen_fd, const char *note, struct diag *reterr)
{
	struct api_options o = { .core = p->core,
		.listen_fd = listen_fd,
		.state_fd = p->state_fd,
		.index = p->index,
		.last_seq = p->last_seq,
		.own_uid = geteuid() };
	const struct passwd *user = getpwuid(geteuid());
	char runs_as[FACT_TEXT_SIZE + 64];
	int r;

	(void)snprintf(runs_as, sizeof(runs_as), "%.32s%s%s", user ? user->pw_name : "?",
		note[0] ? "; " : "", note);
	o.runs_as = runs_as;
	o.is_private = o.own_uid != 0 && !(user && strcmp(user->pw_name, "ipsecmon") == 0);
	o.has_read_gid = group_find("ipsecmon", &o.read_gid);
	o.has_admin_gid = group_find("ipsecmon-admin", &o.admin_gid);
	o.calls = (struct api_calls){ .userdata = p, .boot_ns = boot_ns, .real_us = real_us };
	if (p->state_fd >= 0) {
		o.calls.feed = on_feed;
		o.calls.set_audit = on_set_audit;
		o.calls.reindex = on_reindex;
		o.calls.refresh = on_refresh;
		o.calls.log_state = on_log_state;
	}
	r = api_new(&o, &p->api, reterr);
	if (r < 0)
		return r;
	api_committed(p->api, p->settled);
	r = uv_poll_init(&p->loop, &p->api_poll, api_fd(p->api));
	if (r == 0)
		r = uv_poll_start(&p->api_poll, UV_READABLE, on_api);
	return r < 0 ? diag_set(reterr, r, "event loop: %s", uv_strerror(r)) : 0;
}

void serve_run(struct process *p)
{
	int ms;

	if (!p->api)
		return;
	api_run(p->api);
	ms = api_timeout_ms(p->api);
	if (ms < 0)
		(void)uv_timer_stop(&p->api_timer);
	else
		(void)uv_timer_start(&p->api_timer, on_api_timer, (uint64_t)ms, 0);
}

void serve_done(struct process *p)
{
	if (!p->api)
		return;
	(void)uv_poll_stop(&p->api_poll);
	p->api = api_free(p->api);
}
