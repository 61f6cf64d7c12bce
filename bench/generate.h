/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Changes the policies of this netns as fast as the kernel takes it: many requests a system call.
 */
struct generator {
	int fd;
	uint64_t n;
	size_t used;
	char octets[32768] __attribute__((aligned(8)));
};

void generator_begin(struct generator *g); /* dies on errors, as all here */
/* Adds or deletes policy i: a host to a host, one ESP tunnel with end points of its own. */
void generator_policy(struct generator *g, bool add, uint32_t i);
void generator_flush(struct generator *g);
