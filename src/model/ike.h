/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "model/sa.h"

/*
 * What IKE daemons have and say: RFC 7296 and 2409 in the daemons' own terms. There is no room for
 * a secret. Texts are UTF-8 without control characters; "" is not known. Every record names its
 * daemon by service.id.
 */
#define CONN_SIZE 128 /* names of connections and children */
#define IDENTITY_SIZE 256
#define TS_SIZE 512 /* traffic selectors: "10.1.0.0/16 10.2.0.0/16[tcp/443]", by single blanks */
#define PROPOSALS_SIZE \
	512 /* "aes256-sha256-modp2048, aes128gcm16-…", as the daemon writes them \
	     */
#define HOSTS_SIZE 192 /* addresses or names of a connection's end, by single blanks */
#define PATH_SIZE 256

enum ike_daemon { DAEMON_STRONGSWAN = 1, DAEMON_LIBRESWAN = 2 };

/* How a daemon's process ended. Numbers are in fact files, as all enums below. */
enum service_end {
	SERVICE_RUNS = 0,
	SERVICE_ENDED = 1, /* cause unknown */
	SERVICE_STOPPED = 2, /* told to, and did so in order */
	SERVICE_FAILED = 3, /* killed, crashed, or with an error */
};

/* Its control socket (VICI, pluto.ctl). */
enum service_control {
	CONTROL_UNKNOWN = 0, /* not tried */
	CONTROL_OPEN = 1,
	CONTROL_REFUSED = 2, /* not there, or does not answer */
	CONTROL_LOST = 3, /* was open */
};

/* A process that serves IKE. */
struct service {
	uint64_t id; /* of this process on this boot: its start, in clock ticks, << 22 | pid */
	uint8_t daemon; /* enum ike_daemon */
	uint8_t end; /* enum service_end */
	uint8_t control; /* enum service_control */
	uint32_t pid;
	uint32_t signal; /* that killed it; 0: none */
	bool found; /* ran already when we began to look */
	uint64_t started_us; /* of the process */
	char name[NAME_SIZE]; /* charon, charon-systemd, pluto */
	char version[NAME_SIZE];
	char why[IDENTITY_SIZE]; /* of end or control, in words, with what says so */
	uint64_t ended_us; /* when; its cause is found a little later. 0: it runs */
};

enum ike_state {
	IKE_UNKNOWN = 0,
	IKE_CREATED = 1, /* nothing sent yet */
	IKE_CONNECTING = 2, /* half-open */
	IKE_ESTABLISHED = 3,
	IKE_REKEYING = 4,
	IKE_REKEYED = 5, /* replaced, waits for its end */
	IKE_DELETING = 6,
	IKE_PASSIVE = 7, /* held for another node */
	IKE_FAILED = 8, /* still held by the daemon */
};

/* An IKE SA; Windows: a main mode SA. */
struct ike_sa {
	uint64_t service, unique; /* unique: the daemon's own number */
	char name[CONN_SIZE]; /* connection; "" while the daemon has not chosen one */
	uint8_t version; /* 1, 2; 0 not known */
	uint8_t state; /* enum ike_state */
	bool role_known, initiator;
	uint64_t spi_i, spi_r; /* cookies in IKEv1; 0: not known */
	struct addr local, remote;
	uint16_t local_port, remote_port;
	char local_id[IDENTITY_SIZE], remote_id[IDENTITY_SIZE];
	char remote_user[IDENTITY_SIZE]; /* EAP or XAuth identity */
	char vips[HOSTS_SIZE]; /* virtual addresses given or got */
	bool nat_known, nat_local,
		nat_remote; /* nat_known with neither: no NAT, or which side is not told */
	bool nat_any;
	char encryption[NAME_SIZE], integrity[NAME_SIZE], prf[NAME_SIZE], dh[NAME_SIZE];
	uint16_t encryption_bits;
	uint64_t established_us, rekey_us, reauth_us; /* points in time; 0: none or not known */
	uint16_t tasks_queued, tasks_active, tasks_passive;
	uint16_t children_queued; /* of these: that make a child SA */
	uint32_t if_id_in, if_id_out;
};

enum child_state {
	CHILD_UNKNOWN = 0,
	CHILD_CREATED = 1,
	CHILD_ROUTED = 2, /* only its policies are installed: a trap */
	CHILD_INSTALLING = 3,
	CHILD_INSTALLED = 4,
	CHILD_UPDATING = 5,
	CHILD_REKEYING = 6,
	CHILD_REKEYED = 7,
	CHILD_RETRYING = 8,
	CHILD_DELETING = 9,
	CHILD_DELETED = 10,
};

