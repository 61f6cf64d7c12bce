/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "source/libreswan/libreswan.h"

/* What a source of pluto's said, and texts of whack to feed it with. */
static struct fact *said;
static size_t n_said;
static const char *texts; /* folder */
static char text_octets[1 << 16];

static void keep_fact(void *userdata, struct fact *f)
{
	(void)userdata;
	said = realloc(said, (n_said + 1) * sizeof(*said));
	assert_non_null(said);
	said[n_said++] = *f;
}

static const struct source_sink keep = { .emit = keep_fact };

static void forget_facts(void)
{
	free(said);
	said = NULL;
	n_said = 0;
}

static struct span file(const char *name)
{
	char path[4096];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", texts, name);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(text_octets, 1, sizeof(text_octets), f);
	assert_in_range(n, 1, sizeof(text_octets) - 1);
	fclose(f);
	return span_of(text_octets, n);
}

static size_t count(unsigned type)
{
	size_t n = 0;

	for (size_t i = 0; i < n_said; i++)
		n += said[i].type == type;
	return n;
}

/* The last of them; NULL: none. */
static const struct fact *last_of(unsigned type, const char *name)
{
	const struct fact *f = NULL;

	for (size_t i = 0; i < n_said; i++) {
		const char *at = type == FACT_IKE_SA             ? said[i].ike_sa.sa.name
				 : type == FACT_IKE_SA_GONE      ? said[i].ike_sa_gone.sa.name
				 : type == FACT_CHILD_SA         ? said[i].child_sa.sa.name
				 : type == FACT_CHILD_SA_GONE    ? said[i].child_sa_gone.sa.name
				 : type == FACT_CONNECTION       ? said[i].connection.name
				 : type == FACT_CONNECTION_CHILD ? said[i].connection_child.name
				 : type == FACT_IKE_COUNTER      ? said[i].ike_counter.name
								 : "";

		if (said[i].type == type && (!name || !strcmp(at, name)))
			f = &said[i];
	}
	return f;
}

static struct libreswan *fresh(void)
{
	struct libreswan *l = NULL;

	forget_facts();
	assert_int_equal(libreswan_new(7, 42, &keep, &l), 0);
	return l;
}

/* What was said until then is forgotten. */
static void feed(struct libreswan *l, enum whack_list list, const char *name)
{
	forget_facts();
	libreswan_output(l, list, file(name), 0);
}
