/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A row of noun_reconcile: kernel = attributed + unattributed + suppressed + difference. */
struct reconcile_row {
	const char *netns;
	const char *counter;
	uint64_t kernel, attributed, unattributed, suppressed;
	int64_t difference; /* what still waits for its explanation; 0 once settled */
	const char *evidence; /* the best that tells single drops of this counter */
	const char *hook; /* … if it is bpf: by which hook; "" */
};

/* A row of noun_statistic, noun_mainmode_statistic or noun_quickmode_statistic. */
struct statistic_row {
	const char *key; /* "driver.XfrmInNoStates", "mainmode.key_additions", … */
	const char *title, *netns, *unit, *kind; /* kind: counter or gauge */
	const char *daemon; /* "strongSwan"; NULL: the sum, or of none */
	bool known;
	uint64_t value;
	bool has_since;
	uint64_t since; /* since the IKE service started; of Quick Mode since boot */
	bool before_unknown; /* of since: something may have happened before our first sight */
	const char *reason; /* why the value is not known; NULL: it is */
	const char *parts; /* what it is made of, or what stands beside it; NULL, "": nothing */
	const char *note; /* of which daemon, and the reason or the parts */
	const char *definition, *source;
	const char *cause, *action; /* what usually moves it, what to do; may be NULL */
	const char *events; /* IDs that tell single cases; may be NULL */
};

/* A row of noun_audit_setting. */
struct audit_setting_row {
	const char *category, *subcategory;
	const char *setting; /* not configured, none, success, failure, success and failure */
	const char *
		effect; /* what is audited in effect: none, success, failure, success and failure */
	const char *origin; /* default, or who set it and when */
	const char *volume; /* low, medium, high */
	const char *purpose;
};

struct policy;

/* A row of noun_lint: what is wrong with one policy. */
struct lint_row {
	const struct policy *policy;
	const char *netns;
	const char *rule, *severity; /* severity: error or warning */
	bool has_other;
	uint32_t other; /* index of the policy in the way */
	const char *cause, *remedy;
};

struct negotiation;

/* A row of noun_failure: negotiations that failed, the same but for their time. */
struct failure_row {
	const struct negotiation *n; /* the newest */
	const char *daemon, *netns;
	const char *evidence; /* what said so */
	const char *why, *remedy;
	uint32_t event;
	uint64_t first_us, last_us, count;
};

struct service;

/* A row of noun_service. */
struct service_row {
	const struct service *service;
	const char *netns;
	uint64_t since_us; /* in this state */
	const char *sockets; /* "0.0.0.0:500 [::]:4500", or why that is not known */
	uint64_t drops, queue; /* of its sockets */
	bool sockets_known;
};
