/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "source/libreswan/conns.h"
#include "source/libreswan/text.h"

void pluto_cipher(struct span text, char ret_name[NAME_SIZE], uint16_t *ret_bits)
{
	const uint8_t *bar = text.n > 0 ? memrchr(text.p, '_', text.n) : NULL;
	uint64_t bits;

	*ret_bits = 0;
	if (bar) {
		struct span digits = span_of(bar + 1, text.n - (size_t)(bar + 1 - text.p));

		/* AES_GCM_16 has an ICV of 16 octets, no key of 16 bits. */
		if (span_number(&digits, 10, 4096, &bits) && digits.n == 0 &&
			(bits == 0 || bits >= 40)) {
			*ret_bits = (uint16_t)bits;
			text.n = (size_t)(bar - text.p);
		}
	}
	text_copy(text, ret_name, NAME_SIZE);
}

/* CIPHER-PRF[-INTEGRITY]-DH: integrity is told when it is not the PRF's own hash (show_ike_alg_
 * connection()). */
void pluto_ike_algorithms(const char *text, struct ike_sa *ret)
{
	struct span rest = span_text(text), part[4] = { 0 };
	size_t n = 0;
	bool aead;

	if (!text[0])
		return;
	while (n < 3 && text_until(&rest, "-", &part[n]))
		n++;
	part[n++] = rest;
	pluto_cipher(part[0], ret->encryption, &ret->encryption_bits);
	aead = strstr(ret->encryption, "GCM") || strstr(ret->encryption, "CCM") ||
	       strstr(ret->encryption, "POLY1305");
	TEXT_COPY(part[1], ret->prf);
	TEXT_COPY(part[n - 1], ret->dh);
	if (n == 4)
		TEXT_COPY(part[2], ret->integrity);
	else
		text_copy(aead ? span_text("") : part[1], ret->integrity, NAME_SIZE);
}

/* CIPHER-INTEGRITY, of AH the latter alone. */
void pluto_child_algorithms(const char *text, struct child_sa *ret)
{
	struct span rest = span_text(text), cipher;

	if (!text[0])
		return;
	if (text_until(&rest, "-", &cipher))
		pluto_cipher(cipher, ret->encryption, &ret->encryption_bits);
	if (text_is(rest, "NONE"))
		rest.n = 0;
	TEXT_COPY(rest, ret->integrity);
}
