/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "source/strongswan/fields.h"
#include "source/strongswan/internal.h"
#include "source/strongswan/sections.h"

/* Points in time are told in whole seconds before or after now, and so tremble. */
#define TREMBLE_US 2500000

static void keep_still(uint64_t before_us, uint64_t *now_us)
{
	uint64_t apart = before_us > *now_us ? before_us - *now_us : *now_us - before_us;

	if (before_us != 0 && apart <= TREMBLE_US)
		*now_us = before_us;
}

static struct ike_sa read_ike(const struct strongswan *s, struct span name, struct span section)
{
	struct ike_sa sa = { .service = s->service };
	const struct known_ike *known;

	ike_sa_read(section, clock_real_us(), &sa);
	if (!vici_is(name, "(unnamed)"))
		field_text(name, sa.name, sizeof(sa.name));
	known = known_find(s, sa.unique);
	if (known) {
		keep_still(known->sa.established_us, &sa.established_us);
		keep_still(known->sa.rekey_us, &sa.rekey_us);
		keep_still(known->sa.reauth_us, &sa.reauth_us);
		/* Told while it is established only. */
		if (sa.established_us == 0)
			sa.established_us = known->sa.established_us;
	}
	return sa;
}

static struct child_sa read_child(
	const struct strongswan *s, const struct ike_sa *ike, struct span section)
{
	struct child_sa sa = { .service = s->service, .ike_unique = ike->unique };
	const struct known_child *known;

	memcpy(sa.ike_name, ike->name, sizeof(sa.ike_name));
	child_sa_read(section, clock_real_us(), &sa);
	known = map_get(s->children, &sa.unique);
	if (known) {
		keep_still(known->sa.installed_us, &sa.installed_us);
		keep_still(known->sa.rekey_us, &sa.rekey_us);
		keep_still(known->sa.expires_us, &sa.expires_us);
	}
	return sa;
}

/* Children that were the old IKE SA's are the new one's. */
static void move_children(struct strongswan *s, uint64_t from, const struct ike_sa *to)
{
	struct known_child *child;

	for (size_t at = 0; (child = map_next(s->children, &at, NULL));) {
		if (child->sa.ike_unique != from)
			continue;
		child->sa.ike_unique = to->unique;
		memcpy(child->sa.ike_name, to->name, sizeof(to->name));
		known_tell_child(s, IKE_OP_CHANGED, 0, &child->sa);
	}
}

/*
 * charon rekeys an IKEv1 SA by another one beside it, and says so nowhere: the one of the same
 * connection between the same two that was up already.
 */
static struct known_ike *replaced_v1(const struct strongswan *s, const struct ike_sa *sa)
{
	struct known_ike *known, *found = NULL;

	for (size_t at = 0; (known = map_next(s->ikes, &at, NULL));) {
		if (known->up && known->replaced_by == 0 && known->sa.version == 1 &&
			known->sa.unique != sa->unique && !strcmp(known->sa.name, sa->name) &&
			!strcmp(known->sa.remote_id, sa->remote_id) &&
			!strcmp(known->sa.local_id, sa->local_id) &&
			addr_equal(&known->sa.remote, &sa->remote))
			found = known; /* the newest */
	}
	return found;
}

static void ike_up(struct strongswan *s, const struct ike_sa *sa)
{
	struct known_ike *before = sa->version == 1 ? replaced_v1(s, sa) : NULL;

	gone_remove(&s->gone_ikes, sa->unique);
	(void)known_keep_ike(s, sa);
	evidence_up(s, sa);
	known_tell_ike(s, before ? IKE_OP_REKEYED : IKE_OP_UP, before ? before->sa.unique : 0, sa);
	if (before) {
		before->replaced_by = sa->unique;
		move_children(s, before->sa.unique, sa);
	}
	/* When they are done, no event says so. */
	if (sa->tasks_queued > 0)
		requests_soon(s, REQUEST_SAS);
}

static void ike_down(struct strongswan *s, const struct ike_sa *sa)
{
	const struct known_ike *known = known_find(s, sa->unique);
	bool failed = sa->state <= IKE_CONNECTING && !(known && known->up);

	if (gone_has(&s->gone_ikes, sa->unique))
		return;
	if (failed)
		evidence_down(s, sa);
	evidence_gone(s, sa, !failed);
	known_tell_ike_gone(s,
		failed                        ? IKE_GONE_FAILED
		: known && known->replaced_by ? IKE_GONE_REPLACED
					      : IKE_GONE_DOWN,
		sa);
	known_forget(s->ikes, sa->unique);
	gone_add(&s->gone_ikes, sa->unique);
}

static void ike_updown(struct strongswan *s, bool up, const struct vici_item *ike)
{
	struct ike_sa sa = read_ike(s, ike->name, ike->body);

	if (up)
		ike_up(s, &sa);
	else
		ike_down(s, &sa);
}

static void ike_rekey(struct strongswan *s, const struct vici_item *ike)
{
	struct ike_sa old = read_ike(s, ike->name, vici_get(ike->body, VICI_SECTION, "old"));
	struct ike_sa new = read_ike(s, ike->name, vici_get(ike->body, VICI_SECTION, "new"));

	if (old.unique == 0 || new.unique == 0)
		return;
	(void)known_keep_ike(s, &new);
	known_tell_ike(s, IKE_OP_REKEYED, old.unique, &new);
	known_tell_ike_gone(s, IKE_GONE_REPLACED, &old);
	known_forget(s->ikes, old.unique);
	gone_add(&s->gone_ikes, old.unique);
	move_children(s, old.unique, &new);
}

