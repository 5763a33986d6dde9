/* Any bytes as a message: read or refused; what is read lies inside, and its size is what was said before. */
#include <assert.h>

#include "runtime/dbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str s, const uint8_t *data, size_t size)
{
	assert(!s.n || ((const uint8_t *)s.p >= data && (const uint8_t *)s.p + s.n <= data + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dbus_message m;
	struct err e;
	size_t whole = 0;

	if (dbus_size(str_n(data, size), &whole, &e) < 0 || whole > size)
		return 0;
	assert(whole >= DBUS_HEAD_BYTES && whole <= DBUS_MESSAGE_MAX);
	if (dbus_parse(str_n(data, whole), &m, &e) < 0)
		return 0;
	inside(m.interface, data, whole);
	inside(m.member, data, whole);
	inside(m.error, data, whole);
	inside(m.signature, data, whole);
	inside(m.body, data, whole);
	for (size_t i = 0; i < 8; i++)
		inside(dbus_string(&m, i), data, whole);
	return 0;
}
