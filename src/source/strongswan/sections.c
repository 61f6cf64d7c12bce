/* SPDX-License-Identifier: Apache-2.0 */
#include "source/strongswan/sections.h"

#include <netinet/in.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/strongswan/fields.h"
#include "source/strongswan/vici.h"

#define FIELD(name, of_kind, type, member) \
	.key = name, .kind = FIELD_##of_kind, .at = (uint16_t)offsetof(struct type, member), \
	.size = (uint16_t)sizeof(((struct type *)0)->member)
#define F(name, of_kind, type, member) \
	{ \
		FIELD(name, of_kind, type, member) \
	}
#define S(name, type, member, states) \
	{ \
		FIELD(name, STATE, type, member), .names = states \
	}

static const struct field_name ike_states[] = { { "CREATED", IKE_CREATED },
	{ "CONNECTING", IKE_CONNECTING }, { "ESTABLISHED", IKE_ESTABLISHED },
	{ "PASSIVE", IKE_PASSIVE }, { "REKEYING", IKE_REKEYING }, { "REKEYED", IKE_REKEYED },
	{ "DELETING", IKE_DELETING }, { "DESTROYING", IKE_DELETING }, { NULL, 0 } };

static const struct field ike_sa_fields[] = {
	F("uniqueid", NUMBER, ike_sa, unique),
	F("version", NUMBER, ike_sa, version),
	S("state", ike_sa, state, ike_states),
	F("initiator", YES, ike_sa, initiator),
	F("initiator-spi", HEX, ike_sa, spi_i),
	F("responder-spi", HEX, ike_sa, spi_r),
	F("local-host", ADDR, ike_sa, local),
	F("remote-host", ADDR, ike_sa, remote),
	F("local-port", NUMBER, ike_sa, local_port),
	F("remote-port", NUMBER, ike_sa, remote_port),
	F("local-id", TEXT, ike_sa, local_id),
	F("remote-id", TEXT, ike_sa, remote_id),
	F("remote-eap-id", TEXT, ike_sa, remote_user),
	F("remote-xauth-id", TEXT, ike_sa, remote_user),
	F("local-vips", WORDS, ike_sa, vips),
	F("remote-vips", WORDS, ike_sa, vips),
	F("nat-local", YES, ike_sa, nat_local),
	F("nat-remote", YES, ike_sa, nat_remote),
	F("nat-any", YES, ike_sa, nat_any),
	F("encr-alg", TEXT, ike_sa, encryption),
	F("encr-keysize", NUMBER, ike_sa, encryption_bits),
	F("integ-alg", TEXT, ike_sa, integrity),
	F("prf-alg", TEXT, ike_sa, prf),
	F("dh-group", TEXT, ike_sa, dh),
	F("established", AGO, ike_sa, established_us),
	F("rekey-time", AHEAD, ike_sa, rekey_us),
	F("reauth-time", AHEAD, ike_sa, reauth_us),
	F("tasks-queued", COUNT, ike_sa, tasks_queued),
	F("tasks-active", COUNT, ike_sa, tasks_active),
	F("tasks-passive", COUNT, ike_sa, tasks_passive),
	F("if-id-in", HEX, ike_sa, if_id_in),
	F("if-id-out", HEX, ike_sa, if_id_out),
};

static bool makes_a_child(struct span task)
{
	return vici_is(task, "CHILD_CREATE") || vici_is(task, "QUICK_MODE");
}

void ike_sa_read(struct span section, uint64_t now_us, struct ike_sa *ret)
{
	struct span queue = vici_get(section, VICI_LIST, "tasks-queued"), task;

	fields_read(section, ike_sa_fields, ARRAY_LEN(ike_sa_fields), now_us, ret);
	while (vici_next_value(&queue, &task))
		ret->children_queued = (uint16_t)(ret->children_queued + makes_a_child(task));
	ret->role_known = true; /* only the initiator is marked */
	ret->nat_known =
		ret->nat_any || ret->nat_local || ret->nat_remote || ret->state >= IKE_ESTABLISHED;
	/* Before it knows who it is, charon says %any. */
	if (!strcmp(ret->local_id, "%any"))
		ret->local_id[0] = '\0';
	if (!strcmp(ret->remote_id, "%any"))
		ret->remote_id[0] = '\0';
}

