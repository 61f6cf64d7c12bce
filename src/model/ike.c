/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ike.h"

#include "base/cleanup.h"

#define NAMES(function, ...) \
	const char *function(unsigned at) \
	{ \
		static const char *const names[] = { __VA_ARGS__ }; \
\
		return at < ARRAY_LEN(names) ? names[at] : NULL; \
	}

NAMES(ike_daemon_name, NULL, "strongSwan", "Libreswan")
NAMES(service_end_name, "runs", "ended", "stopped", "failed")
NAMES(ike_state_name, NULL, "created", "connecting", "established", "rekeying", "rekeyed",
	"deleting", "passive", "failed")
NAMES(child_state_name, NULL, "created", "routed", "installing", "installed", "updating",
	"rekeying", "rekeyed", "retrying", "deleting", "deleted")
NAMES(child_intent_name, NULL, "none", "on demand", "always", "disabled")
NAMES(child_action_name, "protect", "pass", "drop")
NAMES(ike_cause_name, "unknown", "authentication refused", "authentication failed",
	"no peer configuration", "certificate untrusted", "certificate expired",
	"certificate revoked", "certificate signature", "AUTH signature", "certificate policy",
	"no key", "IKE proposal", "IKE proposal refused", "child proposal",
	"child proposal refused", "traffic selectors", "traffic selectors refused", "timeout",
	"half-open timeout", "dead peer", "SA not installed", "policy not installed",
	"not decrypted", "duplicate", "no virtual address", "not authorized", "peer address",
	"invalid message", "invalid IKE SPI", "key exchange group", "refused")
