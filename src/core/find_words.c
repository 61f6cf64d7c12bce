/* SPDX-License-Identifier: Apache-2.0 */
#include "core/find_words.h"

#include <stdio.h>
#include <string.h>

/* What happens to a packet, and why a policy lost, in words. */

struct words {
	char *text;
	size_t n, size;
};

static void PRINTF_LIKE(2, 3) say(struct words *w, const char *format, ...)
{
	va_list args;
	int n;

	if (w->n >= w->size)
		return;
	va_start(args, format);
	n = vsnprintf(w->text + w->n, w->size - w->n, format, args);
	va_end(args);
	w->n += n > 0 ? (size_t)n : 0;
}

static const char *passes_as(uint8_t direction)
{
	return direction == POLICY_OUT   ? "sent in the clear"
	       : direction == POLICY_FWD ? "passed on in the clear"
					 : "accepted in the clear";
}

static void say_template(struct words *w, const struct template *t)
{
	char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];
	const char *proto = ipproto_name(t->proto), *mode = ipsec_mode_name(t->mode);

	say(w, "%s %s", proto ? proto : "?", mode ? mode : "?");
	if (!addr_is_any(&t->dst))
		say(w, " from %s to %s", addr_is_any(&t->src) ? "any" : addr_format(&t->src, src),
			addr_format(&t->dst, dst));
	say(w, ", reqid %u", t->reqid);
}

static void say_sas(struct words *w, const struct find_check *k)
{
	bool any = false;

	for (unsigned i = 0; i < k->n_templates; i++) {
		if (!k->templates[i].sa)
			continue;
		say(w, "%s 0x%08x", any ? " and" : " SA", k->templates[i].sa->spi);
		any = true;
	}
}

/* The first template that must be satisfied and has no SA. */
static const struct find_template *missing(const struct find_check *k)
{
	for (unsigned i = 0; i < k->n_templates; i++) {
		if (!k->templates[i].sa && !k->templates[i].wants.optional)
			return &k->templates[i];
	}
	return NULL;
}

static bool has_sa(const struct find_check *k)
{
	for (unsigned i = 0; i < k->n_templates; i++) {
		if (k->templates[i].sa)
			return true;
	}
	return false;
}

static void verdict_out(struct find_check *k, struct words *w)
{
	const struct find_template *t = missing(k);

	if (t) {
		k->fate = "dropped";
		say(w, "dropped: policy %u needs an SA (", t->policy);
		say_template(w, &t->wants);
		say(w, ") and there is none; an IKE daemon that listens is asked for it");
	} else if (has_sa(k)) {
		k->fate = "protected";
		say(w, "sent protected by");
		say_sas(w, k);
	} else {
		k->fate = "clear";
		say(w,
			"sent in the clear: the templates of policy %u are optional and there is "
			"no SA",
			k->policy.index);
	}
}

static void verdict_in(struct find_check *k, struct words *w)
{
	const struct find_template *t = missing(k);
	const char *passed = k->direction == POLICY_FWD ? "passed on" : "accepted";

	if (k->outcome == OUTCOME_OPTIONAL) {
		k->fate = "clear";
		say(w, "%s: the templates of policy %u are optional", passes_as(k->direction),
			k->policy.index);
		return;
	}
	k->fate = "dropped";
	say(w, "dropped if it comes in the clear (event 4963): policy %u demands ",
		k->n_templates ? k->templates[0].policy : k->policy.index);
	if (k->n_templates)
		say_template(w, &k->templates[0].wants);
	if (t)
		say(w, "; there is no SA by which it could come");
	else {
		say(w, "; %s if it came by", passed);
		say_sas(w, k);
	}
}

static const char *setting_name(const struct find_check *k)
{
	return k->direction == POLICY_OUT ? "disable_xfrm" : "disable_policy";
}

static void say_unasked(struct words *w, const struct find_check *k)
{
	say(w, "%s is set", setting_name(k));
	if (k->unasked_by)
		say(w, " on %s", k->unasked_by);
	say(w, ", so no policy is asked");
	if (k->has_spared)
		say(w, " (policy %u would fit)", k->spared);
}

