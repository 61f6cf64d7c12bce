/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fact.h"

#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* How one member of struct fact is written. */
enum kind {
	K_BOOL,
	K_U8,
	K_U16,
	K_U32,
	K_U64,
	K_ADDR, /* family, then 4 or 16 octets */
	K_PREFIX, /* address, then length */
	K_TEXT, /* u16 length, then as much; `size` is the member's, with the NUL */
	K_TEMPLATES, /* u8 n, then each */
	K_COUNTERS, /* u16 n, then each */
	K_RANGES, /* u8 n, then each */
};

struct member {
	uint16_t offset;
	uint16_t size;
	uint8_t kind;
};

/* One row of a table: a kind, and the member of struct fact. */
#define M(kind, path) \
	{ \
		(uint16_t) offsetof(struct fact, path), \
			(uint16_t)sizeof(((struct fact *)0)->path), K_##kind \
	}

#define SELECTOR(at) \
	M(PREFIX, at.src), M(PREFIX, at.dst), M(U16, at.sport), M(U16, at.sport_mask), \
		M(U16, at.dport), M(U16, at.dport_mask), M(U8, at.proto), M(U32, at.ifindex)

#define SA(at) \
	M(ADDR, at.src), M(ADDR, at.dst), M(U8, at.proto), M(U32, at.spi), M(U8, at.mode), \
		M(U8, at.direction), M(BOOL, at.larval), M(BOOL, at.esn), M(U8, at.flags), \
		M(U32, at.extra_flags), M(U32, at.reqid), M(U32, at.if_id), M(U32, at.mark), \
		M(U32, at.mark_mask), SELECTOR(at.selector), M(TEXT, at.encryption), \
		M(TEXT, at.integrity), M(U16, at.encryption_bits), M(U16, at.integrity_bits), \
		M(U16, at.icv_bits), M(BOOL, at.aead), M(U64, at.bytes), M(U64, at.packets), \
		M(U64, at.added_s), M(U64, at.used_s), M(U64, at.soft_bytes), \
		M(U64, at.hard_bytes), M(U64, at.soft_packets), M(U64, at.hard_packets), \
		M(U64, at.soft_add_s), M(U64, at.hard_add_s), M(U64, at.soft_use_s), \
		M(U64, at.hard_use_s), M(U32, at.replay_window), M(U64, at.seq), M(U64, at.oseq), \
		M(U32, at.replayed), M(U32, at.late), M(U32, at.integrity_failed), \
		M(U16, at.encap), M(U16, at.encap_sport), M(U16, at.encap_dport), \
		M(U32, at.offload_ifindex), M(U8, at.offload_flags)

#define POLICY(at) \
	M(U32, at.index), M(U32, at.priority), M(U8, at.direction), M(U8, at.type), \
		M(BOOL, at.block), M(U8, at.flags), M(U32, at.if_id), M(U32, at.mark), \
		M(U32, at.mark_mask), SELECTOR(at.selector), M(TEMPLATES, at), M(U64, at.added_s), \
		M(U64, at.used_s), M(U64, at.hard_add_s), M(U64, at.hard_use_s), \
		M(U32, at.offload_ifindex)

static const struct member origin_members[] = { M(TEXT, origin.host), M(TEXT, origin.boot),
	M(TEXT, origin.release), M(TEXT, origin.version), M(U64, origin.hash_seed) };
static const struct member netns_members[] = { M(BOOL, netns_change.there),
	M(BOOL, netns_change.watched), M(TEXT, netns_change.name), M(U64, netns_change.inode) };
static const struct member source_members[] = { M(U8, source_change.id), M(U8, source_change.state),
	M(U64, source_change.losses), M(U64, source_change.resolution_ms),
	M(TEXT, source_change.reason) };
static const struct member sa_members[] = { M(U8, sa.op), SA(sa.sa) };
static const struct member sa_gone_members[] = { M(U8, sa_gone.how), SA(sa_gone.sa) };
static const struct member sa_flush_members[] = { M(U8, sa_flush.proto) };
static const struct member policy_members[] = { M(U8, policy.op), POLICY(policy.policy) };
static const struct member policy_gone_members[] = { M(U8, policy_gone.how),
	POLICY(policy_gone.policy) };
