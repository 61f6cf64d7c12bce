/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/nearest.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 64 /* longer words are compared by their beginning */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int lower(char c)
{
	return tolower((unsigned char)c);
}

unsigned edit_distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	size_t n = strnlen(a, WORD_MAX), m = strnlen(b, WORD_MAX);

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = rows[i % 3];
		const unsigned *up = rows[(i - 1) % 3], *upper = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned differs = lower(a[i - 1]) != lower(b[j - 1]);

			now[j] = least(up[j - 1] + differs, least(up[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]))
				now[j] = least(now[j], upper[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

const char *nearest(const char *word, const char *const *choices, size_t n)
{
	unsigned best = (unsigned)(strlen(word) + 2) / 3 + 1;
	const char *ret = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = edit_distance(word, choices[i]);

		if (d < best) {
			best = d;
			ret = choices[i];
		}
	}
	return ret;
}
