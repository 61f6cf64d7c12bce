/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for ipsecmond and its core: starts ipsecmond-observe on some network namespaces, prints
 * the facts as JSON lines and acknowledges them. Lines on standard input steer it:
 *   peer        a new core comes: another facts channel
 *   quiet/loud  stops acknowledging, and begins again
 *   deaf/hear   stops reading facts, and begins again
 *   gone NAME   the netns went
 *   refresh     somebody looks
 *   stop        orderly end
 * usage: factdump OBSERVE ROOM NAME... (init: the namespace it runs in)
 *        factdump FILE                 (what ipsecmond --record has written so far)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "main/ipc.h"

static int control = -1, facts = -1;
static bool quiet, deaf;
static struct buf received, line;
static bool header_seen;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void say(struct ipc_message *m, const int *fds, unsigned n)
{
	int r = ipc_send(control, m, fds, n);

	if (r) {
		errno = -r;
		die("control");
	}
}

static int open_netlink(int family)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, family);

	/* Until it is bound it gets no multicasts. */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		die("netlink");
	return fd;
}

static uint64_t inode_of(const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), strcmp(name, "init") ? "/run/netns/%s" : "/proc/self/ns/net",
		name);
	if (stat(path, &st))
		die(path);
	return st.st_ino;
}

static void hand_over_netns(const char *name)
{
	struct ipc_message m = { .type = IPC_NETNS, .flags = 0x1f, .inode = inode_of(name) };
	static const int families[] = { NETLINK_XFRM, NETLINK_XFRM, NETLINK_XFRM, NETLINK_ROUTE,
		NETLINK_ROUTE };
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = -1;
	char path[256];
	int fds[IPC_NETNS_SLOTS];
	unsigned n = ARRAY_LEN(families);

	snprintf(m.name, sizeof(m.name), "%s", name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	if (strcmp(name, "init")) {
		there = open(path, O_RDONLY | O_CLOEXEC);
		if (there < 0 || setns(there, CLONE_NEWNET))
			die(path);
	}
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		fds[i] = open_netlink(families[i]);
	fds[n] = open("/proc/thread-self/net/xfrm_stat", O_RDONLY | O_CLOEXEC);
	if (fds[n] >= 0) {
		m.flags |= IPC_HAS(IPC_SLOT_XFRM_STAT);
		n++;
	}
	fds[n] = open("/proc/thread-self/net/netlink", O_RDONLY | O_CLOEXEC);
	if (fds[n] < 0)
		die("/proc/net/netlink");
	m.flags |= IPC_HAS(IPC_SLOT_NETLINK_LIST);
	n++;
	if (there >= 0 && setns(home, CLONE_NEWNET))
		die("setns back");
	say(&m, fds, n);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	close(home);
	if (there >= 0)
		close(there);
}

static void hand_over_audit(void)
{
	struct ipc_message m = { .type = IPC_AUDIT };
	int fd = open_netlink(NETLINK_AUDIT);

	say(&m, &fd, 1);
	close(fd);
}

static void new_peer(void)
{
	struct ipc_message m = { .type = IPC_PEER };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		die("socketpair");
	say(&m, &pair[1], 1);
	close(pair[1]);
	if (facts >= 0)
		close(facts);
	facts = pair[0];
	header_seen = false;
	buf_clear(&received);
}

static void put_addr(struct json *j, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_SIZE];

	json_text(j, key, addr_format(a, text));
}

static void put_prefix(struct json *j, const char *key, const struct prefix *p)
{
	char text[PREFIX_TEXT_SIZE];

	json_text(j, key, prefix_format(p, text));
}

