/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"

/*
 * IKE daemons as services: started, ended and how, what their end leaves unprotected; their control
 * sockets; whether they and the policies follow the host's interfaces. And what they are configured
 * with: files and connections, when these change.
 */

#define LIMIT_SERVICES 256 /* ended ones are forgotten first */
/* A daemon that has just begun has no control socket yet, or is busy; it is asked again. */
#define CONTROL_GRACE_S 10
#define LISTEN_GRACE_S 10 /* … and takes a while to listen on a new address */
#define LINK_GRACE_S 5 /* an interface changes in several steps, policies follow */
#define LINK_BLAME_S 10 /* what fails so soon after an interface changed failed by it */
#define LIMIT_LINK_LOSSES 256

struct service_state {
	struct service service;
	uint64_t cookie; /* netns */
	uint64_t since_us; /* in its state */
	uint64_t refused_ns; /* its control socket is, since; 0: is not */
	bool control_told;
	uint64_t ended_ns, ended_fact; /* its end is to be told; 0: is not */
	char unserved[256]; /* addresses that it was told not to listen on */
};

/* A list of interfaces or addresses that could not be read whole. */
struct list_failure {
	uint64_t cookie, since_ns;
	uint8_t kind; /* enum fact_dump_kind */
	bool told;
};

/* An interface, or an address of one, that went: do policies still speak of it? */
struct link_loss {
	uint64_t cookie, since_ns;
	uint32_t ifindex, if_id;
	char name[NAME_SIZE];
	struct addr addr; /* that was covered by a policy; family 0: the interface went */
	struct addr came; /* in its place */
	struct link_loss *next;
};

/* Policies that could not be installed just after an interface changed. */
struct install_failure {
	uint64_t cookie, since_ns; /* since_ns 0: none; cookie 0: netns not known */
	uint64_t n;
	struct prefix src, dst;
	char link[NAME_SIZE];
};

/* The newest change of an interface of a netns. */
struct link_change {
	uint64_t cookie, at_ns;
	uint32_t ifindex;
	char name[NAME_SIZE];
	struct addr came; /* a new address; family 0: another change */
};

struct netns;

struct services {
	struct map *all; /* id → struct service_state */
	uint64_t listen_ns; /* listening is to be checked: since the newest change; 0: is not */
	uint64_t listen_first_ns;
	struct list_failure lists[32];
	unsigned n_lists;
	struct link_loss *losses;
	unsigned n_losses;
	struct link_change changes[64];
	unsigned n_changes; /* written so far; the newest ARRAY_LEN are kept */
	struct install_failure install;
};

int services_new(struct core *c); /* -ENOMEM */
void services_free(struct core *c);
void services_fact(struct core *c, const struct fact *f); /* FACT_SERVICE */
void services_settle(struct core *c, bool all);
void services_orphan(struct core *c);
void services_pending(const struct core *c, struct core_progress *p);
int services_each(const struct core *c, core_each_fn *each, void *userdata);
/* 5483 for the kernel's own control socket, of which the source's first word is that it has none.
 */
void services_no_xfrm(struct core *c, struct netns *ns, const char *reason);

/* exposure.c: what the end of a service leaves, as a sentence into the event's detail */
void exposure_describe(struct core *c, struct event *e, const struct service_state *s);

/* listening.c: 5480 */
void listening_changed(struct core *c); /* sockets, connections or addresses did */
void listening_list(struct core *c, const struct fact *f); /* FACT_DUMP of links or addresses */
void listening_settle(struct core *c);

/* link_changes.c: 5485 */
/* FACT_LINK, FACT_ADDR, before the ledger takes them in. */
void link_changes_fact(struct core *c, const struct fact *f);
void link_changes_audit(struct core *c, const struct fact *f); /* FACT_AUDIT_CHANGE that failed */
/* Did an interface of the netns change just before? Its name, or NULL. */
const char *link_changes_blame(const struct core *c, uint64_t cookie);
/* A negotiation tells that policies could not be installed: audit's records say the same. */
void link_changes_told(struct core *c, uint64_t cookie);
void link_changes_settle(struct core *c, bool all);
void link_changes_forget(struct core *c, uint64_t cookie); /* the netns went */
void link_changes_free(struct core *c);
