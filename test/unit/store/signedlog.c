/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "logfixture.h"

/*
 * For agree.py: writes a log of several segments into a directory, a head behind every other group
 * and at the end of each segment, the second half with another key; the last group is not covered.
 * With a second argument the closed segments are sealed.
 */
#define GROUPS 30u
#define EVENTS 3u

int main(int argc, char **argv)
{
	struct logfixture f = { .segment_size = 4000 };
	struct fixture_key first, second;
	struct eventlog_place place;
	struct eventlog_end end;
	struct eventlog *l;
	uint64_t number = 0;

	f.dir_fd = argc >= 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (f.dir_fd < 0)
		return 2;
	key_init(&first, 1);
	key_init(&second, 2);
	introduce_key(&f, &first, 1, NULL);
	l = fixture_reopen(&f, &end);
	for (unsigned i = 0; i < GROUPS; i++) {
		const struct fixture_key *k = i < GROUPS / 2 ? &first : &second;

		eventlog_set_key(l, k->key.fingerprint);
		if (i == GROUPS / 2)
			introduce_key(&f, &second, number + 1, &first);
		write_group_of(l, i * EVENTS + 1, i * EVENTS + EVENTS);
		assert_true(eventlog_place(l, &place));
		if (i + 1 < GROUPS && (i % 2 == 0 || place.ends_segment))
			sign_log(&f, l, k, ++number);
	}
	while (argc == 3 && eventlog_seal(l) > 0)
		;
	eventlog_free(l);
	return 0;
}
