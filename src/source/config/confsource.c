/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/confsource.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/config/beneath.h"
#include "source/config/conflist.h"
#include "source/config/watches.h"

#define CHECK_NS (60ull * 1000000000)
#define SETTLE_TICKS 5 /* after so many, files that change all the time are read nonetheless */

struct daemon {
	struct daemon *next;
	struct conf_owner owner;
	int root;
	dev_t dev; /* of the root */
	ino_t ino;
	bool ended;
	struct buf told; /* the list as it was told last, encoded; empty: never */
	char (*directories)[PATH_SIZE]; /* owned: to watch */
	size_t n_directories;
};

struct confsource {
	struct source_sink sink;
	struct watches watches;
	struct daemon *daemons; /* in the order of their announcement */
	uint8_t state;
	char reason[FACT_TEXT_SIZE];
	bool changed, stirred; /* inotify told something: at all, since the last tick */
	unsigned waited; /* ticks since it first did */
	uint64_t checked_ns;
	struct fact fact;
};

static void tell_state(struct confsource *c)
{
	c->fact = (struct fact){ .type = FACT_SOURCE, .source = SOURCE_CONFIG };
	c->fact.source_change.id = SOURCE_CONFIG;
	c->fact.source_change.state = c->state;
	memcpy(c->fact.source_change.reason, c->reason, sizeof(c->reason));
	c->sink.emit(c->sink.userdata, &c->fact);
}

static void tell_list(struct confsource *c, const struct buf *list)
{
	size_t at = 0, used;

	while (at < list->n &&
		fact_decode(span_of(list->p + at, list->n - at), &c->fact, &used) == FACT_OK) {
		c->sink.emit(c->sink.userdata, &c->fact);
		at += used;
	}
}

static void state_is(struct confsource *c, uint8_t state, const char *reason)
{
	if (c->state == state && !strcmp(c->reason, reason))
		return;
	c->state = state;
	snprintf(c->reason, sizeof(c->reason), "%s", reason);
	tell_state(c);
}

/* Whether files beneath that root can be looked up at all; says so when it changes. */
static bool reaches(struct confsource *c, int root)
{
	char reason[FACT_TEXT_SIZE] = "";
	int fd = beneath_directory(root, "/");

	if (fd >= 0)
		close(fd);
	if (fd == -ENOSYS || fd == -EPERM) {
		snprintf(reason, sizeof(reason),
			"files of IKE daemons can't be opened: openat2: %s", strerror(-fd));
		state_is(c, SOURCE_ABSENT, reason);
		return false;
	}
	if (c->watches.fd < 0)
		snprintf(reason, sizeof(reason),
			"no inotify: changes of files are seen within 60 s");
	state_is(c, SOURCE_IN_STEP, reason);
	return true;
}

int confsource_new(const struct source_sink *sink, struct confsource **ret)
{
	struct confsource *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->sink = *sink;
	(void)watches_init(&c->watches);
	c->state = SOURCE_IN_STEP;
	tell_state(c);
	*ret = c;
	return 0;
}

static void daemon_free(struct daemon *d)
{
	if (d->root >= 0)
		close(d->root);
	buf_done(&d->told);
	free(d->directories);
	free(d);
}

struct confsource *confsource_free(struct confsource *c)
{
	if (!c)
		return NULL;
	while (c->daemons) {
		struct daemon *d = c->daemons;

		c->daemons = d->next;
		daemon_free(d);
	}
	watches_done(&c->watches);
	free(c);
	return NULL;
}

static void watch_all(struct confsource *c)
{
	watches_begin(&c->watches);
	for (struct daemon *d = c->daemons; d; d = d->next) {
		for (size_t i = 0; i < d->n_directories; i++)
			watches_want(&c->watches, d->root, d->directories[i]);
	}
	watches_end(&c->watches);
}

/* The host's own files, while a daemon of that kind runs beneath the same root. */
static bool is_covered(const struct confsource *c, const struct daemon *d)
{
	for (const struct daemon *o = c->daemons; o && d->owner.service == 0; o = o->next) {
		if (o->owner.service != 0 && o->owner.daemon == d->owner.daemon &&
			o->dev == d->dev && o->ino == d->ino)
			return true;
	}
	return false;
}

