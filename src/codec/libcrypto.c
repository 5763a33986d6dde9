/* libcrypto. See libcrypto.h. */
#include "codec/libcrypto.h"

#include <dlfcn.h>
#include <errno.h>

#include "base/mem.h"

int libcrypto_symbol(const char *name, void **ret, struct err *e)
{
	static void *handle; /* never closed */
	void *symbol;

	if (!handle)
		handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
	symbol = handle ? dlsym(handle, name) : NULL;
	if (!symbol)
		return err_set(e, -ENOTSUP, "libcrypto.so.3 is needed for signatures and could not be loaded");
	*ret = symbol;
	return 0;
}

int libcrypto_no_passphrase(char *room unused_arg, int size unused_arg, int writing unused_arg, void *ctx unused_arg)
{
	return -1;
}
