/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * FIPS 180-4, for the digest of the configuration only: the supervisor runs as root and links as
 * little as it can, so not libcrypto.
 */
#define SHA256_SIZE 32

void sha256(const void *p, size_t n, uint8_t ret[SHA256_SIZE]);
void sha256_hex(const uint8_t digest[SHA256_SIZE], char ret[2 * SHA256_SIZE + 1]);
