/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "main/log.h"
#include "main/supervisor/files.h"
#include "main/supervisor/supervisor.h"

#define USER "ipsecmon"

/* What observe keeps: requests need NET_ADMIN of who sends them, too. */
static const int observe_capabilities[] = { CAP_NET_ADMIN, CAP_AUDIT_READ, CAP_BPF, CAP_PERFMON,
	CAP_SYSLOG };

static bool may(cap_value_t capability)
{
	cap_t have = cap_get_proc();
	cap_flag_value_t got = CAP_CLEAR;

	if (have)
		(void)cap_get_flag(have, capability, CAP_EFFECTIVE, &got);
	cap_free(have);
	return got == CAP_SET;
}

/* The user who called sudo, from the environment that sudo sets. */
static bool sudo_user(uid_t *ret_uid, gid_t *ret_gid)
{
	const char *uid = getenv("SUDO_UID");
	const char *gid = getenv("SUDO_GID");
	unsigned long u = uid ? strtoul(uid, NULL, 10) : 0;
	unsigned long g = gid ? strtoul(gid, NULL, 10) : 0;

	if (u == 0 || g == 0 || u >= UINT32_MAX || g >= UINT32_MAX)
		return false;
	*ret_uid = (uid_t)u;
	*ret_gid = (gid_t)g;
	return true;
}

static void choose_core_user(struct supervisor *s, struct child_identity *id)
{
	const struct passwd *user = getpwnam(USER);

	id->change = true;
	if (!may(CAP_SETUID) || !may(CAP_SETGID)) {
		(void)snprintf(s->core_note, sizeof(s->core_note),
			"core runs as root without capabilities: changing the user needs "
			"CAP_SETUID and CAP_SETGID");
	} else if (user) {
		id->uid = user->pw_uid;
		id->gid = user->pw_gid;
	} else if (sudo_user(&id->uid, &id->gid)) {
		(void)snprintf(s->core_note, sizeof(s->core_note),
			"core runs as user %u, who called sudo: there is no user " USER,
			(unsigned)id->uid);
	} else {
		(void)snprintf(s->core_note, sizeof(s->core_note),
			"core runs as root without capabilities: there is no user " USER);
	}
}

int setup_identities(struct supervisor *s, struct diag *reterr)
{
	int r = child_init(&s->core, "core", "ipsecmond-core");

	if (r == 0)
		r = child_init(&s->observe, "observe", "ipsecmond-observe");
	if (r < 0)
		return diag_set(reterr, r, "no memory");
	if (geteuid() != 0) {
		(void)snprintf(s->core_note, sizeof(s->core_note),
			"the monitor runs as user %u: it sees only what needs no capability, and "
			"the key that signs its log is that user's too",
			(unsigned)geteuid());
		return 0;
	}
	choose_core_user(s, &s->core.identity);
	s->observe.identity.change = true;
	s->observe.identity.capabilities = observe_capabilities;
	s->observe.identity.n_capabilities = ARRAY_LEN(observe_capabilities);
	return 0;
}

/* Who may talk to us: group ipsecmon; without it whoever called sudo; else only ourselves. */
static int open_listener(struct supervisor *s, struct diag *reterr)
{
	const struct group *group = getgrnam(USER);
	uid_t uid = 0;
	gid_t gid = 0;

	if (group)
		gid = group->gr_gid;
	else
		(void)sudo_user(&uid, &gid);
	s->listener = files_listener(
		s->options.socket, geteuid() == 0, uid, gid, &s->listener_stat, reterr);
	return s->listener < 0 ? s->listener : 0;
}

int setup_files(struct supervisor *s, struct diag *reterr)
{
	const struct child_identity *id = &s->core.identity;
	int r = 0;

	if (is_replaying(s)) {
		s->replay = files_replay(s->options.replay, reterr);
		if (s->replay < 0)
			return s->replay;
		return s->options.socket_given ? open_listener(s, reterr) : 0;
	}
	s->state_dir = files_state_dir(s->options.state_dir, id->change, id->uid, id->gid, reterr);
	if (s->state_dir < 0)
		return s->state_dir;
	if (s->options.record) {
		s->record = files_record(s->options.record, id->change, id->uid, id->gid, reterr);
		r = s->record < 0 ? s->record : 0;
	}
	return r < 0 ? r : open_listener(s, reterr);
}

void setup_signer(struct supervisor *s)
{
	const struct ipc_config *c = &s->config.ipc;
	struct diag diag = { "" };
	int r = signer_open(&s->signer, s->options.key_dir, c->host, c->boot,
		files_log_is_new(s->state_dir), NULL, &diag);

	s->signs = r == 0;
	if (r < 0 && strcmp(s->unsigned_why.text, diag.text) != 0)
		log_line(LOG_ERR, "the log is not signed: %s", diag.text);
	s->unsigned_why = diag;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void setup_undo(struct supervisor *s)
{
	if (s->listener >= 0)
		files_unlink_listener(s->options.socket, &s->listener_stat);
	close_one(&s->listener);
	if (s->signs)
		signer_close(&s->signer);
	close_one(&s->state_dir);
	close_one(&s->record);
	close_one(&s->replay);
	close_one(&s->signals);
	close_one(&s->audit_status);
	netns_done(&s->netns);
	services_done(&s->services);
	child_done(&s->core);
	child_done(&s->observe);
	notify_done(&s->notify);
}
