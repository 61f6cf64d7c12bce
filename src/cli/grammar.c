/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grammar.h"

#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/nearest.h"

#define LIST \
	(OPTION_BIT(OPTION_COLUMNS) | OPTION_BIT(OPTION_WHERE) | OPTION_BIT(OPTION_SORT) | \
		OPTION_BIT(OPTION_LIMIT) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_TABS) | \
		OPTION_BIT(OPTION_NUMERIC) | OPTION_BIT(OPTION_WATCH))
#define SHOW (LIST | OPTION_BIT(OPTION_RESOLVE))
#define EVENTS \
	((LIST & ~OPTION_BIT(OPTION_WATCH)) | OPTION_BIT(OPTION_ID) | OPTION_BIT(OPTION_SINCE) | \
		OPTION_BIT(OPTION_UNTIL) | OPTION_BIT(OPTION_TEXT) | OPTION_BIT(OPTION_FOLLOW))

const struct option_spec option_specs[OPTION_N] = {
	{ OPTION_SOCKET, 0, "socket", "PATH", CHOICE_FILE, true,
		"the monitor's socket (else IPSECMON_SOCKET, else where it usually is)" },
	{ OPTION_COLUMNS, 'o', "columns", "COLUMNS", CHOICE_COLUMN, false,
		"columns to show, with commas between them; `all` for every one; `help` lists "
		"them" },
	{ OPTION_WHERE, 0, "where", "CONDITIONS", CHOICE_CONDITION, false,
		"only rows for which all hold: key=value, !=, <, >, with commas; an address may be "
		"a "
		"prefix" },
	{ OPTION_SORT, 0, "sort", "KEY", CHOICE_COLUMN, false,
		"order by a column; -KEY: the greatest first" },
	{ OPTION_LIMIT, 0, "limit", "N", CHOICE_NONE, false, "at most so many rows" },
	{ OPTION_JSON, 'j', "json", NULL, CHOICE_NONE, false, "JSON: one object a line for lists" },
	{ OPTION_TABS, 't', "tabs", NULL, CHOICE_NONE, false,
		"columns with tabs between them and no heading, for scripts" },
	{ OPTION_NUMERIC, 'n', "numeric", NULL, CHOICE_NONE, false,
		"numbers as the kernel has them, times in full in UTC" },
	{ OPTION_WATCH, 0, "watch", "[SECONDS]", CHOICE_NONE, false,
		"show it again every so often, 2 s without a number, 0.2 s at the least, until "
		"Ctrl-C" },
	{ OPTION_COLOR, 0, "color", "WHEN", CHOICE_COLOR, true,
		"auto (on a terminal, and not with NO_COLOR), always or never" },
	{ OPTION_ID, 0, "id", "IDS", CHOICE_EVENT, false,
		"only events of these IDs, with commas between them" },
	{ OPTION_SINCE, 0, "since", "TIME", CHOICE_NONE, false,
		"from then on: 30s, 15m, 2h, 7d ago, a date, or RFC 3339" },
	{ OPTION_UNTIL, 0, "until", "TIME", CHOICE_NONE, false, "up to then, as for --since" },
	{ OPTION_TEXT, 0, "text", "WORDS", CHOICE_NONE, false,
		"only events whose message has all of these words; WORD* for any rest" },
	{ OPTION_FOLLOW, 'f', "follow", NULL, CHOICE_NONE, false,
		"go on and show events as they come, until Ctrl-C" },
	{ OPTION_FROM, 0, "from", "SEQ", CHOICE_NONE, false, "first event of interest" },
	{ OPTION_TO, 0, "to", "SEQ", CHOICE_NONE, false, "last event of interest" },
	{ OPTION_KEY, 0, "key", "FILE", CHOICE_FILE, false,
		"public keys to believe, as `audit key` writes them; PEM" },
	{ OPTION_HEAD, 0, "head", "FILE", CHOICE_FILE, false,
		"signed heads that left the machine before, one a line; - for standard input" },
	{ OPTION_SERIAL, 0, "serial", NULL, CHOICE_NONE, false,
		"the near end of a serial line: frames on stdio, many sessions" },
	{ OPTION_LISTEN, 0, "listen", "PATH", CHOICE_FILE, false,
		"the far end of a serial line: offers a socket, frames on stdio" },
	{ OPTION_DIR, 0, "dir", "DIRECTION", CHOICE_DIRECTION, false,
		"in, out or fwd; else by which of the addresses is local" },
	{ OPTION_NETNS, 0, "netns", "NAME", CHOICE_NONE, false,
		"the network namespace; else the one that has one of the addresses, else init" },
	{ OPTION_IFACE, 0, "iface", "NAME", CHOICE_NONE, false,
		"the interface it leaves or comes by; an xfrm interface gives its if_id, too" },
	{ OPTION_IF_ID, 0, "if-id", "N", CHOICE_NONE, false,
		"of the xfrm interface that it leaves or came by" },
	{ OPTION_MARK, 0, "mark", "MARK", CHOICE_NONE, false, "the packet's mark, 0 without it" },
	{ OPTION_BEST, 0, "best", NULL, CHOICE_NONE, false,
		"only the policy that the kernel would take" },
	{ OPTION_ALL, 0, "all", NULL, CHOICE_NONE, false,
		"every policy that has the addresses, up to 1000" },
	{ OPTION_RESOLVE, 0, "resolve", NULL, CHOICE_NONE, false,
		"names instead of addresses in tables, where the resolver knows them in time" },
	{ OPTION_HELP, 'h', "help", NULL, CHOICE_NONE, true, "help for the command" },
	{ OPTION_VERSION, 'V', "version", NULL, CHOICE_NONE, true, "the version" },
};

