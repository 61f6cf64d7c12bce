/* SPDX-License-Identifier: Apache-2.0 */
#include "api/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

int ring_init(struct ring *r, uint64_t next_seq)
{
	*r = (struct ring){ .from_seq = next_seq };
	r->lines = calloc(API_RING_LINES, sizeof(*r->lines));
	return r->lines ? 0 : -ENOMEM;
}

static struct ring_line *line_at(const struct ring *r, size_t i)
{
	return &r->lines[(r->first + i) % API_RING_LINES];
}

static void drop_first(struct ring *r)
{
	struct ring_line *l = line_at(r, 0);

	r->from_seq = l->seq + 1;
	r->octets -= l->n;
	free(l->text);
	*l = (struct ring_line){ 0 };
	r->first = (r->first + 1) % API_RING_LINES;
	r->n--;
}

void ring_done(struct ring *r)
{
	while (r->n > 0)
		drop_first(r);
	free(r->lines);
	r->lines = NULL;
}

void ring_push(struct ring *r, uint64_t seq, struct span line)
{
	char *text = malloc(line.n ? line.n : 1);

	while (r->n > 0 &&
		(!text || r->n == API_RING_LINES || r->octets + line.n > API_RING_OCTETS))
		drop_first(r);
	if (!text) {
		r->from_seq = seq + 1; /* the log has it */
		return;
	}
	if (line.n)
		memcpy(text, line.p, line.n);
	*line_at(r, r->n) = (struct ring_line){ .seq = seq, .text = text, .n = line.n };
	r->n++;
	r->octets += line.n;
}

const struct ring_line *ring_find(const struct ring *r, uint64_t seq)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (line_at(r, middle)->seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->n ? line_at(r, low) : NULL;
}