void find_verdict(struct find_check *k)
{
	struct words w = { k->verdict, 0, sizeof(k->verdict) };
	uint32_t blocking = k->has_behind && k->behind.block && !k->policy.block ? k->behind.index
										 : k->policy.index;

	switch (k->outcome) {
	case OUTCOME_NO_POLICY:
		k->fate = "clear";
		say(&w, "%s: no policy fits, and what none fits is accepted",
			passes_as(k->direction));
		break;
	case OUTCOME_DEFAULT_BLOCK:
		k->fate = "dropped";
		say(&w, "dropped: ");
		if (k->unasked == SETTING_ON)
			say_unasked(&w, k);
		else
			say(&w, "no policy fits");
		say(&w, ", and what none fits is blocked");
		break;
	case OUTCOME_BLOCK:
		k->fate = "dropped";
		say(&w, "dropped: policy %u blocks it", blocking);
		break;
	case OUTCOME_BYPASS:
		k->fate = "clear";
		say(&w, "%s: policy %u lets it pass without an SA", passes_as(k->direction),
			k->policy.index);
		break;
	case OUTCOME_TOO_MANY:
		k->fate = "dropped";
		say(&w, "dropped: the policies have %u templates, and the kernel can handle %u",
			k->policy.n_templates + (k->has_behind ? k->behind.n_templates : 0u),
			POLICY_TEMPLATES - 1);
		break;
	case OUTCOME_UNASKED:
		k->fate = "clear";
		say(&w, "%s: ", passes_as(k->direction));
		say_unasked(&w, k);
		break;
	case OUTCOME_OPTIONAL:
	case OUTCOME_PROTECT:
		if (k->direction == POLICY_OUT)
			verdict_out(k, &w);
		else
			verdict_in(k, &w);
		break;
	}
	if (k->ambiguous)
		say(&w,
			". Ambiguous: %u other polic%s of the same priority fit%s as well, and the "
			"outcome is not the same",
			k->n_ties, k->n_ties == 1 ? "y" : "ies", k->n_ties == 1 ? "s" : "");
}

static void say_misfits(
	struct words *w, const struct policy *p, const struct find_loser *l, const struct flow *f)
{
	const struct selector *s = &p->selector;
	const char *proto = ipproto_name(s->proto), *and = "only for ";

	if (l->misfits & MISFIT_PROTO) {
		if (proto)
			say(w, "%s%s", and, proto);
		else
			say(w, "%sprotocol %u", and, s->proto);
		and = ", ";
	}
	if ((l->misfits & MISFIT_SPORT) && !(l->misfits & MISFIT_PROTO)) {
		say(w, "%s%s %u", and, flow_port_name(f->proto, false), s->sport);
		if (s->sport_mask != UINT16_MAX)
			say(w, " under mask 0x%x", s->sport_mask);
		and = ", ";
	}
	if ((l->misfits & MISFIT_DPORT) && !(l->misfits & MISFIT_PROTO)) {
		say(w, "%s%s %u", and, flow_port_name(f->proto, true), s->dport);
		if (s->dport_mask != UINT16_MAX)
			say(w, " under mask 0x%x", s->dport_mask);
		and = ", ";
	}
	if (l->misfits & MISFIT_INTERFACE) {
		say(w, "%sinterface %u", and, s->ifindex);
		if (p->direction == POLICY_IN)
			say(w, " (inbound the kernel compares with the loopback, 1)");
		and = ", ";
	}
	if (l->misfits & MISFIT_MARK) {
		say(w, "%smark 0x%x/0x%x", and, p->mark, p->mark_mask);
		and = ", ";
	}
	if (l->misfits & MISFIT_IF_ID)
		say(w, "%sif_id %u", and, p->if_id);
}

void find_why(const struct find_check *k, const struct find_loser *l, const struct policy *p,
	char ret[FIND_TEXT_SIZE])
{
	struct words w = { ret, 0, FIND_TEXT_SIZE };
	const struct policy *winner = &k->policy;

	ret[0] = '\0';
	if (l->misfits) {
		say_misfits(&w, p, l, &k->flow);
		return;
	}
	if (k->unasked == SETTING_ON) {
		say(&w, "not asked, for %s is set", setting_name(k));
		return;
	}
	if (k->has_policy && l->type != winner->type) {
		if (!k->has_behind || k->behind.direction != k->direction) {
			say(&w, "a main policy; sub-policy %u comes first", winner->index);
			return;
		}
		winner = &k->behind;
	}
	if (l->priority == winner->priority)
		say(&w, "the same priority %u, but installed later", l->priority);
	else if (l->priority > winner->priority)
		say(&w, "priority %u comes after %u", l->priority, winner->priority);
	else
		say(&w, "policy %u is offloaded to an interface and comes first", winner->index);
}
