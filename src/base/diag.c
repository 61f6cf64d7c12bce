/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

int diag_set(struct diag *d, int error, const char *format, ...)
{
	va_list args;

	if (d) {
		va_start(args, format);
		(void)vsnprintf(d->text, sizeof(d->text), format, args);
		va_end(args);
	}
	return error;
}
