/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "model/fact.h"
#include "source/config/confparse.h"

/*
 * What the fuzzers of configuration parsers share: the text up to a NUL is the main file, the rest
 * is what each include finds. What comes out must be facts that our own decoder takes.
 */
static struct span included;
static unsigned depth;

static const char *include(void *userdata, const char *pattern, const char *from,
	void (*visit)(void *parser, const char *path, struct span text), void *parser)
{
	(void)userdata;
	if (!memchr(pattern, '\0', PATH_SIZE) || from[0] != '/')
		abort();
	if (depth > 1)
		return "too deep";
	depth++;
	visit(parser, "/etc/swanctl/conf.d/other.conf", included);
	depth--;
	return NULL;
}

static void judge(struct fact *f)
{
	static struct fact again;
	struct buf octets = { 0 };
	size_t used;

	fact_encode(f, &octets);
	if (!octets.failed && fact_decode(buf_span(&octets), &again, &used) != FACT_OK)
		abort();
	buf_done(&octets);
}

static void take_connection(void *userdata, const struct connection *c)
{
	static struct fact f;

	(void)userdata;
	f = (struct fact){ .type = FACT_CONNECTION };
	f.connection = *c;
	judge(&f);
}

static void take_child(void *userdata, const struct connection_child *c)
{
	static struct fact f;

	(void)userdata;
	f = (struct fact){ .type = FACT_CONNECTION_CHILD };
	f.connection_child = *c;
	judge(&f);
}

static void take_error(void *userdata, const char *path, uint32_t line, const char *why)
{
	(void)userdata;
	(void)line;
	if (path[0] != '/' || why[0] == '\0')
		abort();
}

static const struct conf_files fuzz_files = { .include = include };
static const struct conf_sink fuzz_sink = {
	.connection = take_connection, .child = take_child, .error = take_error
};

/* Splits what the fuzzer made: *ret_main is of copy, which is as long as all of it. */
static void split(const uint8_t *copy, size_t size, struct span *ret_main)
{
	const uint8_t *nul = memchr(copy, '\0', size);
	size_t n = nul ? (size_t)(nul - copy) : size;

	included = nul ? span_of(nul + 1, size - n - 1) : span_of(copy, 0);
	depth = 0;
	*ret_main = span_of(copy, n);
}
