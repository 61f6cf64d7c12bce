/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "main/log.h"
#include "main/supervisor/supervisor.h"

#define TRIES 200 /* of 50 ms */

/* The keyring is written anew for each key. */
static bool keyring_of(const struct options *o, struct stat *ret)
{
	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s/keys.pem", o->key_dir);
	return stat(path, ret) == 0;
}

/* The monitor that signs with the key does it; we see that it has. */
static int ask(const struct options *o, int holder)
{
	struct stat before = { 0 }, now;

	(void)keyring_of(o, &before);
	if (kill(holder, SIGUSR1) < 0) {
		log_line(LOG_ERR, "process %d, which signs with the key: %s", holder,
			strerror(errno));
		return 1;
	}
	for (int i = 0; i < TRIES; i++) {
		if (keyring_of(o, &now) && now.st_ino != before.st_ino) {
			log_line(LOG_NOTICE, "process %d signs with a new key", holder);
			return 0;
		}
		(void)usleep(50000);
	}
	log_line(LOG_ERR, "process %d did not change the key: its messages say why", holder);
	return 1;
}

int rotate_key(const struct options *o)
{
	struct diag diag = { "" };
	struct utsname host;
	struct signer signer;
	int holder = 0, r;

	if (uname(&host) < 0)
		host.nodename[0] = '\0';
	r = signer_open(&signer, o->key_dir, host.nodename, "", false, &holder, &diag);
	if (r == -EBUSY && holder > 0)
		return ask(o, holder);
	if (r == 0) {
		r = signer_rotate(&signer, &diag);
		if (r == 0)
			log_line(LOG_NOTICE, "the log will be signed with a new key, SHA-256 %s",
				signer.key.fingerprint);
		signer_close(&signer);
	}
	if (r < 0)
		log_line(LOG_ERR, "%s", diag.text);
	return r < 0 ? 1 : 0;
}