/* Commands with the same first word stand together. The first is what no word means. */
const struct command commands[] = {
	{ { "status", NULL }, "", 0, 0, CHOICE_NONE,
		OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_NUMERIC) | OPTION_BIT(OPTION_WATCH),
		NULL, "what is watched, what is blind, what was dropped; the default",
		"One screen: the host, the sources of knowledge and what is not seen without them, "
		"drops "
		"by cause since boot, the latest events, and whether the accounts add up.",
		status_run },
	{ { "show", "sa" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_sa,
		"security associations of the kernel, in every netns watched",
		"The monitor reads the kernel anew before it answers.", show_run },
	{ { "show", "policy" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_policy,
		"IPsec policies of the kernel, in its own order", "", show_run },
	{ { "show", "tunnel" }, "[NAME]", 0, 1, CHOICE_NONE, SHOW, &noun_tunnel,
		"tunnels: is each really up, and if not, why",
		"Five witnesses side by side (configuration, IKE SA, SAs and policies in the "
		"kernel, traffic) and one word with its reason. `up` is said only when the kernel "
		"says so, too. With NAME all there is of that tunnel, with the pairs of SAs it has "
		"had; it may end with * for any rest.",
		show_tunnel_run },
	{ { "show", "lineage" }, "[TUNNEL]", 0, 1, CHOICE_NONE, SHOW, &noun_lineage,
		"the pairs of SAs that tunnels have had: by what replaced, when, with what gap", "",
		show_lineage_run },
	{ { "show", "active-policy" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_active_policy,
		"which IPsec configurations are there, and which is in force",
		"One row for each file that a daemon's configuration begins with, for each daemon "
		"that was configured without one, and for policies that no daemon claims. Keys of "
		"a "
		"comment at the file's head name, describe and place it.",
		show_run },
	{ { "show", "mainmode", "generic-filters" }, "", 0, 0, CHOICE_NONE, SHOW,
		&noun_mainmode_filter, "between whom IKE SAs are to be made, as configured", "",
		show_generic_run },
	{ { "show", "mainmode", "specific-filters" }, "", 0, 0, CHOICE_NONE, SHOW,
		&noun_mainmode_filter, "between whom they are, as resolved to addresses", "",
		show_specific_run },
	{ { "show", "mainmode", "policies" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_mainmode_policy,
		"how IKE SAs are negotiated: proposals and lifetimes", "", show_run },
	{ { "show", "mainmode", "statistics" }, "", 0, 0, CHOICE_NONE, SHOW,
		&noun_mainmode_statistic,
		"what IKE was asked for, negotiated and refused, by the titles that Windows has",
		"VALUE is over all runs of the monitor and of the daemons, SINCE is since the IKE "
		"service started. What can't be known on this host has no value, and NOTE says "
		"why. With -o title,value,definition,cause,action: what each one means.",
		show_run },
	{ { "show", "mainmode", "sas" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_ike_sa,
		"IKE SAs, as the daemons tell", "", show_run },
	{ { "show", "quickmode", "generic-filters" }, "", 0, 0, CHOICE_NONE, SHOW,
		&noun_quickmode_filter, "traffic that IPsec SAs are for, as configured", "",
		show_generic_run },
	{ { "show", "quickmode", "specific-filters" }, "", 0, 0, CHOICE_NONE, SHOW,
		&noun_quickmode_filter, "the same as installed in the kernel's SPD", "",
		show_specific_run },
	{ { "show", "quickmode", "policies" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_quickmode_policy,
		"how IPsec SAs are negotiated: proposals, lifetimes, when they are made", "",
		show_run },
	{ { "show", "quickmode", "statistics" }, "", 0, 0, CHOICE_NONE, SHOW,
		&noun_quickmode_statistic,
		"what IPsec SAs carried and what failed, by the titles that Windows has",
		"VALUE is over all runs of the monitor, SINCE is since this host booted; octets "
		"are those of living SAs and of SAs that are gone.",
		show_run },
	{ { "show", "quickmode", "sas" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_child_sa,
		"pairs of IPsec SAs: what the daemon and the kernel say of each", "", show_run },
	{ { "show", "connection" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_connection,
		"what the IKE daemons have loaded, and what their files say", "", show_run },
	{ { "show", "shunt" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_shunt,
		"traffic that IKE daemons let pass in the clear, or have dropped", "", show_run },
	{ { "show", "certificate" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_certificate,
		"certificates that the IKE daemons have, and how long they last", "", show_run },
	{ { "show", "link" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_link,
		"interfaces and addresses: is what they send protected, who listens",
		"An address is protected when outbound policies protect or block what it sends: "
		"all of it, or part of it. Where disable_xfrm is set on the interface or on all "
		"no policy counts for IPv4 that leaves by it, and where disable_policy is set, "
		"for what comes in; WHY says so.",
		show_run },
	{ { "show", "source" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_source,
		"what feeds the monitor, and what is blind without it", "", show_run },
	{ { "show", "service" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_service,
		"IKE daemons: which run, and how those that do not ended", "", show_run },
	{ { "show", "failure" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_failure,
		"negotiations that failed, why, and what to do",
		"One row for each peer, connection and cause, with how often; the newest is last. "
		"The event log has each of them: ipsecmon events --where id>=544,id<=547.",
		show_run },
	{ { "show", "statistics" }, "", 0, 0, CHOICE_NONE, SHOW, &noun_statistic,
		"all counters and gauges: the driver's, those of SAs, Main Mode and Quick Mode",
		"With -o all also what exactly is counted, where the number comes from, what "
		"usually moves it and what to do about it.",
		show_run },
	{ { "find", NULL }, "SRC DST [PROTO [SPORT [DPORT]]]", 2, 5, CHOICE_NONE,
		OPTION_BIT(OPTION_DIR) | OPTION_BIT(OPTION_NETNS) | OPTION_BIT(OPTION_IFACE) |
			OPTION_BIT(OPTION_IF_ID) | OPTION_BIT(OPTION_MARK) |
			OPTION_BIT(OPTION_BEST) | OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_JSON) |
			OPTION_BIT(OPTION_WATCH),
		NULL, "which policy a packet would meet, why the others lost, what becomes of it",
		"The kernel's own lookup, done again: the policy it would take, its templates and "
		"the SAs they would find, and what would happen to the packet. Policies of the "
		"same addresses that lost stand below, with the reason. Where equal priorities "
		"make a difference, the answer says that it is ambiguous. For ICMP, SPORT and "
		"DPORT are type and code. To look for policies by their own fields: show policy "
		"--where src=10.0.0.0/8,dport=443.",
		find_run },
	{ { "lint", NULL }, "", 0, 0, CHOICE_NONE, LIST, &noun_lint,
		"policies that can't match, are shadowed, contradict, or lack their twin",
		"Each with its cause and what to do. Exit status 1 when there are "
		"any. "
		"A policy is called shadowed when one other takes all its packets, not when "
		"several "
		"together do.",
		lint_run },
	{ { "events", NULL }, "", 0, 0, CHOICE_NONE, EVENTS, &noun_event,
		"what happened, one line an event",
		"Without --since or --limit the latest 50; the newest is last. With -f and --since "
		"what "
		"the log has comes first, then what happens; a broken connection is taken up again "
		"where it ended, so that no event is missed.",
		events_run },
	{ { "audit", "policy" }, "", 0, 0, CHOICE_NONE, LIST & ~OPTION_BIT(OPTION_WATCH),
		&noun_audit_setting, "what is audited, why, and who set it so", "",
		audit_policy_run },
	{ { "audit", "set" }, "NAME SETTING", 2, ARGUMENTS_TEXT_MAX, CHOICE_AUDIT, 0, NULL,
		"set what is audited of a category or subcategory",
		"SETTING is none, success, failure, both or not configured (which acts as both). "
		"NAME is a "
		"category or subcategory; several words need no quotes, and enough of them to be "
		"unique "
		"will do: audit set ipsec driver none. The change is itself an event, 4719.",
		audit_set_run },
	{ { "audit", "reconcile" }, "", 0, 0, CHOICE_NONE, LIST, &noun_reconcile,
		"hold the log against the kernel's counters",
		"For each netns and counter: what the kernel counted is what the log explains, "
		"plus what "
		"nothing explains, plus what the audit policy suppresses. Exit status 1 where a "
		"difference "
		"remains.",
		audit_reconcile_run },
	{ { "audit", "verify" }, "[DIR]", 0, 1, CHOICE_DIR,
		OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_KEY) | OPTION_BIT(OPTION_HEAD), NULL,
		"check that the event log is whole and unchanged",
		"Works on the log itself or on a copy, without the monitor. DIR is a state "
		"directory or what "
		"`audit export` made; /var/lib/ipsecmon without one. Exit status 1 and the first "
		"bad line "
		"when something was changed, removed, inserted or swapped. With --key, as kept on "
		"another host, also when somebody who can write the log made all of it anew; with "
		"--head, from a journal or syslog elsewhere, also when its end was cut off. Tells "
		"how many lines at the end no signed head covers yet.",
		audit_verify_run },
	{ { "audit", "heads" }, "", 0, 0, CHOICE_NONE,
		OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_LIMIT) | OPTION_BIT(OPTION_NUMERIC),
		NULL, "signed heads: which line the log ended with, and when",
		"The latest 20, or --limit. With -j all of them as they were signed, to be kept on "
		"another host for `audit verify --head`.",
		audit_heads_run },
	{ { "audit", "key" }, "", 0, 0, CHOICE_NONE, 0, NULL,
		"the public keys that signed heads are checked with",
		"All keys there have been, the newest last, each introduced by the one before. "
		"Keep "
		"them on another host: who holds root here can write others beside the log.",
		audit_key_run },
	{ { "audit", "export" }, "DIR", 1, 1, CHOICE_DIR,
		OPTION_BIT(OPTION_FROM) | OPTION_BIT(OPTION_TO), NULL,
		"copy the event log's segments into a directory",
		"Whole segments, sealed ones as they are, with the signed heads that cover them "
		"and the public keys, so that `audit verify DIR --key FILE` can prove the copy by "
		"itself. The export is an event.",
		audit_export_run },
	{ { "audit", "scan" }, "[DIR]", 0, 1, CHOICE_DIR,
		EVENTS & ~(OPTION_BIT(OPTION_FOLLOW) | OPTION_BIT(OPTION_SORT)), &noun_event,
		"events straight out of the log's files, without the monitor",
		"As `events`, of a log or of a copy, /var/lib/ipsecmon without DIR: it needs "
		"neither "
		"the monitor nor its index, and reads all of it as fast as it can. With --limit "
		"the "
		"latest so many. It believes what it reads: `audit verify` proves it.",
		audit_scan_run },
	{ { "audit", "reindex" }, "", 0, 0, CHOICE_NONE, 0, NULL,
		"build the event log's index anew",
		"The monitor throws its index away and makes another one in the background; "
		"answers "
		"stay whole meanwhile, some only come later. `ipsecmon status` shows how far it "
		"is. It "
		"is needed only when something is wrong with the index and the monitor has not "
		"found "
		"out; the request is itself an event.",
		audit_reindex_run },
	{ { "bridge", NULL }, "", 0, 0, CHOICE_NONE,
		OPTION_BIT(OPTION_SERIAL) | OPTION_BIT(OPTION_LISTEN), NULL,
		"join standard input and output to the monitor's socket",
		"For ssh: copies octets both ways until both ends are done. With --serial and, at "
		"the other "
		"end of the line, --listen, many sessions share one serial line.",
		bridge_run },
	{ { "version", NULL }, "", 0, 0, CHOICE_NONE, OPTION_BIT(OPTION_JSON), NULL,
		"versions of this program and of the monitor", "", version_run },
	{ { "help", NULL }, "[COMMAND]", 0, COMMAND_WORDS, CHOICE_COMMAND, 0, NULL,
		"this list, or one command", "", help_run },
};
const size_t n_commands = ARRAY_LEN(commands);

static bool begins(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

size_t command_words(const struct command *c)
{
	size_t n = 0;

	while (n < COMMAND_WORDS && c->words[n])
		n++;
	return n;
}

bool command_begins(const struct command *c, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i >= command_words(c) || strcmp(c->words[i], words[i]) != 0)
			return false;
	}
	return true;
}

/* The distinct words at a depth, of the commands that begin with these. */
static size_t choices_at(size_t depth, const char *const *words, const char **ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < n_commands && n < max; i++) {
		const char *word;

		if (depth >= command_words(&commands[i]) ||
			!command_begins(&commands[i], words, depth))
			continue;
		word = commands[i].words[depth];
		if (n == 0 || strcmp(ret[n - 1], word) != 0)
			ret[n++] = word;
	}
	return n;
}

static void append_list(struct buf *out, const char *const *choices, size_t n, const char *start,
	const char *dashes)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!begins(choices[i], start))
			continue;
		buf_printf(out, "%s%s%s", any ? ", " : "", dashes, choices[i]);
		any = true;
	}
}

/* Finds word among choices: itself, or the only one that begins so. dashes: of options. */
static int match(const char *word, const char *const *choices, size_t n, const char *what,
	const char *dashes, size_t *ret, struct diag *reterr)
{
	size_t found = 0, at = 0;
	const char *meant;
	CLEANUP_BUF struct buf list = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (strcmp(choices[i], word) == 0) {
			*ret = i;
			return 0;
		}
		if (*word && begins(choices[i], word)) {
			found++;
			at = i;
		}
	}
	if (found == 1) {
		*ret = at;
		return 0;
	}
	if (found > 1) {
		append_list(&list, choices, n, word, dashes);
		return diag_set(reterr, -EINVAL, "'%s%s' may mean: %s", dashes, word, list.p);
	}
	meant = nearest(word, choices, n);
	if (meant)
		return diag_set(reterr, -EINVAL, "no %s '%s%s'; did you mean '%s%s'?", what, dashes,
			word, dashes, meant);
	append_list(&list, choices, n, "", dashes);
	return diag_set(reterr, -EINVAL, "no %s '%s%s'; there are: %s", what, dashes, word, list.p);
}

/* "sa" alone: the command that has it as its second word. */
static int second_alone(const char *word, struct diag *reterr)
{
	for (size_t i = 0; i < n_commands; i++) {
		if (commands[i].words[1] && strcmp(commands[i].words[1], word) == 0)
			return diag_set(reterr, -EINVAL, "no command '%s'; did you mean '%s %s'?",
				word, commands[i].words[0], word);
	}
	return -EINVAL;
}

static void join_words(const char *const *words, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i ? " " : "", words[i]);
}

int command_find(const char *const *words, size_t n, const struct command **ret, size_t *ret_used,
	struct diag *reterr)
{
	const char *choices[32], *chosen[COMMAND_WORDS];
	CLEANUP_BUF struct buf list = { 0 }, name = { 0 };
	size_t depth, n_choices, at, i = 0;
	int r;

	for (depth = 0; n > 0 && depth < COMMAND_WORDS; depth++) {
		n_choices = choices_at(depth, chosen, choices, ARRAY_LEN(choices));
		if (n_choices == 0)
			break;
		buf_clear(&name);
		join_words(chosen, depth, &name);
		if (depth == n) {
			append_list(&list, choices, n_choices, "", "");
			return diag_set(reterr, -EINVAL, "%s what? There are: %s", name.p, list.p);
		}
		r = match(words[depth], choices, n_choices, depth ? name.p : "command", "", &at,
			reterr);
		if (r < 0)
			return depth ? r : second_alone(words[depth], reterr);
		chosen[depth] = choices[at];
	}
	while (!command_begins(&commands[i], chosen, depth))
		i++;
	*ret = &commands[i];
	*ret_used = depth;
	return 0;
}

int option_find(const char *name, const struct option_spec **ret, struct diag *reterr)
{
	const char *names[OPTION_N];
	size_t at;
	int r;

	for (size_t i = 0; i < OPTION_N; i++)
		names[i] = option_specs[i].name;
	r = match(name, names, OPTION_N, "option", "--", &at, reterr);
	if (r < 0)
		return r;
	*ret = &option_specs[at];
	return 0;
}

const struct option_spec *option_by_letter(char letter)
{
	for (size_t i = 0; i < OPTION_N; i++) {
		if (option_specs[i].letter && option_specs[i].letter == letter)
			return &option_specs[i];
	}
	return NULL;
}

bool command_takes(const struct command *c, const struct option_spec *o)
{
	return o->global || (c->options & OPTION_BIT(o->id));
}

void command_name(const struct command *c, struct buf *out)
{
	join_words(c->words, command_words(c), out);
}

void command_synopsis(const struct command *c, struct buf *out)
{
	command_name(c, out);
	if (*c->arguments)
		buf_printf(out, " %s", c->arguments);
}

void option_synopsis(const struct option_spec *o, struct buf *out)
{
	if (o->letter)
		buf_printf(out, "-%c, ", o->letter);
	buf_printf(out, "--%s", o->name);
	if (o->value)
		buf_printf(out, " %s", o->value);
}
