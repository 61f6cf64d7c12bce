/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "model/value.h"

/* Short hands for the field tables; private to src/model. */

static inline void set_number(struct value *v, bool known, uint64_t number)
{
	v->known = known;
	v->number = number;
}

/* NULL and "" are null. */
static inline void set_text(struct value *v, const char *text)
{
	v->known = text && text[0] != '\0';
	if (v->known)
		v->text = span_text(text);
}

/* Seconds from a to b; null where either is not known, or b lies before a. */
static inline void set_seconds(struct value *v, uint64_t a_us, uint64_t b_us)
{
	set_number(v, a_us != 0 && b_us >= a_us, (b_us - a_us) / 1000000);
}

static inline void set_addr(struct value *v, const struct addr *a)
{
	v->known = a->family != 0;
	v->addr = *a;
}

static inline void set_prefix(struct value *v, const struct prefix *p)
{
	v->known = p->addr.family != 0;
	v->prefix = *p;
}

/* GETTER(function, row type, what it does with `row` and `ret`) */
#define GETTER(name, type, body) \
	static void name(const void *opaque, struct value *ret) \
	{ \
		const type *row = opaque; \
		body; \
	}