static const struct member policy_flush_members[] = { M(U8, policy_flush.type) };
static const struct member policy_default_members[] = { M(BOOL, policy_default.block_in),
	M(BOOL, policy_default.block_fwd), M(BOOL, policy_default.block_out),
	M(BOOL, policy_default.initial) };
static const struct member dump_members[] = { M(U8, dump.kind), M(U8, dump.phase),
	M(BOOL, dump.resync) };
static const struct member counters_members[] = { M(COUNTERS, counters) };
static const struct member poll_members[] = { M(U64, poll.round) };
static const struct member audit_drop_members[] = { M(U8, audit_drop.op), M(ADDR, audit_drop.src),
	M(ADDR, audit_drop.dst), M(BOOL, audit_drop.has_flowlabel), M(BOOL, audit_drop.has_spi),
	M(BOOL, audit_drop.has_seqno), M(U32, audit_drop.flowlabel), M(U32, audit_drop.spi),
	M(U32, audit_drop.seqno), M(U64, audit_drop.serial), M(U64, audit_drop.record_us) };
static const struct member audit_change_members[] = { M(U8, audit_change.op),
	M(BOOL, audit_change.ok), M(BOOL, audit_change.has_actor), M(U32, audit_change.auid),
	M(U32, audit_change.ses), M(U32, audit_change.pid), M(U32, audit_change.uid),
	M(TEXT, audit_change.comm), M(TEXT, audit_change.exe), M(PREFIX, audit_change.src),
	M(PREFIX, audit_change.dst), M(U32, audit_change.spi), M(U64, audit_change.serial),
	M(U64, audit_change.record_us) };
static const struct member link_members[] = { M(U8, link.op), M(U32, link.link.ifindex),
	M(TEXT, link.link.name), M(TEXT, link.link.kind), M(U32, link.link.flags),
	M(U32, link.link.mtu), M(U32, link.link.if_id), M(U8, link.link.disable_xfrm),
	M(U8, link.link.disable_policy), M(U8, link.link.disable_policy6) };
static const struct member addr_members[] = { M(U8, addr.op), M(U32, addr.addr.ifindex),
	M(PREFIX, addr.addr.prefix) };
static const struct member mapping_members[] = { M(ADDR, mapping.old_src), M(ADDR, mapping.new_src),
	M(ADDR, mapping.dst), M(U16, mapping.old_sport), M(U16, mapping.new_sport),
	M(U32, mapping.spi), M(U32, mapping.reqid) };
static const struct member migrate_members[] = { M(U8, migrate.direction),
	SELECTOR(migrate.selector) };
static const struct member config_members[] = { M(U32, config.evidence), M(U32, config.poll_ms),
	M(U32, config.settle_ms), M(U32, config.first_packets), M(U32, config.rate_threshold),
	M(U32, config.rate_window_s), M(BOOL, config.changed), M(TEXT, config.digest) };
static const struct member audit_setting_members[] = { M(U8, audit_setting.subcategory),
	M(U8, audit_setting.setting), M(BOOL, audit_setting.initial), M(U32, audit_setting.uid),
	M(U32, audit_setting.pid), M(U32, audit_setting.auid), M(U64, audit_setting.set_us) };
static const struct member access_members[] = { M(U8, access.op), M(U32, access.uid),
	M(U32, access.pid), M(U32, access.auid), M(TEXT, access.what), M(TEXT, access.reason) };
static const struct member restore_members[] = { M(TEXT, restore.boot), M(TEXT, restore.netns),
	M(TEXT, restore.counter), M(U64, restore.kernel), M(U64, restore.attributed),
	M(U64, restore.unattributed), M(U64, restore.suppressed) };
static const struct member restore_spi_members[] = { M(TEXT, restore_spi.boot),
	M(ADDR, restore_spi.src), M(ADDR, restore_spi.dst), M(U32, restore_spi.spi),
	M(U8, restore_spi.proto), M(U8, restore_spi.how), M(U64, restore_spi.born_us),
	M(U64, restore_spi.died_us) };
