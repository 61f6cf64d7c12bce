/* SPDX-License-Identifier: Apache-2.0 */
#include "core/internal.h"
#include "core/negotiations.h"

/*
 * Ranks. Several pieces of evidence name different causes of one failure: a certificate that has
 * expired is also no proof, and what is no proof is also no agreement. The narrower one wins.
 */
#define AUTHENTICATION EVENT_AUTHENTICATION_FAILED
#define SIGNATURE EVENT_SIGNATURE_INVALID
#define PROPOSAL EVENT_PROPOSAL_INVALID
#define OTHER EVENT_NEGOTIATION_FAILED

static const struct cause causes[] = {
	[CAUSE_UNKNOWN] = { OTHER, 0, false, "cause unknown",
		"look at the daemon's log of this time, and at the peer's" },
	[CAUSE_AUTH_REFUSED] = { AUTHENTICATION, 50, false,
		"the peer does not accept our identity or proof",
		"ask the peer's side why: it knows; compare shared keys, identities, "
		"certificates" },
	[CAUSE_AUTH_FAILED] = { AUTHENTICATION, 50, false,
		"the peer's proof of its identity is wrong",
		"compare the shared keys of both sides, or the peer's certificate" },
	[CAUSE_NO_PEER_CONFIG] = { AUTHENTICATION, 60, false,
		"no connection is configured for this peer",
		"compare addresses and identities of both sides' connections: ipsecmon show "
		"connection" },
	[CAUSE_CERT_UNTRUSTED] = { AUTHENTICATION, 55, false,
		"the peer's certificate has no trusted issuer",
		"load the issuing CA's certificate, if you trust it" },
	[CAUSE_CERT_EXPIRED] = { AUTHENTICATION, 65, false,
		"the peer's certificate is not valid now: expired, or not valid yet",
		"have the peer renew it; compare both clocks" },
	[CAUSE_CERT_REVOKED] = { AUTHENTICATION, 65, false, "the peer's certificate is revoked",
		"ask who issued it why; do not let it in" },
	[CAUSE_CERT_SIGNATURE] = { SIGNATURE, 70, false,
		"the signature of the peer's certificate is wrong",
		"compare the certificate's fingerprint with the peer's administrator" },
	[CAUSE_AUTH_SIGNATURE] = { SIGNATURE, 70, false,
		"the signature by which the peer proves its identity is wrong",
		"see that the peer's private key belongs to its certificate" },
	[CAUSE_CERT_POLICY] = { AUTHENTICATION, 65, false,
		"the chain of the peer's certificate breaks a constraint or policy",
		"compare path length, name constraints and policies of the chain" },
	[CAUSE_NO_KEY] = { AUTHENTICATION, 60, false, "we have no key or certificate for it",
		"load the shared key, or the private key and certificate, of this connection" },
	[CAUSE_IKE_PROPOSAL] = { PROPOSAL, 50, false,
		"we accept none of the IKE proposals of the peer",
		"make one IKE proposal common to both sides" },
	[CAUSE_IKE_PROPOSAL_REFUSED] = { OTHER, 50, false,
		"the peer accepts none of our IKE proposals",
		"make one IKE proposal common to both sides" },
	[CAUSE_CHILD_PROPOSAL] = { PROPOSAL, 50, false,
		"we accept none of the ESP or AH proposals of the peer",
		"make one ESP proposal common to both sides, its key exchange group, too" },
	[CAUSE_CHILD_PROPOSAL_REFUSED] = { OTHER, 50, false,
		"the peer accepts none of our ESP or AH proposals, or its kernel refuses",
		"make one ESP proposal common to both sides; if it is, see the peer's log" },
	[CAUSE_TS] = { OTHER, 50, false, "the peer's traffic selectors do not fit ours",
		"compare local and remote subnets of both sides: each other's mirror image" },
	[CAUSE_TS_REFUSED] = { OTHER, 50, false, "our traffic selectors do not fit the peer's",
		"compare local and remote subnets of both sides: each other's mirror image" },
	[CAUSE_TIMEOUT] = { OTHER, 20, false, "the peer does not answer",
		"see that UDP 500 and 4500 pass both ways, and that the peer listens" },
	[CAUSE_HALF_OPEN] = { OTHER, 20, false, "the peer began and did not go on",
		"see that our answers reach it: UDP 500 and 4500, fragments" },
	[CAUSE_DPD] = { OTHER, 45, false, "dead peer: it was there and answers no more",
		"see whether the peer runs and the path to it holds" },
	[CAUSE_SA_INSTALL] = { OTHER, 75, false, "the kernel refused an IPsec SA",
		"see the kernel's modules for the algorithms; the daemon's log has the error" },
	[CAUSE_POLICY_INSTALL] = { OTHER, 75, false, "the kernel refused an IPsec policy",
		"another policy may stand in its place: ipsecmon lint; the daemon's log has the "
		"error" },
	[CAUSE_DECRYPT] = { OTHER, 40, false,
		"messages can't be decrypted, as when the shared keys differ",
		"compare the shared keys of both sides" },
	[CAUSE_UNIQUE] = { OTHER, 30, true, "another SA of the same peer stands in its place",
		"see whether two hosts use one identity" },
	[CAUSE_VIP] = { OTHER, 60, false, "there is no virtual address for it",
		"see the pool of virtual addresses, and that both sides want one" },
	[CAUSE_AUTHORIZATION] = { AUTHENTICATION, 60, false, "authenticated, but not allowed in",
		"see groups, RADIUS and constraints of the connection" },
	[CAUSE_PEER_ADDRESS] = { OTHER, 60, false, "the peer's name has no address",
		"see the name's resolution" },
	[CAUSE_INVALID] = { OTHER, 15, true, "messages that are not valid IKE",
		"capture them; a device on the way may alter them" },
	[CAUSE_INVALID_SPI] = { OTHER, 15, true, "an IKE SPI that nobody knows",
		"one side restarted: let the other begin anew" },
	[CAUSE_KE_GROUP] = { OTHER, 18, true, "another key exchange group is wanted",
		"make one key exchange group common to both sides" },
	[CAUSE_REFUSED] = { OTHER, 25, false, "the peer refused",
		"the peer's words tell more, and its log" },
};
_Static_assert(ARRAY_LEN(causes) == CAUSE_N, "every cause has its meaning");

const struct cause *cause_of(unsigned cause)
{
	return &causes[cause < CAUSE_N ? cause : CAUSE_UNKNOWN];
}

uint8_t cause_for_role(uint8_t cause, bool initiator)
{
	static const uint8_t pairs[][2] = { { CAUSE_IKE_PROPOSAL, CAUSE_IKE_PROPOSAL_REFUSED },
		{ CAUSE_CHILD_PROPOSAL, CAUSE_CHILD_PROPOSAL_REFUSED },
		{ CAUSE_TS, CAUSE_TS_REFUSED } };

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		if (cause == pairs[i][!initiator])
			return pairs[i][initiator];
	}
	return cause;
}
