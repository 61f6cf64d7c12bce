/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Allocations that fail, for tests linked with oom.c: of the program and, without a sanitizer, of
 * all its libraries.
 *
 *	for (unsigned long nth = 1, failed = 1; failed; nth++) {
 *		oom_arm(nth);
 *		what_is_tested();
 *		failed = oom_disarm();
 *	}
 */
void oom_arm(unsigned long nth); /* the nth from now on fails, once */
bool oom_disarm(void); /* did it? */