static const struct member restore_run_members[] = { M(BOOL, restore_run.first),
	M(BOOL, restore_run.clean), M(U64, restore_run.last_seq), M(U64, restore_run.last_us),
	M(U64, restore_run.epoch), M(U64, restore_run.applied), M(RANGES, restore_run),
	M(TEXT, restore_run.boot) };
static const struct member log_members[] = { M(U8, log.op), M(U64, log.value), M(TEXT, log.what) };
static const struct member process_members[] = { M(U8, process.op), M(TEXT, process.name),
	M(U32, process.pid), M(U32, process.status) };
static const struct member drop_members[] = { M(TEXT, drop.counter), M(U8, drop.kind),
	M(U8, drop.direction), M(BOOL, drop.sampled), M(BOOL, drop.has_spi),
	M(BOOL, drop.has_seqno), M(BOOL, drop.has_flowlabel), M(BOOL, drop.has_ports),
	M(BOOL, drop.has_sa), M(BOOL, drop.has_policy), M(U64, drop.count), M(U64, drop.first_us),
	M(U64, drop.last_us), M(ADDR, drop.src), M(ADDR, drop.dst), M(U8, drop.proto),
	M(U8, drop.inner_proto), M(U16, drop.sport), M(U16, drop.dport), M(U32, drop.spi),
	M(U32, drop.seqno), M(U32, drop.seqno_hi), M(U32, drop.flowlabel), M(U32, drop.ifindex),
	M(U32, drop.mark), M(U32, drop.reqid), M(U32, drop.if_id), M(U32, drop.policy),
	M(U32, drop.priority) };
static const struct member hook_members[] = { M(TEXT, hook.counter), M(TEXT, hook.hook) };
static const struct member sad_result_members[] = { M(U8, sad_result.op), M(U32, sad_result.error),
	M(U64, sad_result.count) };

#define IKE_SA(at) \
	M(U64, at.service), M(U64, at.unique), M(TEXT, at.name), M(U8, at.version), \
		M(U8, at.state), M(BOOL, at.role_known), M(BOOL, at.initiator), M(U64, at.spi_i), \
		M(U64, at.spi_r), M(ADDR, at.local), M(ADDR, at.remote), M(U16, at.local_port), \
		M(U16, at.remote_port), M(TEXT, at.local_id), M(TEXT, at.remote_id), \
		M(TEXT, at.remote_user), M(TEXT, at.vips), M(BOOL, at.nat_known), \
		M(BOOL, at.nat_local), M(BOOL, at.nat_remote), M(BOOL, at.nat_any), \
		M(TEXT, at.encryption), M(TEXT, at.integrity), M(TEXT, at.prf), M(TEXT, at.dh), \
		M(U16, at.encryption_bits), M(U64, at.established_us), M(U64, at.rekey_us), \
		M(U64, at.reauth_us), M(U16, at.tasks_queued), M(U16, at.tasks_active), \
		M(U16, at.tasks_passive), M(U16, at.children_queued), M(U32, at.if_id_in), \
		M(U32, at.if_id_out)

#define CHILD_SA(at) \
	M(U64, at.service), M(U64, at.unique), M(U64, at.ike_unique), M(TEXT, at.name), \
		M(TEXT, at.ike_name), M(U8, at.state), M(U8, at.mode), M(U8, at.proto), \
		M(BOOL, at.encap), M(BOOL, at.esn), M(U32, at.spi_in), M(U32, at.spi_out), \
		M(U32, at.reqid), M(U32, at.mark_in), M(U32, at.mark_out), M(U32, at.if_id_in), \
		M(U32, at.if_id_out), M(TEXT, at.encryption), M(TEXT, at.integrity), \
		M(TEXT, at.dh), M(U16, at.encryption_bits), M(TEXT, at.local_ts), \
		M(TEXT, at.remote_ts), M(U64, at.installed_us), M(U64, at.rekey_us), \
		M(U64, at.expires_us), M(BOOL, at.counted), M(U64, at.bytes_in), \
		M(U64, at.bytes_out), M(U64, at.packets_in), M(U64, at.packets_out), \
		M(BOOL, at.octets_only)

