/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"
#include "model/fact.h"
#include "source/parse.h"

/* "audit(SECONDS.MILLISECONDS:SERIAL): ", in front of every record's text. */
struct audit_stamp {
	uint64_t us;
	uint64_t serial;
};

/* Takes it off the front. */
enum parse_result audit_parse_stamp(struct span *text, struct audit_stamp *ret);

/* A record of type 1415: FACT_AUDIT_DROP, or FACT_AUDIT_CHANGE without its actor. */
enum parse_result audit_parse_ipsec(struct span text, struct fact *ret);

/* What a SYSCALL record says of who sent a message to the kernel. */
struct audit_actor {
	bool sends; /* the system call is one that can send to netlink or PF_KEY */
	uint32_t pid, uid;
	char comm[NAME_SIZE], exe[FACT_TEXT_SIZE];
};
/* Text behind the stamp. */
enum parse_result audit_parse_syscall(struct span text, struct audit_actor *ret);

/* A record of type 1701, of a process that a signal dumped. Text with the stamp. */
struct audit_crash {
	uint32_t pid, signal;
};
enum parse_result audit_parse_crash(struct span text, struct audit_crash *ret);
