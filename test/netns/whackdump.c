/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The libreswan source on a real pluto: at each line of standard input a minute passes for it; it
 * asks whack for all that is due, reads what the log has anew, prints what was said, then "--".
 * usage: whackdump LOG WHACK [ARGUMENT...]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/libreswan/libreswan.h"

#define MINUTE_NS 60000000000ull

static const char *text(const struct addr *a)
{
	static char texts[2][ADDR_TEXT_SIZE];
	static unsigned n;

	n = !n;
	return addr_format(a, texts[n]);
}

static const char *role(bool known, bool initiator)
{
	return !known ? "?" : initiator ? "initiator" : "responder";
}

static void print(void *userdata, struct fact *f)
{
	const struct ike_sa *ike = f->type == FACT_IKE_SA ? &f->ike_sa.sa : &f->ike_sa_gone.sa;
	const struct child_sa *child =
		f->type == FACT_CHILD_SA ? &f->child_sa.sa : &f->child_sa_gone.sa;
	const struct negotiation *n = &f->negotiation;

	(void)userdata;
	printf("%s", fact_type_name(f->type));
	switch (f->type) {
	case FACT_SOURCE:
		printf(" %s: %s", source_state_name(f->source_change.state),
			f->source_change.reason);
		break;
	case FACT_IKE_SA:
	case FACT_IKE_SA_GONE:
		printf(" #%llu %s %s v%u %s %s(%s) %s(%s) %s %u %s %s",
			(unsigned long long)ike->unique, ike->name, ike_state_name(ike->state),
			ike->version, role(ike->role_known, ike->initiator), text(&ike->local),
			ike->local_id, text(&ike->remote), ike->remote_id, ike->encryption,
			ike->encryption_bits, ike->prf, ike->dh);
		break;
	case FACT_CHILD_SA:
	case FACT_CHILD_SA_GONE:
		printf(" #%llu of #%llu %s %s in %08x out %08x %s %s",
			(unsigned long long)child->unique, (unsigned long long)child->ike_unique,
			child->name, child_state_name(child->state), child->spi_in, child->spi_out,
			child->local_ts, child->remote_ts);
		break;
	case FACT_CONNECTION:
		printf(" %s v%u %s %s %s", f->connection.name, f->connection.version,
			f->connection.local, f->connection.remote, f->connection.proposals);
		break;
	case FACT_CONNECTION_CHILD:
		printf(" %s %s %s %s", f->connection_child.name,
			child_intent_name(f->connection_child.intent), f->connection_child.local_ts,
			f->connection_child.remote_ts);
		break;
	case FACT_IKE_COUNTER:
		printf(" %s %llu", f->ike_counter.name, (unsigned long long)f->ike_counter.value);
		break;
	case FACT_NEGOTIATION:
		printf(" %s %s %s%s: %s", n->conn, role(n->role_known, n->initiator),
			n->child ? "child " : "", ike_cause_name(n->cause), n->words);
		break;
	default:
		break;
	}
	putchar('\n');
}

/* What it prints, to either; -errno, or its status. */
static int run(char **argv, const char *option, struct buf *ret)
{
	char octets[4096];
	int pipes[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(pipes))
		return -errno;
	pid = fork();
	if (pid == 0) {
		char *all[32] = { 0 };
		size_t i = 0;

		for (; argv[i] && i < 30; i++)
			all[i] = argv[i];
		all[i] = strdup(option);
		dup2(pipes[1], 1);
		dup2(pipes[1], 2);
		close(pipes[0]);
		close(pipes[1]);
		alarm(10);
		execv(all[0], all);
		_exit(127);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], octets, sizeof(octets))) > 0)
		buf_append(ret, octets, (size_t)n);
	close(pipes[0]);
	waitpid(pid, &status, 0);
	return status;
}

int main(int argc, char **argv)
{
	const struct source_sink sink = { .emit = print };
	FILE *log = argc >= 3 ? fopen(argv[1], "re") : NULL;
	struct libreswan *l = NULL;
	uint64_t now_ns = MINUTE_NS;
	enum whack_list list;
	char line[4096];
	size_t n;

	if (!log || libreswan_new(1, 2, &sink, &l)) {
		fprintf(stderr, "usage: whackdump LOG WHACK [ARGUMENT...]\n");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin)) {
		while ((n = fread(line, 1, sizeof(line), log)) > 0)
			libreswan_log(l, span_of(line, n));
		clearerr(log);
		while (libreswan_due(l, now_ns, &list)) {
			struct buf answer = { 0 };
			int status = run(argv + 2, whack_option(list), &answer);

			libreswan_output(l, list, buf_span(&answer), status);
			buf_done(&answer);
		}
		now_ns += MINUTE_NS;
		puts("--");
		fflush(stdout);
	}
	libreswan_free(l);
	fclose(log);
	return 0;
}
