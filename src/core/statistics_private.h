/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/internal.h"

/* Between ikecounts.c and requests.c. */

#define SOCKETS_MAX 32

struct ike_service {
	struct service s;
	uint64_t netns;
	bool counted, socketed, shunted; /* a first complete list came */
	struct {
		struct ike_socket s;
		uint32_t generation;
	} sockets[SOCKETS_MAX];
	unsigned n_sockets;
	uint64_t drops_dead; /* of sockets that were closed */
	uint32_t socket_generation, shunt_generation;
	struct ike_service *next;
};

/* A request of the kernel: what a daemon begins between these addresses, it does not by itself. */
struct asked {
	uint64_t netns, boot_ns;
	struct addr src, dst;
};

/* An IKE SA that a daemon began by itself. */
struct begun {
	uint64_t service, unique;
};

struct statistics {
	struct ike_service *services;
	unsigned n_services;
	struct map *shunts; /* struct shunt_key → struct shunt_brief */
	struct asked asked[REQUESTS_REMEMBERED];
	struct begun begun[REQUESTS_REMEMBERED];
	unsigned n_asked, n_begun; /* ever */
};

struct ike_service *ike_service_find(const struct core *c, uint64_t id); /* NULL: none runs */
/* Where it runs; NULL: not there any more, or no service. */
struct netns *ike_service_netns(const struct core *c, const struct ike_service *s);

/* requests.c */
/* Has the kernel asked for it, so that a daemon that begins it does not so by itself? */
bool requests_asked(
	const struct core *c, uint64_t netns, const struct addr *src, const struct addr *dst);
void requests_acquire(struct core *c, const struct fact *f);
void requests_ike_sa(struct core *c, const struct fact *f); /* before the ledger knows of it */
