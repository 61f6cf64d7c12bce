/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/filehead.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/config/conftext.h"

#define MEMBER(m) offsetof(struct config_file, m), sizeof(((struct config_file *)0)->m)

static const struct {
	const char *key;
	size_t offset, size;
} keys[] = { { "ipsecmon-name:", MEMBER(name) }, { "ipsecmon-description:", MEMBER(description) },
	{ "ipsecmon-unit:", MEMBER(unit) }, { "ipsecmon-gpo:", MEMBER(gpo) } };

void file_head(struct span text, struct config_file *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		*((char *)ret + keys[i].offset) = '\0';
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		struct span line = conf_trim(span_of(text.p, n));

		if (line.n > 0 && line.p[0] != '#')
			return;
		while (line.n > 0 && line.p[0] == '#')
			line = conf_trim(span_of(line.p + 1, line.n - 1));
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			char *value = (char *)ret + keys[i].offset;
			size_t key = strlen(keys[i].key);

			if (conf_starts(line, keys[i].key) && value[0] == '\0')
				conf_text_add(value, keys[i].size,
					conf_trim(span_of(line.p + key, line.n - key)));
		}
		n += end != NULL;
		text = span_of(text.p + n, text.n - n);
	}
}