static const struct member service_members[] = { M(U64, service.id), M(U8, service.daemon),
	M(U8, service.end), M(U8, service.control), M(U32, service.pid), M(U32, service.signal),
	M(BOOL, service.found), M(U64, service.started_us), M(TEXT, service.name),
	M(TEXT, service.version), M(TEXT, service.why), M(U64, service.ended_us) };
static const struct member ike_sa_members[] = { M(U8, ike_sa.op), M(U64, ike_sa.replaces),
	IKE_SA(ike_sa.sa) };
static const struct member ike_sa_gone_members[] = { M(U8, ike_sa_gone.how),
	IKE_SA(ike_sa_gone.sa) };
static const struct member child_sa_members[] = { M(U8, child_sa.op), M(U64, child_sa.replaces),
	CHILD_SA(child_sa.sa) };
static const struct member child_sa_gone_members[] = { M(U8, child_sa_gone.how),
	CHILD_SA(child_sa_gone.sa) };
static const struct member connection_members[] = { M(U64, connection.service),
	M(U8, connection.origin), M(U8, connection.daemon), M(TEXT, connection.name),
	M(TEXT, connection.file), M(U32, connection.line), M(U8, connection.version),
	M(TEXT, connection.local), M(TEXT, connection.remote), M(TEXT, connection.local_id),
	M(TEXT, connection.remote_id), M(TEXT, connection.local_auth),
	M(TEXT, connection.remote_auth), M(TEXT, connection.proposals), M(TEXT, connection.unique),
	M(BOOL, connection.aggressive), M(BOOL, connection.mobike), M(BOOL, connection.encap),
	M(U64, connection.rekey_s), M(U64, connection.reauth_s), M(U64, connection.over_s),
	M(U64, connection.dpd_s) };
static const struct member connection_child_members[] = { M(U64, connection_child.service),
	M(U8, connection_child.origin), M(U8, connection_child.daemon),
	M(TEXT, connection_child.name), M(TEXT, connection_child.conn),
	M(TEXT, connection_child.file), M(U32, connection_child.line), M(U8, connection_child.mode),
	M(U8, connection_child.action), M(U8, connection_child.intent),
	M(U8, connection_child.proto), M(TEXT, connection_child.local_ts),
	M(TEXT, connection_child.remote_ts), M(TEXT, connection_child.proposals),
	M(TEXT, connection_child.dpd_action), M(TEXT, connection_child.close_action),
	M(U64, connection_child.rekey_s), M(U64, connection_child.life_s),
	M(U64, connection_child.rekey_bytes), M(U64, connection_child.life_bytes),
	M(U64, connection_child.rekey_packets), M(U64, connection_child.life_packets),
	M(U32, connection_child.reqid), M(U32, connection_child.priority),
	M(U32, connection_child.if_id_in), M(U32, connection_child.if_id_out),
	M(U32, connection_child.mark_in), M(U32, connection_child.mark_out) };
static const struct member shunt_members[] = { M(U64, shunt.service), M(TEXT, shunt.name),
	M(U8, shunt.action), M(BOOL, shunt.negotiated), M(TEXT, shunt.local_ts),
	M(TEXT, shunt.remote_ts) };
static const struct member certificate_members[] = { M(U64, certificate.service),
	M(TEXT, certificate.kind), M(TEXT, certificate.subject), M(TEXT, certificate.issuer),
	M(TEXT, certificate.serial), M(BOOL, certificate.has_key),
	M(U64, certificate.not_before_us), M(U64, certificate.not_after_us) };
static const struct member ike_dump_members[] = { M(U64, ike_dump.service), M(U8, ike_dump.list),
	M(U8, ike_dump.phase), M(U8, ike_dump.daemon) };
static const struct member negotiation_members[] = { M(U64, negotiation.service),
	M(U8, negotiation.cause), M(U8, negotiation.said), M(BOOL, negotiation.child),
	M(BOOL, negotiation.final), M(BOOL, negotiation.role_known), M(BOOL, negotiation.initiator),
	M(U8, negotiation.version), M(U64, negotiation.unique), M(U64, negotiation.spi_i),
	M(U64, negotiation.spi_r), M(TEXT, negotiation.conn), M(TEXT, negotiation.child_name),
	M(ADDR, negotiation.local), M(ADDR, negotiation.remote), M(U16, negotiation.local_port),
	M(U16, negotiation.remote_port), M(TEXT, negotiation.local_id),
	M(TEXT, negotiation.remote_id), M(TEXT, negotiation.ours), M(TEXT, negotiation.theirs),
	M(TEXT, negotiation.words) };