static void put_sa(struct json *j, const struct sa *s)
{
	put_addr(j, "src", &s->src);
	put_addr(j, "dst", &s->dst);
	json_u64(j, "spi", s->spi);
	json_u64(j, "proto", s->proto);
	json_u64(j, "reqid", s->reqid);
	json_bool(j, "larval", s->larval);
	json_bool(j, "esn", s->esn);
	json_text(j, "encryption", s->encryption);
	json_text(j, "integrity", s->integrity);
	json_u64(j, "encryption_bits", s->encryption_bits);
	json_u64(j, "icv_bits", s->icv_bits);
	json_u64(j, "packets", s->packets);
	json_u64(j, "bytes", s->bytes);
	json_u64(j, "seq_seen", s->seq);
	json_u64(j, "oseq", s->oseq);
	json_u64(j, "replay_window", s->replay_window);
	json_u64(j, "replayed", s->replayed);
	json_u64(j, "late", s->late);
	json_u64(j, "integrity_failed", s->integrity_failed);
	json_u64(j, "encap", s->encap);
}

static void put_policy(struct json *j, const struct policy *p)
{
	json_u64(j, "index", p->index);
	json_u64(j, "priority", p->priority);
	json_text(j, "dir", policy_direction_name(p->direction));
	json_bool(j, "block", p->block);
	put_prefix(j, "src", &p->selector.src);
	put_prefix(j, "dst", &p->selector.dst);
	json_u64(j, "templates", p->n_templates);
}

static void put_counters(struct json *j, const struct fact *f)
{
	json_open(j, "counters", '{');
	for (unsigned i = 0; i < f->counters.n; i++) {
		if (f->counters.v[i].value)
			json_u64(j, f->counters.v[i].name, f->counters.v[i].value);
	}
	json_close(j, '}');
	json_u64(j, "n", f->counters.n);
}

static void put_service(struct json *j, const struct service *s)
{
	json_u64(j, "service", s->id);
	json_text(j, "daemon", ike_daemon_name(s->daemon));
	json_text(j, "name", s->name);
	json_text(j, "end", service_end_name(s->end));
	json_u64(j, "control", s->control);
	json_u64(j, "pid", s->pid);
	json_u64(j, "signal", s->signal);
	json_bool(j, "found", s->found);
	json_text(j, "version", s->version);
	json_text(j, "why", s->why);
	json_u64(j, "started_us", s->started_us);
	json_u64(j, "ended_us", s->ended_us);
}

