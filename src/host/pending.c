/* pending: what still runs although it was replaced: services with old libraries, an old kernel. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/num.h"
#include "host/host.h"
#include "host/rule.h"

static enum check_result judge_reboot(struct host *h, const struct host_rule *r unused_arg)
{
	auto_buf struct buf text = { 0 };
	bool missing;

	/* Debian's and Ubuntu's way of asking for it (update-notifier, unattended-upgrades). */
	if (!host_read(h, "run/reboot-required", &text, &missing))
		return missing ? CHECK_PASS : CHECK_UNKNOWN;
	host_say(h, str_trim(str_head(buf_all(&text), 100)));
	return CHECK_FAIL;
}

/* Numbers by value, the rest by bytes: enough to order releases of one distribution's kernel ("6.1.0-9-amd64" <
 * "6.1.0-10-amd64"). */
static int release_order(struct str a, struct str b)
{
	while (a.n && b.n) {
		size_t na = 0, nb = 0;
		uint64_t va, vb;

		while (na < a.n && is_digit(a.p[na]))
			na++;
		while (nb < b.n && is_digit(b.p[nb]))
			nb++;
		if (na && nb) {
			if (!num_u64(str_head(a, na), 10, &va) || !num_u64(str_head(b, nb), 10, &vb))
				return 0;
			if (va != vb)
				return va < vb ? -1 : 1;
			a = str_from(a, na);
			b = str_from(b, nb);
			continue;
		}
		if (a.p[0] != b.p[0])
			return (unsigned char)a.p[0] < (unsigned char)b.p[0] ? -1 : 1;
		a = str_from(a, 1);
		b = str_from(b, 1);
	}
	return (a.n > 0) - (b.n > 0);
}

static enum check_result judge_kernel(struct host *h, const struct host_rule *r unused_arg)
{
	int fd = openat(h->root, "boot", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct utsname running;
	char newest[256] = "";
	struct dirent *d;
	bool known = false;

	if (uname(&running) < 0)
		return CHECK_UNKNOWN;
	while (dir && (d = readdir(dir))) {
		struct str name = str_c(d->d_name);

		if (!str_starts(name, STR("vmlinuz-")))
			continue;
		name = str_from(name, 8);
		known = known || str_is(name, running.release);
		if (release_order(name, str_c(newest)) > 0)
			snprintf(newest, sizeof(newest), STR_FMT, STR_ARG(name));
	}
	if (dir)
		closedir(dir);
	host_say(h, str_c(running.release));
	/* A kernel that came from elsewhere (a virtual machine's own) says nothing about those in /boot. */
	if (!known)
		return newest[0] ? CHECK_UNKNOWN : CHECK_NONE;
	if (release_order(str_c(running.release), str_c(newest)) >= 0)
		return CHECK_PASS;
	host_say(h, str_c(newest));
	return CHECK_FAIL;
}

/* A library that is mapped to be executed and whose file is gone: proc(5), /proc/PID/maps. */
static bool maps_replaced(struct str maps)
{
	for (struct str line; str_cut(&maps, '\n', &line);)
		if (str_ends(line, STR(" (deleted)")) && str_find_str(line, STR("r-xp ")) >= 0 &&
		    (str_find_str(line, STR("/usr/lib/")) >= 0 || str_find_str(line, STR(" /lib/")) >= 0 ||
		     str_find_str(line, STR("/usr/bin/")) >= 0 || str_find_str(line, STR("/usr/sbin/")) >= 0))
			return true;
	return false;
}

static enum check_result judge_libraries(struct host *h, const struct host_rule *r unused_arg)
{
	int fd = openat(h->root, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t looked = 0, refused = 0, found = 0;
	struct dirent *d;
	char unread[64];

	while (dir && (d = readdir(dir)) && looked < HOST_PROCESSES_MAX) {
		auto_buf struct buf maps = { 0 }, name = { 0 };
		char path[64];
		bool missing;

		if (!is_digit(d->d_name[0]))
			continue;
		looked++;
		snprintf(path, sizeof(path), "proc/%.16s/maps", d->d_name);
		if (!host_read(h, path, &maps, &missing)) {
			refused += !missing;
			continue;
		}
		if (!maps_replaced(buf_all(&maps)))
			continue;
		found++;
		snprintf(path, sizeof(path), "proc/%.16s/comm", d->d_name);
		if (host_read(h, path, &name, &missing))
			host_say(h, str_trim(buf_all(&name)));
	}
	if (dir)
		closedir(dir);
	if (found)
		return CHECK_FAIL;
	if (looked && !refused)
		return CHECK_PASS;
	snprintf(unread, sizeof(unread), "%zu of %zu processes could not be read", refused, looked);
	host_say(h, str_c(unread));
	return CHECK_UNKNOWN;
}

static const struct host_rule pending_rules[] = {
	{ "pending.reboot", 1, "no update waits for a reboot", "What was repaired on disk still runs unrepaired.",
	  "Reboot", judge_reboot, NULL },
	{ "pending.kernel", 1, "the newest installed kernel runs", "What was repaired on disk still runs unrepaired.",
	  "Reboot", judge_kernel, NULL },
	{ "pending.libraries", 1, "no process runs a library or program that was replaced",
	  "What was repaired on disk still runs unrepaired.", "Restart these services, or reboot", judge_libraries,
	  NULL },
};
const struct host_section pending_section = { "pending", pending_rules, ARRAY_LEN(pending_rules), NULL, NULL };