static const struct member ike_counter_members[] = { M(U64, ike_counter.service),
	M(TEXT, ike_counter.name), M(U64, ike_counter.value), M(BOOL, ike_counter.gauge) };
static const struct member config_file_members[] = { M(U64, config_file.service),
	M(U8, config_file.daemon), M(BOOL, config_file.main), M(TEXT, config_file.path),
	M(TEXT, config_file.digest), M(U64, config_file.modified_us), M(U32, config_file.mode),
	M(U32, config_file.uid), M(TEXT, config_file.name), M(TEXT, config_file.description),
	M(TEXT, config_file.unit), M(TEXT, config_file.gpo), M(TEXT, config_file.error) };
static const struct member ike_socket_members[] = { M(U64, ike_socket.service),
	M(ADDR, ike_socket.local), M(U16, ike_socket.port), M(U64, ike_socket.queue),
	M(U64, ike_socket.drops), M(BOOL, ike_socket.foreign) };
static const struct member acquire_members[] = { M(ADDR, acquire.src), M(ADDR, acquire.dst),
	SELECTOR(acquire.selector), M(U32, acquire.policy), M(U8, acquire.proto) };
static const struct member restore_statistic_members[] = { M(TEXT, restore_statistic.boot),
	M(TEXT, restore_statistic.netns), M(TEXT, restore_statistic.key),
	M(U8, restore_statistic.daemon), M(U64, restore_statistic.service),
	M(U64, restore_statistic.total), M(U64, restore_statistic.since),
	M(U64, restore_statistic.base), M(BOOL, restore_statistic.before) };

static const struct {
	const char *name;
	const struct member *members;
	size_t n;
	size_t n_later; /* of these, the last: recordings made before they came end without */
} types[] = {
#define TYPE(type, name, table) TYPE_GREW(type, name, table, 0)
#define TYPE_GREW(type, name, table, later) [type] = { name, table, ARRAY_LEN(table), later }
	TYPE(FACT_ORIGIN, "origin", origin_members),
	TYPE(FACT_NETNS, "netns", netns_members),
	TYPE(FACT_SOURCE, "source", source_members),
	TYPE(FACT_SA, "sa", sa_members),
	TYPE(FACT_SA_GONE, "sa gone", sa_gone_members),
	TYPE(FACT_SA_SOFT, "sa soft limit", sa_gone_members),
	TYPE(FACT_SA_FLUSH, "sa flush", sa_flush_members),
	TYPE(FACT_POLICY, "policy", policy_members),
	TYPE(FACT_POLICY_GONE, "policy gone", policy_gone_members),
	TYPE(FACT_POLICY_FLUSH, "policy flush", policy_flush_members),
	TYPE(FACT_POLICY_DEFAULT, "policy default", policy_default_members),
	TYPE(FACT_DUMP, "dump", dump_members),
	TYPE(FACT_COUNTERS, "counters", counters_members),
	TYPE(FACT_POLL, "poll", poll_members),
	TYPE(FACT_AUDIT_DROP, "audit drop", audit_drop_members),
	TYPE(FACT_AUDIT_CHANGE, "audit change", audit_change_members),
	TYPE_GREW(FACT_LINK, "link", link_members, 3),
	TYPE(FACT_ADDR, "address", addr_members),
	TYPE(FACT_MAPPING, "mapping", mapping_members),
	TYPE(FACT_MIGRATE, "migrate", migrate_members),
	[FACT_TICK] = { "tick", NULL, 0, 0 },
	TYPE(FACT_CONFIG, "config", config_members),
	TYPE(FACT_AUDIT_SETTING, "audit setting", audit_setting_members),
	TYPE(FACT_ACCESS, "access", access_members),
	TYPE(FACT_RESTORE, "restored reading", restore_members),
	TYPE(FACT_RESTORE_SPI, "restored spi", restore_spi_members),
	TYPE(FACT_RESTORE_RUN, "restored run", restore_run_members),
	TYPE(FACT_LOG, "log", log_members),
	TYPE(FACT_PROCESS, "process", process_members),
	[FACT_STOP] = { "stop", NULL, 0, 0 },
	TYPE(FACT_DROP, "drop", drop_members),
	TYPE(FACT_HOOK, "hook", hook_members),
	TYPE(FACT_SAD_RESULT, "sad result", sad_result_members),
	TYPE(FACT_SERVICE, "service", service_members),
	TYPE(FACT_IKE_SA, "ike sa", ike_sa_members),
	TYPE(FACT_IKE_SA_GONE, "ike sa gone", ike_sa_gone_members),
	TYPE_GREW(FACT_CHILD_SA, "child sa", child_sa_members, 1),
	TYPE_GREW(FACT_CHILD_SA_GONE, "child sa gone", child_sa_gone_members, 1),
	TYPE(FACT_CONNECTION, "connection", connection_members),
	TYPE(FACT_CONNECTION_CHILD, "connection child", connection_child_members),
	TYPE(FACT_SHUNT, "shunt", shunt_members),
	TYPE(FACT_CERTIFICATE, "certificate", certificate_members),
	TYPE(FACT_IKE_DUMP, "ike list", ike_dump_members),
	TYPE(FACT_NEGOTIATION, "negotiation", negotiation_members),
	TYPE(FACT_IKE_COUNTER, "ike counter", ike_counter_members),
	TYPE(FACT_CONFIG_FILE, "configuration file", config_file_members),
	TYPE_GREW(FACT_IKE_SOCKET, "ike socket", ike_socket_members, 1),
	TYPE(FACT_ACQUIRE, "acquire", acquire_members),
	TYPE(FACT_RESTORE_STATISTIC, "restored statistic", restore_statistic_members),
#undef TYPE
#undef TYPE_GREW
};

