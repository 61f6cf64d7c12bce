/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "bench.h"
#include "core/tunnels.h"
#include "core/verdict.h"

/* Facts of an IKE daemon for the bench: charon in netns A, between 10.9.0.1 and 10.9.0.2. */
#define CHARON 0x700000012cu
#define LOCAL "10.9.0.1"
#define REMOTE "10.9.0.2"

void daemon_service(struct bench *b, uint64_t id, uint8_t end);
void daemon_list(struct bench *b, uint64_t id, uint8_t list, uint8_t phase);
void daemon_connection(struct bench *b, uint64_t id, uint8_t origin, const char *name);
void daemon_child(struct bench *b, uint64_t id, uint8_t origin, const char *conn, const char *name,
	uint8_t intent);
void daemon_ike(struct bench *b, uint64_t id, uint64_t unique, const char *name, uint8_t state);
void daemon_ike_gone(struct bench *b, uint64_t id, uint64_t unique);

/* A child SA of net/lan (10.1.0.0/16 and 10.2.0.0/16), reqid 1, of IKE SA 1. */
struct child_sa daemon_sa(uint64_t id, uint64_t unique, uint32_t spi_in, uint32_t spi_out);
void daemon_sa_there(struct bench *b, uint8_t op, uint64_t replaces, const struct child_sa *sa);
void daemon_sa_gone(struct bench *b, uint8_t how, const struct child_sa *sa);

/* The kernel's SA of it, with what it has carried. */
void daemon_kernel(struct bench *b, uint8_t op, bool in, uint32_t spi, uint64_t packets);
void daemon_kernel_gone(struct bench *b, bool in, uint32_t spi, uint64_t packets);
void daemon_policy(struct bench *b, uint8_t direction, uint32_t reqid, bool there);
void daemon_policies_known(struct bench *b);

/* charon with net/lan loaded and up: child SA 1, SPIs 0x101 and 0x201, policies installed. */
void daemon_up(struct bench *b);
struct tunnel *daemon_tunnel(struct bench *b);
const char *daemon_verdict(struct bench *b); /* "" for none */