/* A pair of IPsec SAs as the daemon sees it; Windows: a quick mode SA. */
struct child_sa {
	uint64_t service, unique, ike_unique;
	char name[CONN_SIZE], ike_name[CONN_SIZE];
	uint8_t state; /* enum child_state */
	uint8_t mode; /* enum ipsec_mode */
	uint8_t proto; /* IPPROTO_ESP, _AH; 0 not known */
	bool encap; /* in UDP */
	bool esn;
	uint32_t spi_in, spi_out, reqid; /* 0: none */
	uint32_t mark_in, mark_out, if_id_in, if_id_out;
	char encryption[NAME_SIZE], integrity[NAME_SIZE], dh[NAME_SIZE];
	uint16_t encryption_bits;
	char local_ts[TS_SIZE], remote_ts[TS_SIZE];
	uint64_t installed_us, rekey_us, expires_us; /* points in time; 0: none or not known */
	bool counted, octets_only; /* the daemon told: octets and packets, or octets alone */
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
};

/* What the configuration wants of a child by itself. */
enum child_intent {
	INTENT_UNKNOWN = 0,
	INTENT_NONE = 1, /* waits for the peer, or for an administrator */
	INTENT_TRAP = 2, /* on demand: policies, SAs when there is traffic */
	INTENT_START = 3, /* always */
	INTENT_DISABLED = 4, /* in the file, but not loaded */
};

/* Where a connection was read. */
enum conn_origin {
	ORIGIN_LOADED = 1, /* the daemon told: what it has */
	ORIGIN_FILE = 2, /* a configuration file: what it is to have */
};

/* A connection: with whom, and how. */
struct connection {
	uint64_t service; /* file: the daemon whose file it is, 0 while none runs */
	uint8_t origin; /* enum conn_origin */
	uint8_t daemon; /* enum ike_daemon */
	char name[CONN_SIZE];
	char file[PATH_SIZE]; /* ORIGIN_FILE: where it stands */
	uint32_t line;
	uint8_t version; /* 1, 2; 0: both */
	char local[HOSTS_SIZE], remote[HOSTS_SIZE]; /* "%any", addresses, prefixes, names */
	char local_id[IDENTITY_SIZE], remote_id[IDENTITY_SIZE];
	char local_auth[NAME_SIZE],
		remote_auth[NAME_SIZE]; /* psk, pubkey, eap-…; several by blanks */
	char proposals[PROPOSALS_SIZE]; /* IKE */
	char unique[NAME_SIZE];
	bool aggressive, mobike, encap;
	uint64_t rekey_s, reauth_s, over_s, dpd_s; /* 0: off; UINT64_MAX: not known */
};

/* One child of a connection: which traffic, and how. In ipsec.conf each connection has one. */
struct connection_child {
	uint64_t service;
	uint8_t origin, daemon;
	char name[CONN_SIZE], conn[CONN_SIZE];
	char file[PATH_SIZE];
	uint32_t line;
	uint8_t mode; /* enum ipsec_mode */
	uint8_t action; /* enum child_action */
	uint8_t intent; /* enum child_intent */
	uint8_t proto; /* IPPROTO_ESP, _AH; 0 not known */
	char local_ts[TS_SIZE], remote_ts[TS_SIZE];
	char proposals[PROPOSALS_SIZE]; /* ESP or AH */
	char dpd_action[NAME_SIZE], close_action[NAME_SIZE];
	uint64_t rekey_s, life_s, rekey_bytes, life_bytes, rekey_packets,
		life_packets; /* as above */
	uint32_t reqid, priority, if_id_in, if_id_out, mark_in, mark_out; /* 0: by itself */
};
enum child_action { ACTION_PROTECT = 0, ACTION_PASS = 1, ACTION_DROP = 2 }; /* else shunts */

/* A shunt that the daemon keeps: traffic that it lets pass in the clear or has dropped. */
struct shunt {
	uint64_t service;
	char name[CONN_SIZE];
	uint8_t action; /* enum child_action */
	bool negotiated; /* left behind by a failed negotiation, not configured */
	char local_ts[TS_SIZE], remote_ts[TS_SIZE];
};

struct certificate {
	uint64_t service;
	char kind[NAME_SIZE]; /* x509, ca, ocsp, crl, … */
	char subject[IDENTITY_SIZE], issuer[IDENTITY_SIZE], serial[NAME_SIZE];
	bool has_key; /* the private key is here: our own */
	uint64_t not_before_us, not_after_us; /* 0: not known */
};

/* A file that a daemon's configuration is read from. */
struct config_file {
	uint64_t service; /* 0: of no daemon that runs */
	uint8_t daemon;
	bool main; /* the one at the root, which includes the others */
	char path[PATH_SIZE]; /* as the daemon sees it */
	char digest[2 * 32 + 1]; /* SHA-256, hex */
	uint64_t modified_us;
	uint32_t mode, uid;
	/* By keys of a comment at its head; "": none. */
	char name[CONN_SIZE], description[IDENTITY_SIZE], unit[CONN_SIZE], gpo[CONN_SIZE];
	char error[IDENTITY_SIZE]; /* that keeps us from reading it, with the line */
};