const char *fact_type_name(unsigned type)
{
	return type < ARRAY_LEN(types) ? types[type].name : NULL;
}

static void put_addr(const struct addr *a, struct buf *out)
{
	buf_u8(out, a->family);
	buf_append(out, a->octets, addr_bits(a) / 8);
}

static void put_text(const char *text, size_t size, struct buf *out)
{
	size_t n = strnlen(text, size - 1);

	buf_u16(out, (uint16_t)n);
	buf_append(out, text, n);
}

static void put_templates(const struct policy *p, struct buf *out)
{
	uint8_t n = p->n_templates <= POLICY_TEMPLATES ? p->n_templates : POLICY_TEMPLATES;

	buf_u8(out, n);
	for (uint8_t i = 0; i < n; i++) {
		const struct template *t = &p->templates[i];

		put_addr(&t->src, out);
		put_addr(&t->dst, out);
		buf_u32(out, t->spi);
		buf_u32(out, t->reqid);
		buf_u8(out, t->proto);
		buf_u8(out, t->mode);
		buf_u8(out, t->optional);
	}
}

static void put_counters(const struct fact *f, struct buf *out)
{
	uint16_t n = f->counters.n <= COUNTERS_MAX ? f->counters.n : COUNTERS_MAX;

	buf_u16(out, n);
	for (uint16_t i = 0; i < n; i++) {
		put_text(f->counters.v[i].name, COUNTER_NAME_SIZE, out);
		buf_u64(out, f->counters.v[i].value);
	}
}

static void put_ranges(const struct fact *f, struct buf *out)
{
	uint8_t n = f->restore_run.n_pending;

	if (n > ARRAY_LEN(f->restore_run.pending))
		n = ARRAY_LEN(f->restore_run.pending);
	buf_u8(out, n);
	for (uint8_t i = 0; i < n; i++) {
		buf_u64(out, f->restore_run.pending[i][0]);
		buf_u64(out, f->restore_run.pending[i][1]);
	}
}

