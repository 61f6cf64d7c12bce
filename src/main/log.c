/* SPDX-License-Identifier: Apache-2.0 */
#include "main/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *log_program = "ipsecmond";
static bool log_to_syslog, log_to_journal;

void log_init(const char *program, bool to_syslog)
{
	log_program = program;
	log_to_syslog = to_syslog;
	log_to_journal = getenv("JOURNAL_STREAM") && getenv("INVOCATION_ID");
	if (to_syslog)
		openlog(program, LOG_PID, LOG_DAEMON);
}

void log_line(int priority, const char *format, ...)
{
	va_list args;
	char text[1024];

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (log_to_syslog)
		syslog(priority, "%s", text);
	else if (log_to_journal)
		(void)fprintf(stderr, "<%d>%s\n", priority, text);
	else
		(void)fprintf(stderr, "%s: %s\n", log_program, text);
}
