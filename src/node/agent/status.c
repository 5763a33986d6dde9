/* status: the node about itself. See status.h. */
#include "node/agent/status.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/digest.h"

#define CMDLINE_MAX 4096u
#define PCR_COUNT 24u

bool status_root_hash(struct str command_line, struct str *ret)
{
	ptrdiff_t at = str_find_str(command_line, STR("dm-mod.create="));
	struct str rest = at < 0 ? STR("") : str_from(command_line, (size_t)at);
	struct digest d;

	at = str_find_str(rest, STR(" sha256 "));
	if (at < 0)
		return false;
	*ret = str_head(str_from(rest, (size_t)at + sizeof(" sha256 ") - 1), 2 * DIGEST_BYTES);
	return digest_parse_hex(*ret, &d);
}

static void write_root(struct json_out *w)
{
	auto_buf struct buf text = { 0 };
	struct str root;

	if (file_read(AT_FDCWD, "/proc/cmdline", CMDLINE_MAX, &text, NULL) == 0 &&
	    status_root_hash(buf_all(&text), &root))
		json_out_key_str(w, "root_hash", root);
}

static void write_pcrs(struct json_out *w)
{
	bool any = false;

	for (unsigned int i = 0; i < PCR_COUNT; i++) {
		auto_buf struct buf text = { 0 };
		char path[64], key[8];

		snprintf(path, sizeof(path), "/sys/class/tpm/tpm0/pcr-sha256/%u", i);
		if (file_read(AT_FDCWD, path, 256, &text, NULL) < 0)
			continue;
		if (!any) {
			json_out_key_object(w, "pcrs_sha256");
		}
		any = true;
		snprintf(key, sizeof(key), "%u", i);
		json_out_key_str(w, key, str_trim(buf_all(&text)));
	}
	if (any)
		json_out_end_object(w);
}

/* What init wrote, as it wrote it. */
static void write_state(struct json_out *w, const char *run_path)
{
	auto_buf struct buf text = { 0 };
	auto_arena struct arena a = { 0 };
	char path[4096];
	struct json j;

	snprintf(path, sizeof(path), "%s/state.json", run_path);
	if (file_read(AT_FDCWD, path, STATUS_STATE_MAX, &text, NULL) < 0)
		return;
	json_init(&j, buf_all(&text), &a);
	json_skip(&j);
	if (json_finish(&j, NULL) < 0)
		return;
	json_out_key(w, "init");
	json_out_document(w, str_trim(buf_all(&text)));
}

void status_write(const struct status_job *s, struct json_out *w)
{
	struct timespec up = { 0 };
	struct utsname u = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &up);
	(void)uname(&u);
	json_out_object(w);
	json_out_key_str(w, "agent", STR(YAGURA_VERSION));
	if (s->spec) {
		json_out_key_str(w, "name", str_c(s->spec->name));
		json_out_key_str(w, "release", str_c(s->spec->release));
		json_out_key_u64(w, "epoch", s->spec->epoch);
	}
	json_out_key_str(w, "hostname", str_c(u.nodename));
	json_out_key_str(w, "kernel", str_c(u.release));
	json_out_key_u64(w, "uptime_seconds", (uint64_t)up.tv_sec);
	write_root(w);
	write_pcrs(w);
	write_state(w, s->run_path);
	json_out_key_opt(w, "certificate", s->certificate);
	json_out_end_object(w);
}