static const struct field_name child_states[] = { { "CREATED", CHILD_CREATED },
	{ "ROUTED", CHILD_ROUTED }, { "INSTALLING", CHILD_INSTALLING },
	{ "INSTALLED", CHILD_INSTALLED }, { "UPDATING", CHILD_UPDATING },
	{ "REKEYING", CHILD_REKEYING }, { "REKEYED", CHILD_REKEYED },
	{ "RETRYING", CHILD_RETRYING }, { "DELETING", CHILD_DELETING },
	{ "DELETED", CHILD_DELETED }, { "DESTROYING", CHILD_DELETED }, { NULL, 0 } };

static const struct field_name modes[] = { { "TUNNEL", IPSEC_TUNNEL },
	{ "TRANSPORT", IPSEC_TRANSPORT }, { "TRANSPORT_PROXY", IPSEC_TRANSPORT },
	{ "BEET", IPSEC_BEET }, { "IPTFS", IPSEC_IPTFS }, { NULL, 0 } };

static const struct field_name protocols[] = { { "ESP", IPPROTO_ESP }, { "AH", IPPROTO_AH },
	{ NULL, 0 } };

static const struct field child_sa_fields[] = {
	F("name", TEXT, child_sa, name),
	F("uniqueid", NUMBER, child_sa, unique),
	F("reqid", NUMBER, child_sa, reqid),
	S("state", child_sa, state, child_states),
	S("mode", child_sa, mode, modes),
	S("protocol", child_sa, proto, protocols),
	F("encap", YES, child_sa, encap),
	F("esn", YES, child_sa, esn),
	F("spi-in", HEX, child_sa, spi_in),
	F("spi-out", HEX, child_sa, spi_out),
	F("mark-in", HEX, child_sa, mark_in),
	F("mark-out", HEX, child_sa, mark_out),
	F("if-id-in", HEX, child_sa, if_id_in),
	F("if-id-out", HEX, child_sa, if_id_out),
	F("encr-alg", TEXT, child_sa, encryption),
	F("encr-keysize", NUMBER, child_sa, encryption_bits),
	F("integ-alg", TEXT, child_sa, integrity),
	F("dh-group", TEXT, child_sa, dh),
	F("bytes-in", NUMBER, child_sa, bytes_in),
	F("bytes-out", NUMBER, child_sa, bytes_out),
	F("packets-in", NUMBER, child_sa, packets_in),
	F("packets-out", NUMBER, child_sa, packets_out),
	F("bytes-in", YES, child_sa, counted),
	F("rekey-time", AHEAD, child_sa, rekey_us),
	F("life-time", AHEAD, child_sa, expires_us),
	F("install-time", AGO, child_sa, installed_us),
	F("local-ts", WORDS, child_sa, local_ts),
	F("remote-ts", WORDS, child_sa, remote_ts),
};

void child_sa_read(struct span section, uint64_t now_us, struct child_sa *ret)
{
	fields_read(section, child_sa_fields, ARRAY_LEN(child_sa_fields), now_us, ret);
}

static const struct field_name versions[] = { { "IKEv1", 1 }, { "IKEv2", 2 }, { NULL, 0 } };

static const struct field connection_fields[] = {
	F("local_addrs", WORDS, connection, local),
	F("remote_addrs", WORDS, connection, remote),
	S("version", connection, version, versions),
	F("unique", TEXT, connection, unique),
	F("rekey_time", NUMBER, connection, rekey_s),
	F("reauth_time", NUMBER, connection, reauth_s),
	F("dpd_delay", NUMBER, connection, dpd_s),
};

/* One round of authentication; a connection may have several a side. */
struct round {
	char id[IDENTITY_SIZE], user[IDENTITY_SIZE];
	char class[NAME_SIZE], eap[NAME_SIZE];
};