static void put_body(struct json *j, const struct fact *f)
{
	switch (f->type) {
	case FACT_NETNS:
		json_text(j, "name", f->netns_change.name);
		json_bool(j, "there", f->netns_change.there);
		json_bool(j, "watched", f->netns_change.watched);
		break;
	case FACT_SOURCE:
		json_text(j, "state", source_state_name(f->source_change.state));
		json_text(j, "reason", f->source_change.reason);
		json_u64(j, "losses", f->source_change.losses);
		break;
	case FACT_SA:
		json_u64(j, "op", f->sa.op);
		put_sa(j, &f->sa.sa);
		break;
	case FACT_SA_GONE:
	case FACT_SA_SOFT:
		json_u64(j, "how", f->sa_gone.how);
		put_sa(j, &f->sa_gone.sa);
		break;
	case FACT_POLICY:
		json_u64(j, "op", f->policy.op);
		put_policy(j, &f->policy.policy);
		break;
	case FACT_POLICY_GONE:
		json_u64(j, "how", f->policy_gone.how);
		put_policy(j, &f->policy_gone.policy);
		break;
	case FACT_POLICY_DEFAULT:
		json_bool(j, "in", f->policy_default.block_in);
		json_bool(j, "fwd", f->policy_default.block_fwd);
		json_bool(j, "out", f->policy_default.block_out);
		json_bool(j, "initial", f->policy_default.initial);
		break;
	case FACT_DUMP:
		json_u64(j, "kind", f->dump.kind);
		json_u64(j, "phase", f->dump.phase);
		json_bool(j, "resync", f->dump.resync);
		break;
	case FACT_COUNTERS:
		put_counters(j, f);
		break;
	case FACT_POLL:
		json_u64(j, "round", f->poll.round);
		break;
	case FACT_AUDIT_DROP:
		json_u64(j, "op", f->audit_drop.op);
		put_addr(j, "src", &f->audit_drop.src);
		put_addr(j, "dst", &f->audit_drop.dst);
		json_u64(j, "spi", f->audit_drop.spi);
		json_u64(j, "seqno", f->audit_drop.seqno);
		json_u64(j, "flowlabel", f->audit_drop.flowlabel);
		break;
	case FACT_AUDIT_CHANGE:
		json_u64(j, "op", f->audit_change.op);
		json_bool(j, "ok", f->audit_change.ok);
		json_bool(j, "has_actor", f->audit_change.has_actor);
		json_text(j, "comm", f->audit_change.comm);
		json_text(j, "exe", f->audit_change.exe);
		put_prefix(j, "src", &f->audit_change.src);
		put_prefix(j, "dst", &f->audit_change.dst);
		json_u64(j, "spi", f->audit_change.spi);
		break;
	case FACT_ACQUIRE:
		put_addr(j, "src", &f->acquire.src);
		put_addr(j, "dst", &f->acquire.dst);
		put_prefix(j, "flow_dst", &f->acquire.selector.dst);
		json_u64(j, "dport", f->acquire.selector.dport);
		json_u64(j, "proto", f->acquire.proto);
		json_u64(j, "policy", f->acquire.policy);
		break;
	case FACT_LINK:
		json_u64(j, "op", f->link.op);
		json_text(j, "name", f->link.link.name);
		json_text(j, "kind", f->link.link.kind);
		json_u64(j, "if_id", f->link.link.if_id);
		break;
	case FACT_ADDR:
		json_u64(j, "op", f->addr.op);
		put_prefix(j, "addr", &f->addr.addr.prefix);
		break;
	case FACT_SERVICE:
		put_service(j, &f->service);
		break;
	case FACT_IKE_DUMP:
		json_u64(j, "service", f->ike_dump.service);
		json_u64(j, "list", f->ike_dump.list);
		json_u64(j, "phase", f->ike_dump.phase);
		break;
	case FACT_CONNECTION:
		json_u64(j, "service", f->connection.service);
		json_u64(j, "origin", f->connection.origin);
		json_text(j, "name", f->connection.name);
		break;
	case FACT_CONFIG_FILE:
		json_u64(j, "service", f->config_file.service);
		json_text(j, "path", f->config_file.path);
		json_text(j, "error", f->config_file.error);
		break;
	case FACT_IKE_SOCKET:
		json_u64(j, "service", f->ike_socket.service);
		put_addr(j, "local", &f->ike_socket.local);
		json_u64(j, "port", f->ike_socket.port);
		json_u64(j, "drops", f->ike_socket.drops);
		json_bool(j, "foreign", f->ike_socket.foreign);
		break;
	default:
		break;
	}
}

static void print_fact(const struct fact *f)
{
	struct json j;

	buf_clear(&line);
	json_init(&j, &line);
	json_open(&j, NULL, '{');
	json_text(&j, "type", fact_type_name(f->type));
	json_text(&j, "source", source_name(f->source));
	json_u64(&j, "seq", f->seq);
	json_u64(&j, "netns", f->netns);
	put_body(&j, f);
	json_close(&j, '}');
	puts(line.p);
}

static void take_facts(void)
{
	struct ipc_ack ack = { .type = IPC_ACK_DONE };
	size_t used = 0, n;
	uint32_t version;
	static struct fact f;

	if (!header_seen) {
		if (received.n < FACT_HEADER_SIZE)
			return;
		if (fact_header_decode(buf_span(&received), &version) != FACT_OK)
			die("header");
		header_seen = true;
		used = FACT_HEADER_SIZE;
		puts("{\"type\":\"header\"}");
	}
	for (;;) {
		enum fact_result r =
			fact_decode(span_of(received.p + used, received.n - used), &f, &n);

		if (r == FACT_TRUNCATED)
			break;
		if (r != FACT_OK)
			die("malformed fact");
		print_fact(&f);
		if (f.seq) {
			ack.epoch = f.epoch;
			ack.seq = f.seq;
		}
		used += n;
	}
	buf_drop_front(&received, used);
	fflush(stdout);
	/* At the end it closes with facts still on their way. */
	if (facts >= 0 && ack.seq && !quiet && send(facts, &ack, sizeof(ack), MSG_NOSIGNAL) < 0 &&
		errno != EPIPE)
		die("ack");
}

