/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct addr addr_make(uint8_t family, const void *octets)
{
	struct addr a;

	addr_set(&a, family, octets);
	return a;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->octets, zero, sizeof(zero)) == 0;
}

/* What inet_ntop() does with printf(), for each line of the log. */
static void format_ipv4(const uint8_t octets[4], char *at)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned v = octets[i];

		if (i > 0)
			*at++ = '.';
		if (v >= 100)
			*at++ = (char)('0' + v / 100);
		if (v >= 10)
			*at++ = (char)('0' + v / 10 % 10);
		*at++ = (char)('0' + v % 10);
	}
	*at = '\0';
}

char *addr_format(const struct addr *a, char ret[ADDR_TEXT_SIZE])
{
	ret[0] = '\0';
	if (a->family == AF_INET)
		format_ipv4(a->octets, ret);
	else if (a->family != 0)
		(void)inet_ntop(a->family, a->octets, ret, ADDR_TEXT_SIZE);
	return ret;
}

char *prefix_format(const struct prefix *p, char ret[PREFIX_TEXT_SIZE])
{
	char text[ADDR_TEXT_SIZE];

	addr_format(&p->addr, text);
	if (p->length == addr_bits(&p->addr))
		(void)snprintf(ret, PREFIX_TEXT_SIZE, "%s", text);
	else
		(void)snprintf(ret, PREFIX_TEXT_SIZE, "%s/%u", text, p->length);
	return ret;
}

int addr_parse(const char *text, struct addr *ret)
{
	uint8_t octets[16];

	if (inet_pton(AF_INET, text, octets) == 1)
		*ret = addr_make(AF_INET, octets);
	else if (inet_pton(AF_INET6, text, octets) == 1)
		*ret = addr_make(AF_INET6, octets);
	else
		return -EINVAL;
	return 0;
}

int prefix_parse(const char *text, struct prefix *ret, struct diag *reterr)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char host[ADDR_TEXT_SIZE];
	struct prefix p;
	char *end;

	if (n >= sizeof(host))
		return diag_set(reterr, -EINVAL, "'%.60s' is too long for an address", text);
	memcpy(host, text, n);
	host[n] = '\0';
	if (addr_parse(host, &p.addr) < 0)
		return diag_set(reterr, -EINVAL, "'%s' is not an IPv4 or IPv6 address", host);
	p.length = (uint8_t)addr_bits(&p.addr);
	if (slash) {
		unsigned long length = strtoul(slash + 1, &end, 10);

		if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || length > p.length)
			return diag_set(reterr, -EINVAL, "'%.60s': the prefix length is 0 to %u",
				text, p.length);
		p.length = (uint8_t)length;
	}
	*ret = p;
	return 0;
}

bool prefix_holds(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->length / 8;
	unsigned rest = p->length % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (p->addr.family != a->family || whole > sizeof(a->octets))
		return false;
	if (memcmp(p->addr.octets, a->octets, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.octets[whole] ^ a->octets[whole]) & mask) == 0;
}