static void put_member(const struct fact *f, const struct member *m, struct buf *out)
{
	const void *at = (const uint8_t *)f + m->offset;
	const struct prefix *prefix = at;

	switch ((enum kind)m->kind) {
	case K_BOOL:
		buf_u8(out, *(const bool *)at);
		break;
	case K_U8:
		buf_u8(out, *(const uint8_t *)at);
		break;
	case K_U16:
		buf_u16(out, *(const uint16_t *)at);
		break;
	case K_U32:
		buf_u32(out, *(const uint32_t *)at);
		break;
	case K_U64:
		buf_u64(out, *(const uint64_t *)at);
		break;
	case K_ADDR:
		put_addr(at, out);
		break;
	case K_PREFIX:
		put_addr(&prefix->addr, out);
		buf_u8(out, prefix->length);
		break;
	case K_TEXT:
		put_text(at, m->size, out);
		break;
	case K_TEMPLATES:
		put_templates(at, out);
		break;
	case K_COUNTERS:
		put_counters(f, out);
		break;
	case K_RANGES:
		put_ranges(f, out);
		break;
	}
}

void fact_header_encode(struct buf *out)
{
	buf_append(out, FACT_MAGIC, 16);
	buf_u32(out, FACT_VERSION);
}

void fact_encode(const struct fact *f, struct buf *out)
{
	size_t start = out->n;

	buf_u32(out, 0);
	buf_u16(out, f->type);
	buf_u8(out, f->source);
	buf_u64(out, f->epoch);
	buf_u64(out, f->seq);
	buf_u64(out, f->boot_ns);
	buf_u64(out, f->real_us);
	buf_u64(out, f->netns);
	for (size_t i = 0; i < types[f->type].n; i++)
		put_member(f, &types[f->type].members[i], out);
	if (!out->failed) {
		uint32_t length = (uint32_t)(out->n - start - 4);

		for (unsigned i = 0; i < 4; i++)
			out->p[start + i] = (char)(uint8_t)(length >> 8 * i);
	}
}

static bool get_addr(struct reader *r, struct addr *ret)
{
	uint8_t family = reader_u8(r);
	struct span octets;

	*ret = (struct addr){ .family = family };
	if (family != 0 && family != AF_INET && family != AF_INET6)
		return false;
	octets = reader_take(r, addr_bits(ret) / 8);
	if (octets.n > 0)
		memcpy(ret->octets, octets.p, octets.n);
	return reader_ok(r);
}

static bool get_text(struct reader *r, char *ret, size_t size)
{
	size_t n = reader_u16(r);
	struct span text = reader_take(r, n);

	if (n >= size || text.n != n || (n > 0 && memchr(text.p, '\0', n)))
		return false;
	memset(ret, 0, size);
	if (n > 0)
		memcpy(ret, text.p, n);
	return true;
}

static bool get_bool(struct reader *r, bool *ret)
{
	uint8_t v = reader_u8(r);

	*ret = v != 0;
	return v <= 1;
}

static bool get_templates(struct reader *r, struct policy *ret)
{
	ret->n_templates = reader_u8(r);
	if (ret->n_templates > POLICY_TEMPLATES)
		return false;
	for (uint8_t i = 0; i < ret->n_templates; i++) {
		struct template *t = &ret->templates[i];

		if (!get_addr(r, &t->src) || !get_addr(r, &t->dst))
			return false;
		t->spi = reader_u32(r);
		t->reqid = reader_u32(r);
		t->proto = reader_u8(r);
		t->mode = reader_u8(r);
		if (!get_bool(r, &t->optional))
			return false;
	}
	return true;
}

static bool get_counters(struct reader *r, struct fact *ret)
{
	ret->counters.n = reader_u16(r);
	if (ret->counters.n > COUNTERS_MAX)
		return false;
	for (uint16_t i = 0; i < ret->counters.n; i++) {
		if (!get_text(r, ret->counters.v[i].name, COUNTER_NAME_SIZE))
			return false;
		ret->counters.v[i].value = reader_u64(r);
	}
	return true;
}

static bool get_ranges(struct reader *r, struct fact *ret)
{
	ret->restore_run.n_pending = reader_u8(r);
	if (ret->restore_run.n_pending > ARRAY_LEN(ret->restore_run.pending))
		return false;
	for (uint8_t i = 0; i < ret->restore_run.n_pending; i++) {
		ret->restore_run.pending[i][0] = reader_u64(r);
		ret->restore_run.pending[i][1] = reader_u64(r);
	}
	return true;
}

