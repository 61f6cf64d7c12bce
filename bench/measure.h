/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* What every benchmark program needs. It prints one line of JSON, which bench/run reads. */

struct measure {
	uint64_t wall_ns, cpu_ns;
	size_t resident; /* octets */
};

struct measure measure_now(void);
struct measure measure_since(const struct measure *begin);

/* {"n":…,"wall_ns":…,"cpu_ns":…,"resident":… and what `more` holds, as `"key":value`, or NULL} */
void measure_print(uint64_t n, const struct measure *m, const char *more);

noreturn void die(const char *what); /* with errno's text; status 1 */
uint64_t number(const char *text); /* or dies */
