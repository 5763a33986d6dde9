/* settings: what may be changed on a running node without a new image: /data/settings/settings.json.
 *
 * The agent keeps it, init renders it into /etc at the next boot. A member that is not there leaves the specification's
 * word. Document: docs/formats/node-settings.md. */
#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include "base/decode.h"

#define SETTINGS_VERSION 1
#define SETTINGS_BYTES_MAX (64u << 10)
#define SETTINGS_SERVERS_MAX 8u /* of each kind */
#define SETTINGS_HOSTS_MAX 64u

struct settings_host {
	const char *name;
	uint32_t address; /* IPv4, host byte order */
};

struct settings {
	const char *hostname; /* NULL: not said */
	uint32_t *dns;	      /* IPv4, host byte order */
	size_t dns_count;
	uint32_t *time;
	size_t time_count;
	struct settings_host *hosts; /* lines of /etc/hosts */
	size_t host_count;
};

/* -EBADMSG with the member's path. */
int settings_parse(struct str json, struct arena *a, struct settings *ret, struct err *e) must_check;
/* In one form: settings_parse() gives the same back. */
void settings_write(const struct settings *s, struct out *out);

#endif
