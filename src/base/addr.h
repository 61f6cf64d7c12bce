/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/diag.h"

/* An IPv4 or IPv6 address; family 0: unknown. Unused octets are zero, so memcmp compares. */
struct addr {
	uint8_t family; /* AF_INET, AF_INET6 or 0 */
	uint8_t octets[16]; /* network order; IPv4 in the first four */
};

struct prefix {
	struct addr addr;
	uint8_t length; /* bits: 0 to 32 or 128 */
};

#define ADDR_TEXT_SIZE 46
#define PREFIX_TEXT_SIZE 50

/* 32, 128, or 0 when unknown */
static inline unsigned addr_bits(const struct addr *a)
{
	return a->family == AF_INET ? 32 : a->family == AF_INET6 ? 128 : 0;
}

/* Copies 4 or 16 octets, in place: passing a struct of 17 by value makes the processor wait. */
static inline void addr_set(struct addr *ret, unsigned family, const void *octets)
{
	memset(ret, 0, sizeof(*ret));
	if (family == AF_INET)
		memcpy(ret->octets, octets, 4);
	else if (family == AF_INET6)
		memcpy(ret->octets, octets, 16);
	else
		return;
	ret->family = (uint8_t)family;
}

struct addr addr_make(uint8_t family, const void *octets); /* the same, as a value */
bool addr_equal(const struct addr *a, const struct addr *b);
int addr_cmp(const struct addr *a, const struct addr *b); /* family, then octets */
bool addr_is_any(const struct addr *a); /* unspecified, or unknown */

/* RFC 5952; "" when unknown. Returns ret. */
char *addr_format(const struct addr *a, char ret[ADDR_TEXT_SIZE]);
/* ADDR or ADDR/LENGTH, without a length when it is a single host. */
char *prefix_format(const struct prefix *p, char ret[PREFIX_TEXT_SIZE]);

/* Accepts any textual form, also %pI6's eight full groups. -EINVAL, *ret untouched. */
int addr_parse(const char *text, struct addr *ret);
/* ADDR or ADDR/LENGTH; host bits may be set. -EINVAL with the reason. */
int prefix_parse(const char *text, struct prefix *ret, struct diag *reterr);
/* Length 0 holds every address of the family; families differ: false. */
bool prefix_holds(const struct prefix *p, const struct addr *a);