static bool get_member(struct reader *r, const struct member *m, struct fact *ret)
{
	void *at = (uint8_t *)ret + m->offset;
	struct prefix *prefix = at;

	switch ((enum kind)m->kind) {
	case K_BOOL:
		return get_bool(r, at);
	case K_U8:
		*(uint8_t *)at = reader_u8(r);
		return true;
	case K_U16:
		*(uint16_t *)at = reader_u16(r);
		return true;
	case K_U32:
		*(uint32_t *)at = reader_u32(r);
		return true;
	case K_U64:
		*(uint64_t *)at = reader_u64(r);
		return true;
	case K_ADDR:
		return get_addr(r, at);
	case K_PREFIX:
		if (!get_addr(r, &prefix->addr))
			return false;
		prefix->length = reader_u8(r);
		return true;
	case K_TEXT:
		return get_text(r, at, m->size);
	case K_TEMPLATES:
		return get_templates(r, at);
	case K_COUNTERS:
		return get_counters(r, ret);
	case K_RANGES:
		return get_ranges(r, ret);
	}
	return false;
}

enum fact_result fact_header_decode(struct span octets, uint32_t *ret_version)
{
	struct reader r;
	struct span magic;
	uint32_t version;

	reader_init(&r, octets);
	magic = reader_take(&r, 16);
	version = reader_u32(&r);
	if (!reader_ok(&r))
		return octets.n > 0 && memcmp(octets.p, FACT_MAGIC,
					       octets.n < 16 ? octets.n : 16) != 0
			       ? FACT_FOREIGN
			       : FACT_TRUNCATED;
	if (memcmp(magic.p, FACT_MAGIC, 16) != 0)
		return FACT_FOREIGN;
	*ret_version = version;
	return version == FACT_VERSION ? FACT_OK : FACT_FOREIGN;
}

enum fact_result fact_decode(struct span octets, struct fact *ret, size_t *ret_used)
{
	struct fact f = { 0 };
	struct reader r;
	uint32_t length;

	reader_init(&r, octets);
	length = reader_u32(&r);
	if (!reader_ok(&r))
		return FACT_TRUNCATED;
	if (length > FACT_LENGTH_MAX)
		return FACT_MALFORMED;
	if (reader_left(&r) < length)
		return FACT_TRUNCATED;
	reader_init(&r, span_of(octets.p + 4, length));
	f.type = reader_u16(&r);
	f.source = reader_u8(&r);
	f.epoch = reader_u64(&r);
	f.seq = reader_u64(&r);
	f.boot_ns = reader_u64(&r);
	f.real_us = reader_u64(&r);
	f.netns = reader_u64(&r);
	if (!reader_ok(&r) || !fact_type_name(f.type) || f.source >= SOURCE_N)
		return FACT_MALFORMED;
	for (size_t i = 0; i < types[f.type].n; i++) {
		if (i == types[f.type].n - types[f.type].n_later && reader_left(&r) == 0)
			break;
		if (!get_member(&r, &types[f.type].members[i], &f))
			return FACT_MALFORMED;
	}
	if (!reader_ok(&r) || reader_left(&r) != 0)
		return FACT_MALFORMED;
	/* The netns of what lies inside is the fact's own: written once. */
	if (f.type == FACT_SA)
		f.sa.sa.netns = f.netns;
	else if (f.type == FACT_SA_GONE || f.type == FACT_SA_SOFT)
		f.sa_gone.sa.netns = f.netns;
	else if (f.type == FACT_POLICY)
		f.policy.policy.netns = f.netns;
	else if (f.type == FACT_POLICY_GONE)
		f.policy_gone.policy.netns = f.netns;
	else if (f.type == FACT_LINK)
		f.link.link.netns = f.netns;
	else if (f.type == FACT_ADDR)
		f.addr.addr.netns = f.netns;
	*ret = f;
	*ret_used = 4 + (size_t)length;
	return FACT_OK;
}
