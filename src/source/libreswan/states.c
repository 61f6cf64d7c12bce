/* SPDX-License-Identifier: Apache-2.0 */
#include "source/libreswan/states.h"

#include "base/cleanup.h"
#include "model/ike.h"
#include "source/libreswan/text.h"
#include "source/libreswan/whack.h"

#define IKE(name, story, state, version, role) \
	{ \
		name, story, WHACK_SA_IKE, state, version, role \
	}
#define CHILD(name, story, state, version, role) \
	{ \
		name, story, WHACK_SA_CHILD, state, version, role \
	}
#define OTHER(name, story, version) \
	{ \
		name, story, 0, 0, version, 0 \
	}

/* programs/pluto/ikev1_states.c and ikev2_states.c; 5.x has other names for some. */
static const struct pluto_state states[] = {
	IKE("V2_ESTABLISHED_IKE_SA", "established IKE SA", IKE_ESTABLISHED, 2, 0),
	CHILD("V2_ESTABLISHED_CHILD_SA", "established Child SA", CHILD_INSTALLED, 2, 0),
	IKE("V2_PARENT_I0", "waiting for KE to finish", IKE_CREATED, 2, 'i'),
	IKE("V2_PARENT_I1", "sent IKE_SA_INIT request", IKE_CONNECTING, 2, 'i'),
	IKE("V2_PARENT_I2", "sent IKE_AUTH request", IKE_CONNECTING, 2, 'i'),
	IKE("V2_PARENT_R0", "processing IKE_SA_INIT request", IKE_CONNECTING, 2, 'r'),
	IKE("V2_PARENT_R1", "sent IKE_SA_INIT reply", IKE_CONNECTING, 2, 'r'),
	IKE("V2_PARENT_R_EAP", "sent EAP request", IKE_CONNECTING, 2, 'r'),
	IKE("V2_IKE_SA_INIT_I0", "waiting for KE to finish", IKE_CREATED, 2, 'i'),
	IKE("V2_IKE_SA_INIT_I", "sent IKE_SA_INIT request", IKE_CONNECTING, 2, 'i'),
	IKE("V2_IKE_SA_INIT_IR", "processed IKE_SA_INIT response", IKE_CONNECTING, 2, 'i'),
	IKE("V2_IKE_SA_INIT_R0", "processing IKE_SA_INIT request", IKE_CONNECTING, 2, 'r'),
	IKE("V2_IKE_SA_INIT_R", "sent IKE_SA_INIT response", IKE_CONNECTING, 2, 'r'),
	IKE("V2_IKE_INTERMEDIATE_I", "sent IKE_INTERMEDIATE request", IKE_CONNECTING, 2, 'i'),
	IKE("V2_IKE_INTERMEDIATE_IR", "processed IKE_INTERMEDIATE response", IKE_CONNECTING, 2,
		'i'),
	IKE("V2_IKE_INTERMEDIATE_R", "sent IKE_INTERMEDIATE response", IKE_CONNECTING, 2, 'r'),
	IKE("V2_IKE_AUTH_I", "sent IKE_AUTH request", IKE_CONNECTING, 2, 'i'),
	IKE("V2_IKE_AUTH_EAP_R", "sent IKE_AUTH(EAP) response", IKE_CONNECTING, 2, 'r'),
	IKE("V2_REKEY_IKE_I0", "STATE_V2_REKEY_IKE_I0", IKE_CREATED, 2, 'i'),
	IKE("V2_REKEY_IKE_I1", "sent CREATE_CHILD_SA request to rekey IKE SA", IKE_CONNECTING, 2,
		'i'),
	IKE("V2_REKEY_IKE_R0", "STATE_V2_REKEY_IKE_R0", IKE_CONNECTING, 2, 'r'),
	IKE("V2_IKE_SA_DELETE", "STATE_IKESA_DEL", IKE_DELETING, 2, 0),
	OTHER("V2_ZOMBIE", "deleted state", 2),
	OTHER("V2_UNSECURED_R", "processing unsecured request", 2),
	OTHER("V2_IKE_AUTH_CHILD_I0", "ephemeral: initiator creating child from IKE exchange", 2),
	OTHER("V2_IKE_AUTH_CHILD_R0", "ephemeral: responder creating child from IKE exchange", 2),
	CHILD("V2_NEW_CHILD_I0", "STATE_V2_NEW_CHILD_I0", CHILD_CREATED, 2, 'i'),
	CHILD("V2_NEW_CHILD_I1", "sent CREATE_CHILD_SA request for new IPsec SA", CHILD_CREATED, 2,
		'i'),
	CHILD("V2_NEW_CHILD_R0", "STATE_V2_NEW_CHILD_R0", CHILD_CREATED, 2, 'r'),
	CHILD("V2_REKEY_CHILD_I0", "STATE_V2_REKEY_CHILD_I0", CHILD_CREATED, 2, 'i'),
	CHILD("V2_REKEY_CHILD_I1", "sent CREATE_CHILD_SA request to rekey IPsec SA", CHILD_CREATED,
		2, 'i'),
	CHILD("V2_REKEY_CHILD_R0", "STATE_V2_REKEY_CHILD_R0", CHILD_CREATED, 2, 'r'),
	CHILD("V2_CHILD_SA_DELETE", "STATE_CHILDSA_DEL", CHILD_DELETING, 2, 0),
	IKE("MAIN_R0", "expecting Main Mode request", IKE_CONNECTING, 1, 'r'),
	IKE("MAIN_I1", "sent Main Mode request", IKE_CONNECTING, 1, 'i'),
	IKE("MAIN_R1", "sent Main Mode R1", IKE_CONNECTING, 1, 'r'),
	IKE("MAIN_I2", "sent Main Mode I2", IKE_CONNECTING, 1, 'i'),
	IKE("MAIN_R2", "sent Main Mode R2", IKE_CONNECTING, 1, 'r'),
	IKE("MAIN_I3", "sent Main Mode I3", IKE_CONNECTING, 1, 'i'),
	IKE("MAIN_I4", "IKE SA established", IKE_ESTABLISHED, 1, 'i'),
	IKE("MAIN_R3", "IKE SA established", IKE_ESTABLISHED, 1, 'r'),
	IKE("AGGR_R0", "expecting Aggressive Mode request", IKE_CONNECTING, 1, 'r'),
	IKE("AGGR_I1", "sent Aggressive Mode request", IKE_CONNECTING, 1, 'i'),
	IKE("AGGR_R1", "sent Aggressive Mode response, expecting confirmation", IKE_CONNECTING, 1,
		'r'),
	IKE("AGGR_I2", "IKE SA established", IKE_ESTABLISHED, 1, 'i'),
	IKE("AGGR_R2", "IKE SA established", IKE_ESTABLISHED, 1, 'r'),
	IKE("XAUTH_R0", "XAUTH responder - optional CFG exchange", IKE_ESTABLISHED, 1, 'r'),
	IKE("XAUTH_R1", "XAUTH status sent, expecting Ack", IKE_ESTABLISHED, 1, 'r'),
	IKE("XAUTH_I0", "XAUTH client - possibly awaiting CFG_request", IKE_ESTABLISHED, 1, 'i'),
	IKE("XAUTH_I1", "XAUTH client - possibly awaiting CFG_set", IKE_ESTABLISHED, 1, 'i'),
	IKE("MODE_CFG_R0", "received ModeCfg request, reply sent", IKE_ESTABLISHED, 1, 0),
	IKE("MODE_CFG_R1", "sent ModeCfg reply, expecting Ack", IKE_ESTABLISHED, 1, 0),
	IKE("MODE_CFG_R2", "received ModeCfg Ack", IKE_ESTABLISHED, 1, 0),
	IKE("MODE_CFG_I1", "sent ModeCfg request", IKE_ESTABLISHED, 1, 0),
	IKE("MODE_CFG_CLIENT_RESPONDING", "non-pull client received MODE_CFG", IKE_ESTABLISHED, 1,
		0),
	IKE("MODE_CFG_SERVER_WAITING_FOR_ACK", "server sent MODE_CFG SET, waiting for MODE_CFG ACK",
		IKE_ESTABLISHED, 1, 0),
	CHILD("QUICK_R0", "expecting Quick Mode request", CHILD_CREATED, 1, 'r'),
	CHILD("QUICK_I1", "sent Quick Mode request", CHILD_CREATED, 1, 'i'),
	CHILD("QUICK_R1",
		"sent Quick Mode reply, inbound IPsec SA installed, expecting confirmation",
		CHILD_INSTALLING, 1, 'r'),
	CHILD("QUICK_I2", "IPsec SA established", CHILD_INSTALLED, 1, 'i'),
	CHILD("QUICK_R2", "IPsec SA established", CHILD_INSTALLED, 1, 'r'),
	OTHER("INFO", "received unencrypted Informational Exchange message", 1),
	OTHER("INFO_PROTECTED", "received encrypted Informational Exchange message", 1),
};

/* When several states have one story, what they have in common. */
static const struct pluto_state ambiguous[] = {
	IKE("", "IKE SA established", IKE_ESTABLISHED, 1, 0),
	IKE("", "ISAKMP SA established", IKE_ESTABLISHED, 1, 0),
	CHILD("", "IPsec SA established", CHILD_INSTALLED, 1, 0),
};

const struct pluto_state *pluto_state_of(struct span name, struct span story)
{
	for (size_t i = 0; name.n > 0 && i < ARRAY_LEN(states); i++) {
		if (text_is(name, states[i].name))
			return &states[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(ambiguous); i++) {
		if (text_is(story, ambiguous[i].story))
			return &ambiguous[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (text_is(story, states[i].story))
			return &states[i];
	}
	return NULL;
}
