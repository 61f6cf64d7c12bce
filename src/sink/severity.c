/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/severity.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

unsigned sink_severity(const char *level)
{
	static const struct {
		const char *level;
		unsigned severity;
	} table[] = { { "information", 6 }, { "warning", 4 }, { "error", 3 } };

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(level, table[i].level) == 0)
			return table[i].severity;
	}
	return 5;
}
