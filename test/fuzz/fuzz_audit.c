/* SPDX-License-Identifier: Apache-2.0 */
/* The text of an audit record, once as an IPsec event, once as a crash, once as the SYSCALL record
 * of an actor.
 */
#include <stdlib.h>
#include <string.h>

#include "source/audit/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fact f, again;
	static struct audit_actor actor;
	struct audit_crash crash;
	uint8_t *copy = malloc(size ? size : 1);
	struct span text = span_of(copy, size);
	struct audit_stamp stamp;
	struct buf octets = { 0 };
	size_t used;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	if (audit_parse_ipsec(text, &f) == PARSE_OK) {
		fact_encode(&f, &octets);
		if (octets.failed || fact_decode(buf_span(&octets), &again, &used) != FACT_OK)
			abort();
	}
	if (audit_parse_crash(text, &crash) == PARSE_OK && crash.signal > 64)
		abort();
	if (audit_parse_stamp(&text, &stamp) == PARSE_OK &&
		audit_parse_syscall(text, &actor) == PARSE_OK &&
		(!memchr(actor.comm, '\0', sizeof(actor.comm)) ||
			!memchr(actor.exe, '\0', sizeof(actor.exe))))
		abort();
	buf_done(&octets);
	free(copy);
	return 0;
}
