/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "base/map.h"

#define NAME_MOST 256

struct entry {
	struct addr addr;
	struct entry *next; /* that waits */
	bool known;
	char name[NAME_MOST]; /* "": none */
};

struct resolver {
	pthread_mutex_t lock;
	pthread_cond_t news;
	pthread_t thread;
	bool ending, busy; /* busy: a lookup runs */
	struct entry *waiting, **waiting_end;
	uint64_t left_ms;
	struct map *entries; /* struct addr → struct entry */
};

static void look_up(const struct addr *a, char ret[NAME_MOST])
{
	struct sockaddr_storage s = { .ss_family = a->family };
	struct sockaddr_in *four = (struct sockaddr_in *)&s;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&s;

	if (a->family == AF_INET)
		memcpy(&four->sin_addr, a->octets, 4);
	else
		memcpy(&six->sin6_addr, a->octets, 16);
	if (getnameinfo((const struct sockaddr *)&s,
		    a->family == AF_INET ? sizeof(*four) : sizeof(*six), ret, NAME_MOST, NULL, 0,
		    NI_NAMEREQD) != 0)
		ret[0] = '\0';
}

static void *work(void *opaque)
{
	struct resolver *r = opaque;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->ending) {
		struct entry *e = r->waiting;
		char name[NAME_MOST] = "";
		struct addr addr;

		if (!e) {
			(void)pthread_cond_wait(&r->news, &r->lock);
			continue;
		}
		r->waiting = e->next;
		if (!r->waiting)
			r->waiting_end = &r->waiting;
		r->busy = true;
		addr = e->addr;
		(void)pthread_mutex_unlock(&r->lock);
		look_up(&addr, name);
		(void)pthread_mutex_lock(&r->lock);
		memcpy(e->name, name, sizeof(e->name));
		e->known = true;
		r->busy = false;
		(void)pthread_cond_broadcast(&r->news);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return NULL;
}

int resolver_new(struct resolver **ret)
{
	struct resolver *r = calloc(1, sizeof(*r));
	pthread_condattr_t attributes;
	int error;

	if (!r || map_new(sizeof(struct addr), RESOLVE_NAMES, 0, &r->entries) < 0) {
		free(r);
		return -ENOMEM;
	}
	r->waiting_end = &r->waiting;
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&r->news, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	error = pthread_create(&r->thread, NULL, work, r);
	if (error) {
		map_free(r->entries);
		free(r);
		return -error;
	}
	r->left_ms = RESOLVE_ALL_MS;
	*ret = r;
	return 0;
}

struct resolver *resolver_free(struct resolver *r)
{
	bool busy;

	if (!r)
		return NULL;
	(void)pthread_mutex_lock(&r->lock);
	r->ending = true;
	busy = r->busy;
	(void)pthread_cond_broadcast(&r->news);
	(void)pthread_mutex_unlock(&r->lock);
	if (busy) { /* nothing can end a lookup: it keeps what it works on */
		(void)pthread_detach(r->thread);
		return NULL;
	}
	(void)pthread_join(r->thread, NULL);
	(void)pthread_cond_destroy(&r->news);
	(void)pthread_mutex_destroy(&r->lock);
	map_free_all(r->entries);
	free(r);
	return NULL;
}

void resolver_begin(struct resolver *r)
{
	r->left_ms = RESOLVE_ALL_MS;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct entry *entry_of(struct resolver *r, const struct addr *a)
{
	struct entry *e = map_get(r->entries, a);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e || map_put(r->entries, a, e) < 0) {
		free(e);
		return NULL;
	}
	e->addr = *a;
	*r->waiting_end = e;
	r->waiting_end = &e->next;
	(void)pthread_cond_broadcast(&r->news);
	return e;
}

/* Waits for its answer as long as there is time. Under the lock. */
static void wait_for(struct resolver *r, const struct entry *e)
{
	uint64_t begin = now_ms();
	uint64_t most = r->left_ms < RESOLVE_ONE_MS ? r->left_ms : RESOLVE_ONE_MS;
	uint64_t end = begin + most, spent;
	struct timespec until = { .tv_sec = (time_t)(end / 1000),
		.tv_nsec = (long)(end % 1000) * 1000000 };

	while (!e->known && now_ms() < end)
		(void)pthread_cond_timedwait(&r->news, &r->lock, &until);
	spent = now_ms() - begin;
	r->left_ms = spent < r->left_ms ? r->left_ms - spent : 0;
}

const char *resolver_name(struct resolver *r, const char *address)
{
	const char *ret = NULL;
	struct entry *e;
	struct addr a;

	if (addr_parse(address, &a) < 0 || addr_is_any(&a))
		return NULL;
	(void)pthread_mutex_lock(&r->lock);
	e = entry_of(r, &a);
	if (e && !e->known && r->left_ms > 0)
		wait_for(r, e);
	if (e && e->known && e->name[0])
		ret = e->name;
	(void)pthread_mutex_unlock(&r->lock);
	return ret;
}
