/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/addr.h"
#include "base/json.h"
#include "base/timetext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Addresses, prefixes and times as people write them; what is taken is written back and the same.
 */

static void check_prefix(const char *text)
{
	char written[PREFIX_TEXT_SIZE];
	struct prefix p, again;
	struct diag diag;
	struct addr a, b;

	if (addr_parse(text, &a) == 0) {
		assert(addr_parse(addr_format(&a, written), &b) == 0);
		assert(addr_equal(&a, &b));
	}
	if (prefix_parse(text, &p, &diag) != 0)
		return;
	assert(p.length <= addr_bits(&p.addr));
	assert(prefix_parse(prefix_format(&p, written), &again, &diag) == 0);
	assert(addr_equal(&p.addr, &again.addr) && p.length == again.length);
	assert(prefix_holds(&p, &p.addr));
}

static void check_time(const char *text)
{
	const uint64_t now = 1800000000000000u;
	char written[TIME_TEXT_SIZE];
	struct diag diag;
	uint64_t us, again;

	if (time_parse(text, now, &us, &diag) != 0)
		return;
	assert(time_parse(time_format(us, written), now, &again, &diag) == 0);
	assert(again == us || us >= 253402300800000000u); /* year 10000 has no text */
}

/* Whatever is quoted is one line of ASCII and UTF-8, without a bare quote or control. */
static void check_quoting(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct json j;

	json_init(&j, &out);
	json_span(&j, NULL, span_of(data, size));
	assert(!out.failed && out.n >= 2 && out.p[0] == '"' && out.p[out.n - 1] == '"');
	for (size_t i = 1; i + 1 < out.n; i++) {
		assert((unsigned char)out.p[i] >= 0x20);
		if (out.p[i] == '\\')
			i++;
		else
			assert(out.p[i] != '"');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256];

	check_quoting(data, size);
	if (size >= sizeof(text))
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_prefix(text);
	check_time(text);
	return 0;
}