/* false: the other end is closed. */
static bool read_facts(void)
{
	char octets[65536];
	ssize_t n = recv(facts, octets, sizeof(octets), 0);

	if (n > 0)
		buf_append(&received, octets, (size_t)n);
	take_facts();
	return n != 0;
}

static void command(char *text)
{
	struct ipc_message m = { .type = IPC_STOP };
	struct ipc_ack ack = { .type = IPC_ACK_REFRESH };

	text[strcspn(text, "\n")] = '\0';
	if (!strcmp(text, "peer")) {
		new_peer();
	} else if (!strcmp(text, "quiet") || !strcmp(text, "loud")) {
		quiet = text[0] == 'q';
	} else if (!strcmp(text, "deaf") || !strcmp(text, "hear")) {
		deaf = text[0] == 'd';
	} else if (!strcmp(text, "refresh")) {
		if (send(facts, &ack, sizeof(ack), MSG_NOSIGNAL) < 0)
			die("refresh");
	} else if (!strncmp(text, "gone ", 5)) {
		m.type = IPC_NETNS_GONE;
		m.inode = strtoull(text + 5, NULL, 10);
		say(&m, NULL, 0);
	} else if (!strcmp(text, "stop")) {
		say(&m, NULL, 0);
	}
}

static void loop(void)
{
	struct ipc_message m;
	int fds[IPC_FDS_MAX];
	char text[256];
	unsigned n;

	for (;;) {
		struct pollfd p[] = { { .fd = deaf ? -1 : facts, .events = POLLIN },
			{ .fd = control, .events = POLLIN }, { .fd = 0, .events = POLLIN } };

		if (poll(p, ARRAY_LEN(p), -1) < 0)
			die("poll");
		if (p[0].revents && !read_facts())
			return;
		if (p[1].revents && ipc_receive(control, &m, fds, &n) == 1 && m.type != IPC_ALIVE) {
			printf("{\"type\":\"ipc\",\"ipc\":%u}\n", m.type);
			fflush(stdout);
		}
		if (p[2].revents) {
			if (!fgets(text, sizeof(text), stdin))
				return;
			command(text);
		}
	}
}

static void dump_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char octets[65536];
	size_t n;

	if (!f)
		die(path);
	while ((n = fread(octets, 1, sizeof(octets), f)) > 0)
		buf_append(&received, octets, n);
	fclose(f);
	take_facts();
}

static pid_t start(const char *path)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		die("socketpair");
	control = pair[0];
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0) {
		close(pair[1]);
		return pid;
	}
	dup2(pair[1], IPC_CONTROL_FD);
	execl(path, path, NULL);
	die(path);
	return -1;
}

int main(int argc, char **argv)
{
	struct ipc_message m = { .type = IPC_CONFIG };
	int status;
	pid_t pid;

	if (argc == 2)
		dump_file(argv[1]);
	if (argc < 3)
		return argc == 2 ? 0 : 2;
	/* Descriptor 3 is the child's control channel: nothing of ours may be there. */
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) < 10)
		;
	setvbuf(stdin, NULL, _IONBF, 0);
	pid = start(argv[1]);
	m.config = (struct ipc_config){ .poll_ms = 500, .settle_ms = 100, .epoch = 7 };
	m.config.netlink_buffer = (uint32_t)strtoul(argv[2], NULL, 10);
	say(&m, NULL, 0);
	new_peer();
	hand_over_audit();
	for (int i = 3; i < argc; i++)
		hand_over_netns(argv[i]);
	m = (struct ipc_message){ .type = IPC_NETNS_READY };
	say(&m, NULL, 0);
	loop();
	close(control);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}
