/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the adapters have in common, private to src/sink. */

#define SINK_IDENTIFIER "ipsecmon" /* SYSLOG_IDENTIFIER, APP-NAME */
#define SINK_FACILITY 10u /* authpriv */

/* Severity of RFC 5424, 6.2.1 of an event's level; an unknown level is a notice. */
unsigned sink_severity(const char *level);
