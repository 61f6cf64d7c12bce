/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "source/bpf/internal.h"

/* What of a kernel differs from others, learnt from itself. */

#define MIB_PREFIX "LINUX_MIB_"

/* The kernel's constant for a line, where it is not the line's name in capitals (6.14). */
static const struct {
	const char *line, *constant;
} odd_names[] = { { "XfrmOutNoQueueSpace", MIB_PREFIX "XFRMOUTNOQSPACE" } };

static void constant_of(const char *line, char *ret, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(odd_names); i++) {
		if (strcmp(odd_names[i].line, line) == 0) {
			(void)snprintf(ret, size, "%s", odd_names[i].constant);
			return;
		}
	}
	(void)snprintf(ret, size, MIB_PREFIX "%s", line);
	for (char *p = ret; *p; p++)
		*p = (char)toupper((unsigned char)*p);
}

/* The enumeration that has LINUX_MIB_XFRMNUM (include/uapi/linux/snmp.h; it has no name). */
static const struct btf_type *find_mib(const struct btf *btf)
{
	__u32 n = btf__type_cnt(btf);

	for (__u32 id = 1; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *first;

		if (!btf_is_enum(t) || btf_vlen(t) == 0)
			continue;
		first = btf__name_by_offset(btf, btf_enum(t)[0].name_off);
		if (first && strcmp(first, MIB_PREFIX "XFRMNUM") == 0)
			return t;
	}
	return NULL;
}

static int value_in(const struct btf *btf, const struct btf_type *mib, const char *constant)
{
	for (unsigned i = 0; i < btf_vlen(mib); i++) {
		const char *name = btf__name_by_offset(btf, btf_enum(mib)[i].name_off);

		if (name && strcmp(name, constant) == 0)
			return (int)btf_enum(mib)[i].val;
	}
	return -1;
}

/* /proc/net/xfrm_stat has the names as the world knows them; of whichever netns. */
static int learn_lines(const struct btf *btf, struct kernel *k, struct diag *reterr)
{
	const struct btf_type *mib = find_mib(btf);
	char text[128], name[COUNTER_NAME_SIZE], constant[COUNTER_NAME_SIZE + sizeof(MIB_PREFIX)];
	FILE *f;

	if (!mib)
		return diag_set(reterr, -ENOENT, "the kernel's BTF has no counters of XFRM");
	f = fopen("/proc/self/net/xfrm_stat", "re");
	if (!f)
		return diag_set(reterr, -errno, "/proc/self/net/xfrm_stat: %s", strerror(errno));
	while (fgets(text, sizeof(text), f)) {
		int at;

		if (sscanf(text, "%39s", name) != 1)
			continue;
		constant_of(name, constant, sizeof(constant));
		at = value_in(btf, mib, constant);
		if (at <= 0 || at >= DROPS_COUNTERS)
			continue;
		memcpy(k->lines[at].name, name, sizeof(name));
		if ((unsigned)at >= k->n_lines)
			k->n_lines = (unsigned)at + 1;
	}
	(void)fclose(f);
	if (k->n_lines == 0)
		return diag_set(reterr, -ENOENT, "none of the lines of xfrm_stat is in the BTF");
	return 0;
}

/* A line of /proc/kallsyms: "ffffffff81000000 T name" and a module's name. False: no function. */
static bool parse_symbol(char *line, uint64_t *ret_at, const char **ret_name)
{
	char *p;

	*ret_at = strtoull(line, &p, 16);
	if (p[0] != ' ' || (p[1] != 't' && p[1] != 'T') || p[2] != ' ')
		return false;
	*ret_name = p + 3;
	p[3 + strcspn(p + 3, " \t\n")] = '\0';
	return true;
}

/* The kernel's own functions come in the order of their addresses, which it may keep to itself. */
static void learn_code(struct kernel *k)
{
	struct {
		const char *name;
		struct code *code;
	} wanted[] = { { "xfrm_input", &k->input }, { "ip_forward", &k->forward4 },
		{ "ip6_forward", &k->forward6 } };
	FILE *f = fopen("/proc/kallsyms", "re");
	size_t open = ARRAY_LEN(wanted);
	const char *name;
	char line[512];
	uint64_t at;

	while (f && open > 0 && fgets(line, sizeof(line), f)) {
		if (!parse_symbol(line, &at, &name) || at == 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
			struct code *code = wanted[i].code;

			if (code->begin && !code->end && at > code->begin) {
				code->end = at;
				open--;
			} else if (!code->begin && strcmp(name, wanted[i].name) == 0) {
				code->begin = at;
			}
		}
	}
	if (f)
		(void)fclose(f);
}

int kernel_learn(struct kernel *ret, struct diag *reterr)
{
	struct kernel k = { .btf = btf__load_vmlinux_btf() };
	int r;

	if (!k.btf)
		return diag_set(reterr, -errno,
			"this kernel does not describe itself (CONFIG_DEBUG_INFO_BTF): %s",
			strerror(errno));
	r = learn_lines(k.btf, &k, reterr);
	if (r < 0) {
		kernel_forget(&k);
		return r;
	}
	learn_code(&k);
	k.has_kprobes = access("/sys/bus/event_source/devices/kprobe/type", R_OK) == 0;
	*ret = k;
	return 0;
}

void kernel_forget(struct kernel *k)
{
	btf__free(k->btf);
	k->btf = NULL;
}

bool kernel_has_function(const char *wanted)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	bool found = false;
	const char *name;
	char line[512];
	uint64_t at;

	while (f && !found && fgets(line, sizeof(line), f))
		found = parse_symbol(line, &at, &name) && strcmp(name, wanted) == 0;
	if (f)
		(void)fclose(f);
	return found;
}

enum line_class kernel_line_class(const char *name)
{
	/* net/xfrm: what xfrm_lookup_with_ifid() and those it calls count. */
	static const char *const of_lookups[] = { "XfrmOutNoStates", "XfrmOutPolBlock",
		"XfrmOutPolError", "XfrmOutPolDead", "XfrmOutBundleGenError",
		"XfrmOutBundleCheckError", "XfrmOutStateDirError" };

	/* A broken block within a payload does not always cost the packet. */
	if (strcmp(name, "XfrmInIptfsError") == 0)
		return LINE_NONE;
	for (size_t i = 0; i < ARRAY_LEN(of_lookups); i++) {
		if (strcmp(name, of_lookups[i]) == 0)
			return LINE_LOOKUP;
	}
	if (strncmp(name, "XfrmOut", strlen("XfrmOut")) == 0)
		return LINE_OUTBOUND;
	return name[0] ? LINE_INBOUND : LINE_NONE;
}