static const struct field round_fields[] = {
	F("id", TEXT, round, id),
	F("eap_id", TEXT, round, user),
	F("xauth_id", TEXT, round, user),
	F("class", TEXT, round, class),
	F("eap-type", TEXT, round, eap),
};

static const struct {
	const char *class, *word;
} classes[] = { { "pre-shared key", "psk" }, { "public key", "pubkey" }, { "EAP", "eap" },
	{ "XAuth", "xauth" } };

static void add_word(char *ret, size_t size, const char *word)
{
	if (ret[0] != '\0')
		field_append(span_text(" "), ret, size);
	field_append(span_text(word), ret, size);
}

static void read_round(struct span section, char *id, size_t id_size, char *auth, size_t auth_size)
{
	struct round r = { 0 };
	const char *word = r.class;

	fields_read(section, round_fields, ARRAY_LEN(round_fields), 0, &r);
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		if (!strcmp(r.class, classes[i].class))
			word = classes[i].word;
	}
	add_word(auth, auth_size, r.eap[0] != '\0' ? r.eap : word);
	if (id[0] == '\0')
		field_text(span_text(r.id[0] != '\0' ? r.id : r.user), id, id_size);
}

static bool begins(struct span text, const char *with)
{
	return text.n >= strlen(with) && memcmp(text.p, with, strlen(with)) == 0;
}

void connection_read(struct span section, struct connection *ret)
{
	struct vici_item item;

	ret->rekey_s = ret->reauth_s = ret->over_s = UINT64_MAX;
	fields_read(section, connection_fields, ARRAY_LEN(connection_fields), 0, ret);
	/* UNIQUE_REPLACE is what the configuration calls replace. */
	if (!strncmp(ret->unique, "UNIQUE_", 7)) {
		memmove(ret->unique, ret->unique + 7, strlen(ret->unique + 7) + 1);
		for (char *c = ret->unique; *c; c++)
			*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	}
	while (vici_next(&section, &item)) {
		if (item.kind != VICI_SECTION)
			continue;
		if (begins(item.name, "local-"))
			read_round(item.body, ret->local_id, sizeof(ret->local_id), ret->local_auth,
				sizeof(ret->local_auth));
		else if (begins(item.name, "remote-"))
			read_round(item.body, ret->remote_id, sizeof(ret->remote_id),
				ret->remote_auth, sizeof(ret->remote_auth));
	}
}

static const struct field_name actions[] = { { "PASS", ACTION_PASS }, { "DROP", ACTION_DROP },
	{ NULL, 0 } };

static const struct field connection_child_fields[] = {
	S("mode", connection_child, mode, modes),
	S("mode", connection_child, action, actions),
	F("local-ts", WORDS, connection_child, local_ts),
	F("remote-ts", WORDS, connection_child, remote_ts),
	F("dpd_action", TEXT, connection_child, dpd_action),
	F("close_action", TEXT, connection_child, close_action),
	F("rekey_time", NUMBER, connection_child, rekey_s),
	F("rekey_bytes", NUMBER, connection_child, rekey_bytes),
	F("rekey_packets", NUMBER, connection_child, rekey_packets),
	F("priority", NUMBER, connection_child, priority),
};

void connection_child_read(struct span section, struct connection_child *ret)
{
	ret->rekey_s = ret->life_s = UINT64_MAX;
	ret->rekey_bytes = ret->life_bytes = UINT64_MAX;
	ret->rekey_packets = ret->life_packets = UINT64_MAX;
	fields_read(section, connection_child_fields, ARRAY_LEN(connection_child_fields), 0, ret);
}

static const struct field shunt_fields[] = {
	F("child", TEXT, shunt, name),
	S("mode", shunt, action, actions),
	F("local-ts", WORDS, shunt, local_ts),
	F("remote-ts", WORDS, shunt, remote_ts),
};

void shunt_read(struct span section, struct shunt *ret)
{
	fields_read(section, shunt_fields, ARRAY_LEN(shunt_fields), 0, ret);
}
