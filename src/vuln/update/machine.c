/* machine: the package repositories of a machine, and what they sign. See machine.h. */
#include "vuln/update/machine.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/fd.h"
#include "codec/sha256.h"
#include "fetch/http.h"
#include "vuln/update/verify.h"

#define CONFIG_BYTES_MAX (1u << 20)
#define CONFIG_FILES_MAX 500
#define RELEASE_BYTES_MAX (16u << 20)
#define RETRIES 2
#define PATH_TEXT_MAX 4200

void machine_done(struct machine *m)
{
	apt_entries_done(&m->entries);
	for (size_t i = 0; i < m->texts.n; i++)
		buf_done(&m->texts.v[i]);
	vec_done(&m->texts);
	arena_done(&m->arena);
}

struct str machine_keep(struct machine *m, struct buf *b)
{
	struct str s = buf_all(b);

	vec_push(&m->texts, *b);
	return s;
}

int machine_file(const struct machine *m, const char *path, size_t max, struct buf *ret, struct err *e)
{
	char text[PATH_TEXT_MAX];

	snprintf(text, sizeof(text), "%s%s", m->root ? m->root : "", path);
	return file_read(AT_FDCWD, text, max, ret, e);
}

static void config_parse(struct machine *m, struct str name, struct str text)
{
	bool deb822 = str_ends(name, STR(".sources")) ||
		      (!str_ends(name, STR(".list")) && str_find_str(text, STR("URIs:")) >= 0);

	(deb822 ? apt_deb822_parse : apt_list_parse)(text, arena_str(&m->arena, name), &m->arena, &m->entries);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Names in a directory with one of two endings, sorted; in the arena. */
static size_t directory_list(struct machine *m, const char *dir, struct str end_a, struct str end_b, struct str *names)
{
	char text[PATH_TEXT_MAX];
	DIR *d;
	size_t n = 0;

	snprintf(text, sizeof(text), "%s%s", m->root ? m->root : "", dir);
	d = opendir(text);
	if (!d)
		return 0;
	for (struct dirent *t; n < CONFIG_FILES_MAX && (t = readdir(d));) {
		struct str name = str_c(t->d_name);

		if (name.p[0] != '.' && (str_ends(name, end_a) || str_ends(name, end_b)))
			names[n++] = arena_fmt(&m->arena, "%s/%s", dir, t->d_name);
	}
	closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	return n;
}

int machine_read(struct machine *m, struct err *e)
{
	static const char main_list[] = "/etc/apt/sources.list";
	struct str names[CONFIG_FILES_MAX];
	struct buf b;
	size_t n;

	if (m->sources_file) {
		int r = file_read(AT_FDCWD, m->sources_file, CONFIG_BYTES_MAX, &b, e);

		if (r == 0)
			config_parse(m, str_c(m->sources_file), machine_keep(m, &b));
		return r;
	}
	if (machine_file(m, main_list, CONFIG_BYTES_MAX, &b, NULL) == 0)
		config_parse(m, str_c(main_list), machine_keep(m, &b));
	n = directory_list(m, "/etc/apt/sources.list.d", STR(".list"), STR(".sources"), names);
	for (size_t i = 0; i < n; i++)
		if (machine_file(m, names[i].p, CONFIG_BYTES_MAX, &b, NULL) == 0)
			config_parse(m, names[i], machine_keep(m, &b));
	return 0;
}

/* -------- keys -------- */

static int key_file(const struct machine *m, const char *path, bool in_root, struct verify_keys *k, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int r = in_root ? machine_file(m, path, VERIFY_KEY_BYTES_MAX, &b, e)
			: file_read(AT_FDCWD, path, VERIFY_KEY_BYTES_MAX, &b, e);

	return r < 0 ? r : verify_keys_add(k, buf_all(&b), e);
}

/* The keys apt trusts where an entry names none; the archive's own are added because that is where packages of other
 * distributions (debootstrap's users have them) put them. */
static void keys_of_machine(struct machine *m, struct verify_keys *k)
{
	static const char *const more[] = { "/etc/apt/trusted.gpg", "/usr/share/keyrings/debian-archive-keyring.gpg",
					    "/usr/share/keyrings/ubuntu-archive-keyring.gpg" };
	struct str names[CONFIG_FILES_MAX];
	size_t n = directory_list(m, "/etc/apt/trusted.gpg.d", STR(".gpg"), STR(".asc"), names);

	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		if (key_file(m, more[i], true, k, NULL) < 0)
			continue;
	for (size_t i = 0; i < n; i++)
		if (key_file(m, names[i].p, true, k, NULL) < 0)
			continue; /* a key that cannot be read verifies nothing; the others may */
}

static int keys_of_entry(struct machine *m, const struct apt_entry *t, struct verify_keys *k, struct err *e)
{
	struct str words = t->signed_by, word;
	bool files = false;
	int r;

	if (t->key.n)
		return verify_keys_add(k, t->key, e);
	while (words.n) {
		size_t n = 0;

		while (n < words.n && !is_space(words.p[n]) && words.p[n] != ',')
			n++;
		word = str_head(words, n);
		words = str_from(words, n + 1);
		if (!n)
			continue;
		if (word.p[0] == '/') {
			files = true;
			r = key_file(m, arena_str(&m->arena, word).p, true, k, e);
			if (r < 0)
				return r;
		} else if (k->fingerprint_count < VERIFY_FINGERPRINTS_MAX) {
			k->fingerprint[k->fingerprint_count++] =
				str_ends(word, STR("!")) ? str_head(word, word.n - 1) : word;
		}
	}
	if (!files && m->keyring)
		return key_file(m, m->keyring, false, k, e);
	if (!files)
		keys_of_machine(m, k);
	return 0;
}

/* Characters that end a path or begin an escape in a URL; versions have '+', '~' and ':' which may stand as they are.
 */
struct str machine_url(struct arena *a, struct str uri, struct str path)
{
	auto_buf struct buf b;

	buf_init(&b, PATH_TEXT_MAX * 3);
	buf_str(&b, uri);
	buf_char(&b, '/');
	for (size_t i = 0; i < path.n; i++) {
		uint8_t c = (uint8_t)path.p[i];

		if (c <= ' ' || c >= 0x7f || memchr("%?#\\\"<>^`{|}", c, 12))
			buf_fmt(&b, "%%%02X", c);
		else
			buf_char(&b, (char)c);
	}
	return arena_str(a, buf_all(&b));
}

static int fetch_text(const struct machine *m, const char *url, uint64_t max, struct buf *ret, struct err *e)
{
	struct http_request q = { .url = url, .size_max = max, .retries = RETRIES, .connect_ms = m->connect_ms };
	auto_http_answer struct http_answer a = { 0 };
	struct buf b;
	int r = http_get_buf(&q, &b, &a, e);

	if (r < 0)
		return r;
	if (a.status != 200) {
		buf_done(&b);
		return err_set(e, -ENOENT, "%s: status %u", url, a.status);
	}
	*ret = b;
	return 0;
}

/* The signed text must be about the suite that was asked for: a mirror might hand out another's. */
static bool release_is(const struct apt_release *r, struct str suite)
{
	struct str release;

	return str_eq(r->suite, suite) || str_eq(r->codename, suite) ||
	       (apt_suite_kind(suite, &release) == APT_SUITE_SECURITY && str_find(suite, '/') >= 0 &&
		(str_eq(r->codename, release) || str_eq(r->suite, release)));
}

int machine_release(struct machine *m, const struct apt_entry *t, struct str *ret_text, struct apt_release *ret,
		    struct err *e)
{
	auto_verify_keys struct verify_keys keys = { 0 };
	auto_buf struct buf raw = { 0 };
	struct str url =
		arena_fmt(&m->arena, STR_FMT "/dists/" STR_FMT "/InRelease", STR_ARG(t->uri), STR_ARG(t->suite));
	struct apt_release release;
	struct buf text;
	int r = keys_of_entry(m, t, &keys, e);

	if (r == 0)
		r = fetch_text(m, url.p, RELEASE_BYTES_MAX, &raw, e);
	if (r == 0)
		r = verify_text(&keys, buf_all(&raw), &text, e);
	if (r < 0)
		return err_wrap(e, r, "InRelease");
	*ret_text = machine_keep(m, &text);
	r = apt_release_parse(*ret_text, &m->arena, &release, e);
	if (r < 0)
		return r;
	if (!release_is(&release, t->suite)) {
		r = err_set(e, -EBADMSG, "the mirror gave the suite " STR_FMT, STR_ARG(str_head(release.suite, 60)));
		apt_release_done(&release);
		return r;
	}
	*ret = release;
	return 0;
}

/* By its hash where the mirror has that, else by its name. */
int machine_index(struct machine *m, const struct apt_entry *t, const struct apt_release *release,
		  const struct apt_index *x, struct buf *ret, struct err *e)
{
	ptrdiff_t slash = str_rfind(x->path, '/');
	char hex[DIGEST_TEXT_MAX];
	struct digest digest;
	struct str dir = arena_fmt(&m->arena, "dists/" STR_FMT "/" STR_FMT, STR_ARG(t->suite),
				   STR_ARG(str_head(x->path, slash < 0 ? 0 : (size_t)slash)));
	struct str by_hash = arena_fmt(&m->arena, STR_FMT "/by-hash/SHA256/%s", STR_ARG(dir),
				       digest_text(&x->digest, hex) + strlen("sha256:"));
	struct str by_name = arena_fmt(&m->arena, "dists/" STR_FMT "/" STR_FMT, STR_ARG(t->suite), STR_ARG(x->path));
	int r = -ENOENT;

	if (x->size > MACHINE_INDEX_BYTES_MAX)
		return err_set(e, -E2BIG, STR_FMT ": more than %u bytes", STR_ARG(x->path), MACHINE_INDEX_BYTES_MAX);
	if (release->by_hash)
		r = fetch_text(m, machine_url(&m->arena, t->uri, by_hash).p, x->size, ret, e);
	if (r == -ENOENT)
		r = fetch_text(m, machine_url(&m->arena, t->uri, by_name).p, x->size, ret, e);
	if (r < 0)
		return r;
	sha256_of(buf_all(ret), &digest);
	if (ret->n == x->size && digest_eq(&digest, &x->digest))
		return 0;
	buf_done(ret);
	return err_set(e, -EBADMSG, STR_FMT ": not the file that InRelease names", STR_ARG(x->path));
}
