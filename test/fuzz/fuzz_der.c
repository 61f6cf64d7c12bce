/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate or revocation list that charon has. */
#include <stdlib.h>
#include <string.h>

#include "source/strongswan/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct certificate *c)
{
	if (!memchr(c->subject, '\0', sizeof(c->subject)) ||
		!memchr(c->issuer, '\0', sizeof(c->issuer)) ||
		!memchr(c->serial, '\0', sizeof(c->serial)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct certificate c = { 0 }, crl = { 0 };
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	if (der_certificate(span_of(copy, size), &c) == PARSE_OK)
		check(&c);
	if (der_crl(span_of(copy, size), &crl) == PARSE_OK)
		check(&crl);
	free(copy);
	return 0;
}
