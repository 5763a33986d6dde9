/* node-key. See node-key.h. */
#include "cmd/node-key.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/run.h"

#define PRIVATE_NAME "node.key"
#define PUBLIC_NAME "node.pub"
#define KEY_MS 60000
#define NEW ".new"
#define DIR_BYTES (PATH_BYTES_MAX - sizeof("/" PRIVATE_NAME NEW))

static int config_dir(char dir[DIR_BYTES], struct err *e)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n, r;

	if (!(xdg && *xdg == '/') && !(home && *home == '/'))
		return err_set(e, -ENOENT, "no HOME to keep a key in: give one by --key");
	n = xdg && *xdg == '/' ? snprintf(dir, DIR_BYTES, "%s/yagura", xdg)
			       : snprintf(dir, DIR_BYTES, "%s/.config/yagura", home);
	if (n < 0 || (size_t)n >= DIR_BYTES)
		return err_set(e, -ENAMETOOLONG, "HOME is too long");
	r = dir_make(AT_FDCWD, dir);
	return r < 0 ? err_errno(e, r, "%s", dir) : 0;
}

/* `openssl ARGUMENTS -out PATH`, under another name until it is whole. */
static int made_by_openssl(const char *path, const char *const *arguments, mode_t mode, struct err *e)
{
	const char *argv[16] = { "openssl" };
	char temporary[PATH_BYTES_MAX];
	size_t n = 1;
	int status = 0, r;

	for (; *arguments; arguments++)
		argv[n++] = *arguments;
	argv[n++] = "-out";
	argv[n] = temporary;
	snprintf(temporary, sizeof(temporary), "%s" NEW, path);
	r = run_program(&(struct run){ .argv = argv, .timeout_ms = KEY_MS }, &status, e);
	if (r < 0)
		return r;
	if (status || chmod(temporary, mode) < 0 || rename(temporary, path) < 0)
		return err_set(e, -EIO, "%s: openssl could not make a key", path);
	return 0;
}

int node_key_private(char path[PATH_BYTES_MAX], struct err *e)
{
	const char *const arguments[] = { "genpkey", "-algorithm", "ed25519", NULL };
	char dir[DIR_BYTES];
	int r = config_dir(dir, e);

	if (r < 0)
		return r;
	snprintf(path, PATH_BYTES_MAX, "%s/" PRIVATE_NAME, dir);
	if (access(path, F_OK) == 0)
		return 0;
	r = made_by_openssl(path, arguments, 0600, e);
	if (r == 0)
		fprintf(stderr, "a key that signs node images was made: %s\n", path);
	return r;
}

int node_key_public(char path[PATH_BYTES_MAX], struct err *e)
{
	char dir[DIR_BYTES], key[PATH_BYTES_MAX];
	const char *const arguments[] = { "pkey", "-pubout", "-in", key, NULL };
	int r = config_dir(dir, e);

	if (r < 0)
		return r;
	snprintf(path, PATH_BYTES_MAX, "%s/" PUBLIC_NAME, dir);
	snprintf(key, sizeof(key), "%s/" PRIVATE_NAME, dir);
	/* Made anew each time: that of a key before this one vouches for nothing. */
	if (access(key, F_OK) == 0)
		return made_by_openssl(path, arguments, 0644, e);
	if (access(path, F_OK) == 0)
		return 0;
	return err_set(e, -ENOENT, "--key is needed: without it nothing says whose image this is (no %s)", key);
}
