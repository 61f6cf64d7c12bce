/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/find.h"

/*
 * A question of `find` as a request has it, one parameter a line: source, destination, protocol,
 * ports, mark, if_id, netns, direction, interface, losers. What is refused has a reason; what is
 * taken is answered, if only by "nothing is known", and the answer is JSON without holes.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_event(void *userdata, const struct event *e)
{
	(void)userdata;
	(void)e;
}

static void ignore_reading(void *userdata, const struct core_reading *r)
{
	(void)userdata;
	(void)r;
}

/* A netns with an address and two policies that tie. */
static struct core *core_make(void)
{
	const struct core_sink sink = { .event = ignore_event, .reading = ignore_reading };
	struct core *c = NULL;
	struct fact f = { .type = FACT_ORIGIN };

	if (core_new(&sink, &c) < 0)
		abort();
	core_feed(c, &f);
	f = (struct fact){ .type = FACT_NETNS, .netns = 1 };
	f.netns_change.there = f.netns_change.watched = true;
	memcpy(f.netns_change.name, "init", 5);
	core_feed(c, &f);
	f = (struct fact){ .type = FACT_LINK, .netns = 1 };
	f.link.link = (struct link){ .netns = 1, .ifindex = 2, .name = "eth0", .if_id = 3 };
	core_feed(c, &f);
	for (uint32_t i = 0; i < 2; i++) {
		f = (struct fact){ .type = FACT_POLICY, .netns = 1 };
		f.policy.policy = (struct policy){ .netns = 1, .index = 8 * i + 9, .block = i };
		f.policy.policy.direction = POLICY_OUT;
		f.policy.policy.selector.src.addr.family = AF_INET;
		f.policy.policy.selector.dst.addr.family = AF_INET;
		core_feed(c, &f);
	}
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *next = text, *lines[11];
	struct find_answer *answer = calloc(1, sizeof(*answer));
	struct core *c = core_make();
	CLEANUP_BUF struct buf out = { 0 };
	struct find_question q;
	struct diag why = { "" };

	if (!text || !answer)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		lines[i] = *next ? next : NULL;
		next += strcspn(next, "\n");
		if (*next)
			*next++ = '\0';
		if (lines[i] && !*lines[i])
			lines[i] = NULL;
	}
	if (find_question_parse(&(struct find_text){ { lines[0], lines[1], lines[2], lines[3],
							     lines[4], lines[5], lines[6] },
					lines[7], lines[8], lines[9], lines[10] },
		    &q, &why) == 0) {
		if (core_find(c, &q, answer, &why) == 0)
			find_json(c, &q, answer, &out);
		else if (!why.text[0])
			abort();
		if (out.failed)
			abort();
	} else if (!why.text[0]) {
		abort(); /* a refusal without a reason */
	}
	find_answer_done(answer);
	free(answer);
	core_free(c);
	free(text);
	return 0;
}
