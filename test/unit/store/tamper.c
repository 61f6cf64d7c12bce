/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "logfixture.h"

#define SEGMENTS 6
#define LINES_MAX 64

/* A log of several segments, kept in memory line by line (with their newlines). */
struct copy {
	char names[SEGMENTS][32];
	char *text[SEGMENTS];
	size_t size[SEGMENTS], n_lines[SEGMENTS];
	struct {
		const char *p;
		size_t n;
	} lines[SEGMENTS][LINES_MAX];
};

static uint32_t rng = 12345;

static uint32_t draw(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 17;
	rng ^= rng << 5;
	return rng % below;
}

static void make_log(struct logfixture *f, struct copy *c)
{
	struct eventlog_end end;
	struct eventlog *l;
	uint64_t seq = 1;

	fixture_init(f);
	f->segment_size = 6000;
	l = fixture_reopen(f, &end);
	while (segment_names(f, c->names, SEGMENTS) < SEGMENTS) {
		write_group_of(l, seq, seq + 3);
		seq += 4;
	}
	write_group_of(l, seq, seq + 3);
	eventlog_free(l);
	for (size_t s = 0; s < SEGMENTS; s++) {
		const char *p = c->text[s] = read_log_file(f, c->names[s], &c->size[s]);

		c->n_lines[s] = 0;
		while (*p) {
			size_t n = (size_t)(strchr(p, '\n') - p) + 1;

			assert_true(c->n_lines[s] < LINES_MAX);
			c->lines[s][c->n_lines[s]].p = p;
			c->lines[s][c->n_lines[s]++].n = n;
			p += n;
		}
	}
}

static void done(struct logfixture *f, struct copy *c)
{
	for (size_t s = 0; s < SEGMENTS; s++)
		free(c->text[s]);
	fixture_done(f);
}

static void restore_segment(struct logfixture *f, const struct copy *c, size_t s)
{
	write_log_file(f, c->names[s], c->text[s], c->size[s]);
}

static void expect_bad(struct logfixture *f, const char *segment, uint64_t line)
{
	struct eventlog_verdict v = { 0 };

	assert_int_equal(verify(f, &v), -EBADMSG);
	assert_string_equal(v.segment, segment);
	assert_int_equal(v.line, line);
	assert_string_not_equal(v.reason, "");
}

enum edit { CHANGE, CHANGE_DIGEST, REMOVE, INSERT, SWAP, CUT, N_EDITS };

/* One edit of line k (from 0) of segment s, written to the file. */
static void apply(struct logfixture *f, const struct copy *c, enum edit edit, size_t s, size_t k)
{
	const char *p = c->lines[s][k].p, *end = c->text[s] + c->size[s];
	size_t n = c->lines[s][k].n, i = draw((uint32_t)n), cut;
	CLEANUP_BUF struct buf out = { 0 };

	buf_append(&out, c->text[s], (size_t)(p - c->text[s]));
	switch (edit) {
	case CHANGE_DIGEST:
		i = n - 4 - i % 10; /* `"}` and the newline follow it */
		buf_append(&out, p, i);
		buf_char(&out, p[i] == '7' ? '8' : '7');
		buf_append(&out, p + i + 1, n - i - 1);
		break;
	case REMOVE:
		break;
	case INSERT: /* of a line that is genuine elsewhere */
		i = draw((uint32_t)c->n_lines[s]);
		i = i == k ? i + 1 : i;
		buf_append(&out, c->lines[s][i].p, c->lines[s][i].n);
		buf_append(&out, p, n);
		break;
	case SWAP: /* with the one behind */
		buf_append(&out, p + n, c->lines[s][k + 1].n);
		buf_append(&out, p, n);
		n += c->lines[s][k + 1].n;
		break;
	case CUT: /* a few octets, anywhere within */
		cut = 1 + draw((uint32_t)(n - i));
		buf_append(&out, p, i);
		buf_append(&out, p + i + cut, n - i - cut);
		break;
	case CHANGE:
	case N_EDITS:
		buf_append(&out, p, i);
		buf_char(&out, (char)(p[i] ^ (1 << draw(7))));
		buf_append(&out, p + i + 1, n - i - 1);
		break;
	}
	buf_append(&out, p + n, (size_t)(end - p) - n);
	write_log_file(f, c->names[s], out.p, out.n);
}