/* The section has the addresses from before; the new ones stand beside it. */
static void ike_update(struct strongswan *s, const struct vici_item *ike, struct span message)
{
	struct ike_sa sa = read_ike(s, ike->name, ike->body), now = { 0 };

	ike_sa_read(message, 0, &now);
	sa.local = now.local;
	sa.remote = now.remote;
	sa.local_port = now.local_port;
	sa.remote_port = now.remote_port;
	if (sa.unique == 0 || gone_has(&s->gone_ikes, sa.unique))
		return;
	(void)known_keep_ike(s, &sa);
	known_tell_ike(s, IKE_OP_CHANGED, 0, &sa);
	/* Who it is, it will know in a moment; but a half-open SA is no news then. */
	if (sa.state >= IKE_ESTABLISHED && sa.name[0] == '\0')
		requests_soon(s, REQUEST_SAS);
}

/* What an IKE SA learns after it came up: virtual addresses, identities, tasks done. */
static bool learned(const struct ike_sa *before, const struct ike_sa *now)
{
	return strcmp(before->name, now->name) != 0 || strcmp(before->vips, now->vips) != 0 ||
	       strcmp(before->remote_user, now->remote_user) != 0 ||
	       strcmp(before->remote_id, now->remote_id) != 0 || before->state != now->state ||
	       before->tasks_queued != now->tasks_queued ||
	       before->children_queued != now->children_queued ||
	       before->if_id_in != now->if_id_in || before->if_id_out != now->if_id_out;
}

/* An event of a child tells its IKE SA with it. */
static void ike_beside(struct strongswan *s, const struct ike_sa *sa, bool child_up)
{
	const struct known_ike *known = known_find(s, sa->unique);

	if (!known && child_up)
		requests_soon(s, REQUEST_SAS);
	if (!known || !learned(&known->sa, sa))
		return;
	(void)known_keep_ike(s, sa);
	known_tell_ike(s, IKE_OP_CHANGED, 0, sa);
}

static void child_updown(struct strongswan *s, bool up, const struct vici_item *ike)
{
	struct ike_sa ike_sa = read_ike(s, ike->name, ike->body);
	struct span children = vici_get(ike->body, VICI_SECTION, "child-sas");
	struct vici_item item;

	ike_beside(s, &ike_sa, up);
	while (vici_next(&children, &item)) {
		struct child_sa sa;
		bool failed;

		if (item.kind != VICI_SECTION)
			continue;
		sa = read_child(s, &ike_sa, item.body);
		if (sa.unique == 0)
			continue;
		if (up) {
			gone_remove(&s->gone_children, sa.unique);
			known_keep_child(s, &sa);
			evidence_child_up(s, &ike_sa);
			known_tell_child(s, IKE_OP_UP, 0, &sa);
			continue;
		}
		if (gone_has(&s->gone_children, sa.unique))
			continue;
		failed = !map_get(s->children, &sa.unique) && sa.state < CHILD_INSTALLED;
		known_tell_child_gone(s, failed ? IKE_GONE_FAILED : IKE_GONE_DOWN, &sa);
		known_forget(s->children, sa.unique);
		gone_add(&s->gone_children, sa.unique);
	}
}

static void child_rekey(struct strongswan *s, const struct vici_item *ike)
{
	struct ike_sa ike_sa = read_ike(s, ike->name, ike->body);
	struct span children = vici_get(ike->body, VICI_SECTION, "child-sas");
	struct vici_item item;

	ike_beside(s, &ike_sa, true);
	while (vici_next(&children, &item)) {
		struct child_sa old, new;

		old = read_child(s, &ike_sa, vici_get(item.body, VICI_SECTION, "old"));
		new = read_child(s, &ike_sa, vici_get(item.body, VICI_SECTION, "new"));
		if (old.unique == 0 || new.unique == 0)
			continue;
		known_keep_child(s, &new);
		known_tell_child(s, IKE_OP_REKEYED, old.unique, &new);
		known_tell_child_gone(s, IKE_GONE_REPLACED, &old);
		known_forget(s->children, old.unique);
		gone_add(&s->gone_children, old.unique);
	}
}

void sas_event(struct strongswan *s, struct span name, struct span message)
{
	struct span items = message;
	struct vici_item ike;
	bool up = vici_get(message, VICI_VALUE, "up").n > 0;

	while (vici_next(&items, &ike)) {
		if (ike.kind != VICI_SECTION)
			continue;
		if (vici_is(name, "ike-updown"))
			ike_updown(s, up, &ike);
		else if (vici_is(name, "ike-rekey"))
			ike_rekey(s, &ike);
		else if (vici_is(name, "ike-update"))
			ike_update(s, &ike, message);
		else if (vici_is(name, "child-updown"))
			child_updown(s, up, &ike);
		else if (vici_is(name, "child-rekey"))
			child_rekey(s, &ike);
	}
}

void sas_listed(struct strongswan *s, struct span message)
{
	struct vici_item ike, item;

	while (vici_next(&message, &ike)) {
		struct ike_sa sa;
		struct span children;

		if (ike.kind != VICI_SECTION)
			continue;
		sa = read_ike(s, ike.name, ike.body);
		if (sa.unique == 0 || gone_has(&s->gone_ikes, sa.unique))
			continue;
		(void)known_keep_ike(s, &sa);
		known_tell_ike(s, IKE_OP_LISTED, 0, &sa);
		children = vici_get(ike.body, VICI_SECTION, "child-sas");
		while (vici_next(&children, &item)) {
			struct child_sa child;

			if (item.kind != VICI_SECTION)
				continue;
			child = read_child(s, &sa, item.body);
			if (child.unique == 0 || gone_has(&s->gone_children, child.unique))
				continue;
			known_keep_child(s, &child);
			known_tell_child(s, IKE_OP_LISTED, 0, &child);
		}
	}
}