/* Reads the daemon's files; tells them when something is not as it was told. */
static void look(struct confsource *c, struct daemon *d)
{
	struct conffiles files;
	struct buf list = { 0 };
	int r;

	if (d->ended)
		return;
	conffiles_init(&files, d->root);
	if (!reaches(c, d->root) || is_covered(c, d))
		r = conflist_empty(&d->owner, &list);
	else
		r = conflist_read(&files, &d->owner, &list);
	free(d->directories);
	d->directories = files.directories;
	d->n_directories = files.n_directories;
	files.directories = NULL;
	conffiles_done(&files);
	if (r || span_equal(buf_span(&list), buf_span(&d->told))) {
		/* Without memory what was told stays; it is looked at again within 60 s. */
		buf_done(&list);
		return;
	}
	buf_done(&d->told);
	d->told = list;
	tell_list(c, &d->told);
}

static void look_at_all(struct confsource *c)
{
	for (struct daemon *d = c->daemons; d; d = d->next)
		look(c, d);
	watch_all(c);
}

/* Takes it out of the list; NULL: there is none. */
static struct daemon *take_out(struct confsource *c, uint8_t kind, uint64_t service)
{
	struct daemon **at = &c->daemons, *d;

	while (*at && !((*at)->owner.service == service && (!kind || (*at)->owner.daemon == kind)))
		at = &(*at)->next;
	d = *at;
	if (d)
		*at = d->next;
	return d;
}

void confsource_daemon(
	struct confsource *c, enum ike_daemon daemon, uint64_t service, uint64_t netns, int root)
{
	struct daemon *before = take_out(c, (uint8_t)daemon, service);
	struct daemon *d = calloc(1, sizeof(*d)), **at = &c->daemons;
	struct stat st;

	if (before)
		daemon_free(before);
	if (!d) {
		close(root);
		state_is(c, SOURCE_LOST, "no memory for the files of a daemon");
		return;
	}
	d->owner = (struct conf_owner){
		.daemon = (uint8_t)daemon, .service = service, .netns = netns
	};
	d->root = root;
	if (!fstat(root, &st)) {
		d->dev = st.st_dev;
		d->ino = st.st_ino;
	}
	while (*at)
		at = &(*at)->next;
	*at = d;
	look(c, d);
	/* The host's own list changes hands. */
	for (struct daemon *o = c->daemons; o && service != 0; o = o->next) {
		if (o->owner.service == 0 && o->owner.daemon == d->owner.daemon)
			look(c, o);
	}
	watch_all(c);
}

void confsource_ended(struct confsource *c, uint64_t service)
{
	for (struct daemon *d = c->daemons; d; d = d->next)
		d->ended = d->ended || (service != 0 && d->owner.service == service);
}

void confsource_gone(struct confsource *c, uint64_t service)
{
	struct daemon *d = take_out(c, 0, service);
	struct buf empty = { 0 };

	if (!d)
		return;
	if (!conflist_empty(&d->owner, &empty))
		tell_list(c, &empty);
	buf_done(&empty);
	daemon_free(d);
	look_at_all(c);
}

int confsource_fd(const struct confsource *c, size_t i)
{
	return i == 0 ? c->watches.fd : -1;
}

void confsource_ready(struct confsource *c, size_t i)
{
	if (i != 0 || !watches_changed(&c->watches))
		return;
	c->changed = c->stirred = true;
}

void confsource_tick(struct confsource *c, uint64_t now_ns)
{
	bool due = now_ns - c->checked_ns >= CHECK_NS;

	/* An editor writes in several steps: between them a file may be half, or not there. */
	if (c->changed && (!c->stirred || ++c->waited >= SETTLE_TICKS))
		due = true;
	c->stirred = false;
	if (!due)
		return;
	c->changed = false;
	c->waited = 0;
	c->checked_ns = now_ns;
	look_at_all(c);
}

void confsource_restate(struct confsource *c)
{
	tell_state(c);
	for (struct daemon *d = c->daemons; d; d = d->next)
		tell_list(c, &d->told);
}
