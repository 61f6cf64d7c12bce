/* SPDX-License-Identifier: Apache-2.0 */
#include "source/strongswan/internal.h"

/*
 * charon's alerts, in the order of error-notify's numbers from 1 on (error_notify_msg.h), with the
 * words of VICI's event (vici_query.c; from 6.0.3 on). An initiator is alerted of its own refused
 * proposals by the very text that tells a responder of the peer's; cause and side are the
 * responder's then, and the line of the log knows better.
 */
static const struct alert alerts[] = {
	{ "radius-not-responding", CAUSE_AUTHORIZATION, .tells = true, .who = DAEMONLOG_RESPONDER },
	{ "local-auth-failed", CAUSE_AUTH_REFUSED, .tells = true, .final = true },
	{ "peer-auth-failed", CAUSE_AUTH_FAILED, .tells = true, .final = true },
	{ "parse-error-header", CAUSE_INVALID, .tells = true },
	{ "parse-error-body", CAUSE_INVALID, .tells = true },
	{ "retransmit-send-timeout", CAUSE_TIMEOUT, .tells = true },
	{ "half-open-timeout", CAUSE_HALF_OPEN, .tells = true, .final = true,
		.who = DAEMONLOG_RESPONDER },
	{ "proposal-mismatch-ike", CAUSE_IKE_PROPOSAL, .tells = true, .final = true,
		.before = "the received IKE_SA proposals did not match: " },
	{ "proposal-mismatch-child", CAUSE_CHILD_PROPOSAL, .tells = true, .child = true,
		.final = true, .before = "the received CHILD_SA proposals did not match: " },
	{ "ts-mismatch", CAUSE_TS, .tells = true, .child = true, .final = true,
		.who = DAEMONLOG_RESPONDER,
		.before = "the received traffic selectors did not match: " },
	{ "install-child-sa-failed", CAUSE_SA_INSTALL, .tells = true, .child = true,
		.final = true },
	{ "install-child-policy-failed", CAUSE_POLICY_INSTALL, .tells = true, .child = true,
		.final = true },
	{ "unique-replace", CAUSE_UNIQUE, .tells = false },
	{ "unique-keep", CAUSE_UNIQUE, .tells = true, .final = true, .who = DAEMONLOG_RESPONDER },
	{ "vip-failure", CAUSE_VIP, .tells = true, .child = true, .who = DAEMONLOG_RESPONDER },
	{ "authorization-failed", CAUSE_AUTHORIZATION, .tells = true, .final = true },
	{ "cert-expired", CAUSE_CERT_EXPIRED, .tells = true },
	{ "cert-revoked", CAUSE_CERT_REVOKED, .tells = true },
	{ "cert-no-issuer", CAUSE_CERT_UNTRUSTED, .tells = true },
	{ "retransmit-send", CAUSE_UNKNOWN, .tells = false },
	{ "retransmit-send-cleared", CAUSE_UNKNOWN, .tells = false },
	{ "retransmit-receive", CAUSE_UNKNOWN, .tells = false },
	{ "peer-addr-failed", CAUSE_PEER_ADDRESS, .tells = true, .who = DAEMONLOG_INITIATOR },
	{ "peer-init-unreachable", CAUSE_TIMEOUT, .tells = true, .who = DAEMONLOG_INITIATOR },
	{ "invalid-ike-spi", CAUSE_INVALID_SPI, .tells = true },
	{ "ts-narrowed", CAUSE_UNKNOWN, .tells = false },
	{ "keep-on-child-sa-failure", CAUSE_UNKNOWN, .tells = true, .child = true, .final = true },
	{ "ike-sa-expired", CAUSE_UNKNOWN, .tells = false },
	/* Also when no status of it is to be had, which need not fail anything. */
	{ "cert-validation-failed", CAUSE_UNKNOWN, .tells = false },
	{ "cert-untrusted-root", CAUSE_CERT_UNTRUSTED, .tells = true },
	{ "cert-exceeded-path-len", CAUSE_CERT_POLICY, .tells = true },
	{ "cert-policy-violation", CAUSE_CERT_POLICY, .tells = true },
};

const struct alert *alert_by_number(uint32_t type)
{
	return type >= 1 && type <= ARRAY_LEN(alerts) ? &alerts[type - 1] : NULL;
}

const struct alert *alert_by_name(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(alerts); i++) {
		if (vici_is(name, alerts[i].name))
			return &alerts[i];
	}
	return NULL;
}