/* Every one of 1,000 random edits is found, in the very line where the log stops being true. */
static void a_thousand_edits_are_found(void **state)
{
	struct logfixture f;
	struct copy c;

	(void)state;
	make_log(&f, &c);
	for (unsigned i = 0; i < 1000; i++) {
		enum edit edit = (enum edit)(i % N_EDITS);
		size_t s = draw(SEGMENTS);
		/* Not a segment's last line: what becomes of that has its own test. */
		size_t k = draw((uint32_t)c.n_lines[s] - 1);

		if (edit == SWAP && k + 2 >= c.n_lines[s])
			k--;
		apply(&f, &c, edit, s, k);
		expect_bad(&f, c.names[s], k + 1);
		restore_segment(&f, &c, s);
	}
	done(&f, &c);
}

/* The last line of a segment proves its group with all digits. */
static void every_octet_of_a_commit_line_is_proven(void **state)
{
	struct logfixture f;
	struct copy c;

	(void)state;
	make_log(&f, &c);
	for (size_t s = 0; s < SEGMENTS; s += SEGMENTS - 1) {
		size_t k = c.n_lines[s] - 1, n = c.lines[s][k].n;
		char *p = c.text[s] + (c.lines[s][k].p - c.text[s]);

		for (size_t i = 0; i < n - 1; i++) { /* without the newline */
			p[i] ^= 1;
			restore_segment(&f, &c, s);
			expect_bad(&f, c.names[s], k + 1);
			p[i] ^= 1;
		}
		restore_segment(&f, &c, s);
	}
	done(&f, &c);
}

static void cut_ends_and_missing_segments_are_found(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct logfixture f;
	struct copy c;

	(void)state;
	make_log(&f, &c);
	for (size_t s = 0; s + 1 < SEGMENTS; s++) {
		size_t last = c.lines[s][c.n_lines[s] - 1].n;
		size_t group = 0;
		char path[64];

		write_log_file(&f, c.names[s], c.text[s], c.size[s] - last); /* its commit line */
		expect_bad(&f, c.names[s], c.n_lines[s] - 1);
		write_log_file(&f, c.names[s], c.text[s], c.size[s] - 1); /* its newline */
		expect_bad(&f, c.names[s], c.n_lines[s]);
		for (size_t i = 0; i < 6; i++) /* its whole last group */
			group += c.lines[s][c.n_lines[s] - 1 - i].n;
		write_log_file(&f, c.names[s], c.text[s], c.size[s] - group);
		expect_bad(&f, c.names[s + 1], 1);
		write_log_file(&f, c.names[s], "", 0);
		expect_bad(&f, c.names[s], 1);
		(void)snprintf(path, sizeof(path), "log/%.31s", c.names[s]);
		assert_int_equal(unlinkat(f.dir_fd, path, 0), 0);
		if (s > 0)
			expect_bad(&f, c.names[s + 1], 1);
		restore_segment(&f, &c, s);
	}
	/* The oldest may go, as by retention: the verdict says with which number the log begins. */
	assert_int_equal(verify(&f, &v), 0);
	assert_int_equal(v.first_segment, 1);
	done(&f, &c);
}

static void segments_in_each_others_place_are_found(void **state)
{
	struct eventlog_verdict v = { 0 };
	struct logfixture f;
	struct copy c;

	(void)state;
	make_log(&f, &c);
	write_log_file(&f, c.names[2], c.text[3], c.size[3]);
	expect_bad(&f, c.names[2], 1);
	write_log_file(&f, c.names[3], c.text[2], c.size[2]);
	expect_bad(&f, c.names[2], 1);
	restore_segment(&f, &c, 2);
	restore_segment(&f, &c, 3);
	write_log_file(&f, c.names[0], c.text[5], c.size[5]); /* under a wrong name, first of all */
	assert_int_equal(verify(&f, &v), -EBADMSG);
	restore_segment(&f, &c, 0);
	assert_int_equal(verify(&f, &v), 0);
	done(&f, &c);
}

/* What the chain cannot tell, but signed heads do: heads.c beside. */
static void a_group_cut_from_the_very_end_is_not_found(void **state)
{
	struct eventlog_verdict v = { 0 };
	size_t s = SEGMENTS - 1, group = 0;
	struct logfixture f;
	struct copy c;

	(void)state;
	make_log(&f, &c);
	for (size_t i = 0; i < 6; i++)
		group += c.lines[s][c.n_lines[s] - 1 - i].n;
	write_log_file(&f, c.names[s], c.text[s], c.size[s] - group);
	assert_int_equal(verify(&f, &v), 0);
	done(&f, &c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_edits_are_found),
		cmocka_unit_test(every_octet_of_a_commit_line_is_proven),
		cmocka_unit_test(cut_ends_and_missing_segments_are_found),
		cmocka_unit_test(segments_in_each_others_place_are_found),
		cmocka_unit_test(a_group_cut_from_the_very_end_is_not_found),
	};

	return cmocka_run_group_tests_name("store/tamper", tests, NULL, NULL);
}
