/* verify: a clear-signed text against keys, by gpgv. See verify.h. */
#include "vuln/update/verify.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "codec/base64.h"
#include "sandbox/run.h"

#define TEXT_BYTES_MAX (64u << 20)
#define STATUS_BYTES_MAX (256u << 10)
#define GPGV_TIMEOUT_MS 60000
#define FIRST_KEY_FD 4 /* behind the text, the output, nothing and the status */

void verify_keys_done(struct verify_keys *k)
{
	for (size_t i = 0; i < k->count; i++)
		fd_close(&k->fd[i]);
	k->count = 0;
}

/* A file in memory, to be read from its beginning; negative errno. */
static int memory_file(struct str bytes)
{
	auto_close int fd = memfd_create("yagura", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write(fd, bytes.p, bytes.n);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return take_fd(&fd);
}

/* One armoured block: base64 lines between the empty line behind the headers and the checksum or the end. */
static int block_decode(struct str block, struct buf *ret, struct err *e)
{
	auto_buf struct buf text;
	struct str line;
	bool body = false;

	buf_init(&text, VERIFY_KEY_BYTES_MAX);
	while (str_cut(&block, '\n', &line)) {
		line = str_trim(line);
		if (line.n && (line.p[0] == '=' || str_starts(line, STR("-----END"))))
			break;
		if (!body)
			body = !line.n;
		else
			buf_str(&text, line);
	}
	return base64_decode(buf_all(&text), ret, e);
}

static int key_dearmour(struct str text, struct buf *ret, struct err *e)
{
	static const struct str begin = STR("-----BEGIN PGP PUBLIC KEY BLOCK-----");

	for (;;) {
		ptrdiff_t at = str_find_str(text, begin);
		int r;

		if (at < 0)
			return 0;
		text = str_from(text, (size_t)at + begin.n);
		text = str_from(text, text.n && text.p[0] == '\r' ? 2 : 1);
		r = block_decode(text, ret, e);
		if (r < 0)
			return err_wrap(e, r, "key");
	}
}

int verify_keys_add(struct verify_keys *k, struct str bytes, struct err *e)
{
	auto_buf struct buf plain;
	int fd, r = 0;

	if (k->count == VERIFY_KEYS_MAX)
		return err_set(e, -E2BIG, "more than %d key files", VERIFY_KEYS_MAX);
	buf_init(&plain, VERIFY_KEY_BYTES_MAX);
	if (str_find_str(str_head(bytes, 4096), STR("-----BEGIN PGP PUBLIC KEY BLOCK-----")) >= 0)
		r = key_dearmour(bytes, &plain, e);
	else
		buf_str(&plain, bytes);
	if (r == 0 && buf_finish(&plain) < 0)
		r = err_set(e, -E2BIG, "a key file of more than %u bytes", VERIFY_KEY_BYTES_MAX);
	if (r < 0)
		return r;
	fd = memory_file(buf_all(&plain));
	if (fd < 0)
		return err_errno(e, fd, "cannot keep a key");
	k->fd[k->count++] = fd;
	return 0;
}

/* What gpgv says on its status descriptor (gnupg's doc/DETAILS, "Format of the status fd output"). */
struct status {
	unsigned int parts, good, bad;
	bool wanted;	/* one of the good ones is by a wanted key */
	struct str why; /* the first complaint */
};

static bool key_wanted(const struct verify_keys *k, struct str validsig)
{
	if (!k->fingerprint_count)
		return true;
	for (struct str word; str_cut(&validsig, ' ', &word);)
		for (size_t i = 0; i < k->fingerprint_count; i++)
			if (word.n >= 40 && str_eq_nocase(word, k->fingerprint[i]))
				return true;
	return false;
}

static void status_read(const struct verify_keys *k, struct str text, struct status *s)
{
	bool good = false;

	for (struct str line; str_cut(&text, '\n', &line);) {
		if (!str_starts(line, STR("[GNUPG:] ")))
			continue;
		line = str_from(line, 9);
		if (str_starts(line, STR("PLAINTEXT "))) {
			s->parts++;
		} else if (str_starts(line, STR("NEWSIG"))) {
			good = false;
		} else if (str_starts(line, STR("GOODSIG "))) {
			good = true;
			s->good++;
		} else if (str_starts(line, STR("VALIDSIG "))) {
			s->wanted |= good && key_wanted(k, str_from(line, 9));
		} else if (str_starts(line, STR("BADSIG "))) {
			s->bad++;
		} else if (!s->why.n && (str_starts(line, STR("EXP")) || str_starts(line, STR("REVKEYSIG ")) ||
					 str_starts(line, STR("NO_PUBKEY ")) || str_starts(line, STR("NODATA ")))) {
			s->why = line;
		}
	}
}

static int judge(const struct verify_keys *k, struct str status_text, int exit_status, struct err *e)
{
	struct status s = { 0 };

	status_read(k, status_text, &s);
	if (s.bad)
		return err_set(e, -EBADMSG, "bad signature");
	if (!s.good)
		return err_set(e, -EBADMSG, "no good signature (" STR_FMT ", gpgv %d)", STR_ARG(s.why), exit_status);
	if (!s.wanted)
		return err_set(e, -EBADMSG, "signed, but not by the key that was named");
	if (s.parts != 1)
		return err_set(e, -EBADMSG, "%u signed parts instead of one", s.parts);
	return 0;
}

static int read_back(int fd, size_t max_bytes, struct buf *ret, struct err *e)
{
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, -errno, "cannot read");
	return fd_read_all(fd, max_bytes, ret, e);
}

int verify_text(const struct verify_keys *k, struct str text, struct buf *ret, struct err *e)
{
	auto_close int in = memory_file(text), out = memory_file(STR("")), status = memory_file(STR(""));
	const char *argv[2 * VERIFY_KEYS_MAX + 10] = { "gpgv", "--status-fd", "3", "--output", "-" };
	char name[VERIFY_KEYS_MAX][32];
	auto_buf struct buf told = { 0 };
	int fds[RUN_FDS_MAX] = { in, out, -1, status };
	size_t n = 5, slots = FIRST_KEY_FD;
	struct run run = { .argv = argv, .fds = fds, .timeout_ms = GPGV_TIMEOUT_MS };
	int r, exit_status;

	if (in < 0 || out < 0 || status < 0)
		return err_errno(e, -ENOMEM, "cannot keep a text in memory");
	if (!k->count)
		return err_set(e, -EBADMSG, "there is no key to verify it with");
	for (size_t i = 0; i < k->count && slots < RUN_FDS_MAX; i++) {
		fds[slots] = k->fd[i];
		snprintf(name[i], sizeof(name[i]), "/proc/self/fd/%zu", slots++);
		argv[n++] = "--keyring";
		argv[n++] = name[i];
	}
	run.fd_count = slots;
	argv[n++] = "-";
	r = run_program(&run, &exit_status, e);
	if (r == 0)
		r = read_back(status, STATUS_BYTES_MAX, &told, e);
	if (r == 0)
		r = judge(k, buf_all(&told), exit_status, e);
	return r < 0 ? r : read_back(out, TEXT_BYTES_MAX, ret, e);
}
