/* SPDX-License-Identifier: Apache-2.0 */
#include "source/audit/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int grow(struct pending *p)
{
	size_t size = p->size ? p->size * 2 : 64;
	struct pending_change *v;

	if (p->size == PENDING_MAX)
		return -ENOSPC;
	v = realloc(p->v, size * sizeof(*v));
	if (!v)
		return -ENOMEM;
	p->v = v;
	p->size = size;
	return 0;
}

int pending_add(struct pending *p, const struct fact *change)
{
	int r = p->n == p->size ? grow(p) : 0;

	if (r)
		return r;
	p->v[p->n++] = (struct pending_change){
		.serial = change->audit_change.serial,
		.record_us = change->audit_change.record_us,
		.src = change->audit_change.src,
		.dst = change->audit_change.dst,
		.auid = change->audit_change.auid,
		.ses = change->audit_change.ses,
		.spi = change->audit_change.spi,
		.op = change->audit_change.op,
		.ok = change->audit_change.ok,
	};
	return 0;
}

bool pending_has(const struct pending *p, uint64_t serial)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].serial == serial)
			return true;
	}
	return false;
}

void pending_done(struct pending *p)
{
	free(p->v);
	*p = (struct pending){ 0 };
}

void pending_take(struct pending *p, uint64_t serial, pending_each_fn *each, void *userdata)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].serial == serial)
			each(userdata, &p->v[i]);
		else
			p->v[kept++] = p->v[i];
	}
	p->n = kept;
}

void pending_sweep(struct pending *p, pending_each_fn *each, void *userdata)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].waited) {
			each(userdata, &p->v[i]);
		} else {
			p->v[kept] = p->v[i];
			p->v[kept++].waited = true;
		}
	}
	p->n = kept;
}

void pending_fact(const struct pending_change *c, const struct audit_actor *actor, struct fact *ret)
{
	*ret = (struct fact){ .type = FACT_AUDIT_CHANGE, .source = SOURCE_AUDIT };
	ret->audit_change.op = c->op;
	ret->audit_change.ok = c->ok;
	ret->audit_change.auid = c->auid;
	ret->audit_change.ses = c->ses;
	ret->audit_change.pid = ret->audit_change.uid = UINT32_MAX;
	ret->audit_change.src = c->src;
	ret->audit_change.dst = c->dst;
	ret->audit_change.spi = c->spi;
	ret->audit_change.serial = c->serial;
	ret->audit_change.record_us = c->record_us;
	if (!actor)
		return;
	ret->audit_change.has_actor = true;
	ret->audit_change.pid = actor->pid;
	ret->audit_change.uid = actor->uid;
	memcpy(ret->audit_change.comm, actor->comm, sizeof(actor->comm));
	memcpy(ret->audit_change.exe, actor->exe, sizeof(actor->exe));
}
