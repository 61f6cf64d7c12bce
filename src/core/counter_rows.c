/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/internal.h"

/* Statistics beside those of the two modes: the driver's counters, sums of SAs, answers of the SAD.
 */

/* Lines of xfrm_stat. */
static bool each_counter(const struct netns *ns, core_each_fn *each, void *userdata)
{
	char key[COUNTER_NAME_SIZE + 16];

	for (unsigned i = 0; i < ns->n_accounts; i++) {
		const struct account *a = &ns->accounts[i];
		struct statistic_row row = { .key = key,
			.title = a->known ? a->known->title : a->name,
			.netns = ns->name,
			.unit = a->known && a->known->lookups ? "lookups" : "packets",
			.kind = "counter",
			.known = a->read,
			.value = a->kernel,
			.reason = a->read ? NULL : NO_STAT,
			.note = a->read ? NULL : NO_STAT,
			.definition = a->known ? a->known->cause
					       : "a counter that this version does not know",
			.source = "xfrm_stat",
			.cause = a->known ? a->known->cause : NULL,
			.action = a->known ? a->known->action : NULL };

		(void)snprintf(key, sizeof(key), "driver.%s", a->name);
		if (!each(userdata, &row))
			return false;
	}
	return true;
}

/* What the monitor counts of SAs and policies since it started. */
static bool each_sum(const struct netns *ns, core_each_fn *each, void *userdata)
{
	static const char over[] = "over living SAs and those that went while the monitor ran";
	const uint64_t *in = &ns->living.bytes[CARRIED_ALL][CARRIED_IN];
	const uint64_t *out = &ns->living.bytes[CARRIED_ALL][CARRIED_OUT];
	const struct {
		const char *key, *title, *unit, *kind;
		uint64_t value;
		const char *definition;
	} sums[] = {
		{ "sa.active", "Active security associations", "SAs", "gauge",
			ns->n_sa - ns->n_larval, "SAs with keys in the SAD" },
		{ "sa.larval", "Pending security associations", "SAs", "gauge", ns->n_larval,
			"SAs without keys yet: the IKE daemon was asked" },
		{ "sa.added", "SAs added", "SAs", "counter", ns->added,
			"since the monitor started" },
		{ "sa.deleted", "SAs deleted", "SAs", "counter", ns->deleted,
			"since the monitor started" },
		{ "sa.expired", "SAs expired", "SAs", "counter", ns->expired,
			"since the monitor started" },
		{ "sa.bytes_in", "Octets received", "octets", "counter",
			*in + ns->dead.bytes[CARRIED_ALL][CARRIED_IN], over },
		{ "sa.bytes_out", "Octets sent", "octets", "counter",
			*out + ns->dead.bytes[CARRIED_ALL][CARRIED_OUT], over },
		{ "sa.packets_in", "Packets received", "packets", "counter",
			ns->living.packets[CARRIED_IN] + ns->dead.packets[CARRIED_IN], over },
		{ "sa.packets_out", "Packets sent", "packets", "counter",
			ns->living.packets[CARRIED_OUT] + ns->dead.packets[CARRIED_OUT], over },
		{ "policy.count", "Policies", "policies", "gauge", ns->n_policy,
			"policies in the SPD, sockets' included" },
	};

	for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
		struct statistic_row row = { .key = sums[i].key,
			.title = sums[i].title,
			.netns = ns->name,
			.unit = sums[i].unit,
			.kind = sums[i].kind,
			.known = ns->sa_known,
			.value = sums[i].value,
			.reason = ns->sa_known ? NULL : NOT_READ,
			.definition = sums[i].definition,
			.source = "xfrm" };

		if (!each(userdata, &row))
			return false;
	}
	return true;
}

/* Answers of the SAD to key managers, by our programs in the kernel: nothing else counts them. */
static bool each_answer(
	const struct core *c, const struct netns *ns, core_each_fn *each, void *userdata)
{
	const struct {
		const char *key, *title;
		uint64_t value;
		const char *definition;
	} answers[] = {
		{ "sad.getspi", "SPIs allocated", ns->sad_done[SAD_RESULT_GETSPI],
			"requests of key managers for an SPI that the kernel granted" },
		{ "sad.getspi_failed", "SPIs refused", ns->sad_failed[SAD_RESULT_GETSPI],
			"requests of key managers for an SPI that the kernel refused" },
		{ "sad.additions", "Key additions", ns->sad_done[SAD_RESULT_ADD],
			"SAs that key managers added" },
		{ "sad.additions_failed", "Key additions refused", ns->sad_failed[SAD_RESULT_ADD],
			"SAs that the kernel refused to add" },
		{ "sad.updates", "Key updates", ns->sad_done[SAD_RESULT_UPDATE],
			"SAs that key managers gave keys to, or changed" },
		{ "sad.updates_failed", "Key updates refused", ns->sad_failed[SAD_RESULT_UPDATE],
			"updates of SAs that the kernel refused" },
	};
	bool known = core_bpf_covers(c, HOOK_OF_SAD);

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct statistic_row row = { .key = answers[i].key,
			.title = answers[i].title,
			.netns = ns->name,
			.unit = "requests",
			.kind = "counter",
			.known = known,
			.value = answers[i].value,
			.reason = known ? NULL : NO_BPF,
			.definition = answers[i].definition,
			.source = "bpf" };

		if (!each(userdata, &row))
			return false;
	}
	return true;
}

bool counter_rows(const struct core *c, const struct netns *ns, core_each_fn *each, void *userdata)
{
	return each_counter(ns, each, userdata) && each_sum(ns, each, userdata) &&
	       each_answer(c, ns, each, userdata);
}
