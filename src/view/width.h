/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * UTF-8 on a terminal, without asking the locale (which a daemon or a C locale does not have).
 * Takes the first character of a text that is not empty: the octets it is made of, the character
 * (U+FFFD, one octet, for ill-formed ones) and its columns.
 */
size_t char_take(struct span text, uint32_t *ret, unsigned *ret_width);
bool char_is_control(uint32_t c);