/* What a piece of evidence says a negotiation failed by. */
enum ike_cause {
	CAUSE_UNKNOWN = 0, /* it failed: nobody says why */
	CAUSE_AUTH_REFUSED = 1, /* the peer does not accept our proof (AUTHENTICATION_FAILED) */
	CAUSE_AUTH_FAILED = 2, /* the peer's proof is wrong: key or signature */
	CAUSE_NO_PEER_CONFIG = 3, /* nothing is configured for this peer */
	CAUSE_CERT_UNTRUSTED = 4, /* no trusted issuer */
	CAUSE_CERT_EXPIRED = 5, /* or not valid yet */
	CAUSE_CERT_REVOKED = 6,
	CAUSE_CERT_SIGNATURE = 7, /* the certificate's own signature is wrong */
	CAUSE_AUTH_SIGNATURE = 8, /* the signature in AUTH is wrong */
	CAUSE_CERT_POLICY = 9, /* path length, policies, constraints */
	CAUSE_NO_KEY = 10, /* we have no credentials of our own or no shared key */
	CAUSE_IKE_PROPOSAL = 11, /* we accept none of the peer's */
	CAUSE_IKE_PROPOSAL_REFUSED = 12, /* the peer accepts none of ours */
	CAUSE_CHILD_PROPOSAL = 13,
	CAUSE_CHILD_PROPOSAL_REFUSED = 14,
	CAUSE_TS = 15, /* the peer's traffic selectors do not fit ours */
	CAUSE_TS_REFUSED = 16,
	CAUSE_TIMEOUT = 17, /* no answer */
	CAUSE_HALF_OPEN = 18, /* the peer began and did not go on */
	CAUSE_DPD = 19, /* an established peer does not answer any more */
	CAUSE_SA_INSTALL = 20, /* the kernel refused an SA */
	CAUSE_POLICY_INSTALL = 21, /* … a policy */
	CAUSE_DECRYPT = 22, /* IKEv1: messages that can't be decrypted, as by another shared key */
	CAUSE_UNIQUE = 23, /* another SA of the same peer is kept, or replaces it */
	CAUSE_VIP = 24, /* no virtual address */
	CAUSE_AUTHORIZATION = 25, /* authenticated, but not allowed (also RADIUS) */
	CAUSE_PEER_ADDRESS = 26, /* the peer's name does not resolve */
	CAUSE_INVALID = 27, /* a message that is no IKE */
	CAUSE_INVALID_SPI = 28, /* an IKE SPI nobody knows */
	CAUSE_KE_GROUP = 29, /* another Diffie-Hellman group is wanted: often only a detour */
	CAUSE_REFUSED = 30, /* the peer refused for another reason, in text */
	CAUSE_N,
};

enum ike_evidence { /* what said it */
	SAID_UPDOWN = 1, /* VICI: an IKE SA ended before it was up */
	SAID_LOG = 2, /* a line of the daemon's log */
	SAID_ALERT = 3, /* VICI's alert, or error-notify */
	SAID_STATUS = 4, /* whack */
	SAID_AUDIT = 5, /* a record of the kernel's audit */
};

/* One piece of evidence of a negotiation; several may tell of the same. */
struct negotiation {
	uint64_t service;
	uint8_t cause; /* enum ike_cause */
	uint8_t said; /* enum ike_evidence */
	bool child; /* about a child SA; else about an IKE SA */
	bool final; /* the negotiation is over; else it may go on */
	bool role_known, initiator; /* we */
	uint8_t version;
	uint64_t unique; /* of the IKE SA; 0: not known */
	uint64_t spi_i, spi_r;
	char conn[CONN_SIZE], child_name[CONN_SIZE];
	struct addr local, remote;
	uint16_t local_port, remote_port;
	char local_id[IDENTITY_SIZE], remote_id[IDENTITY_SIZE];
	char ours[PROPOSALS_SIZE], theirs[PROPOSALS_SIZE]; /* proposals or traffic selectors */
	char words[IDENTITY_SIZE]; /* the daemon's, of one line */
};

/* A daemon's UDP socket for IKE. */
struct ike_socket {
	uint64_t service;
	struct addr local; /* family with zero octets: any */
	uint16_t port;
	uint64_t queue; /* octets that wait to be read */
	uint64_t drops; /* since it was opened */
	bool foreign; /* another process' of that netns; false, too, where that is not known */
};

/* "charon"-like names for people; NULL: unknown. */
const char *ike_daemon_name(unsigned daemon); /* "strongSwan", "Libreswan" */
const char *ike_state_name(unsigned state); /* "established" */
const char *child_state_name(unsigned state); /* "installed" */
const char *child_intent_name(unsigned intent); /* "on demand" */
const char *child_action_name(unsigned action); /* "protect", "pass", "drop" */
const char *ike_cause_name(
	unsigned cause); /* "authentication refused", a stable word for filters */
const char *service_end_name(unsigned end); /* "runs", "stopped", … */
