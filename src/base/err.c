/* err: why a call failed. See err.h. */
#include "base/err.h"

#include <stdarg.h>

#include "base/str.h"

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	str_tame(e->msg, strlen(e->msg)); /* it may quote foreign bytes, and end on a terminal */
	return code;
}

static void printf_like(2, 0) err_prefix(struct err *e, const char *fmt, va_list ap)
{
	/* Half the room for the place, so that a long place does not push the cause out. */
	char place[ERR_MSG_MAX / 2];
	size_t n, cause = strnlen(e->msg, sizeof(e->msg) - 1);

	vsnprintf(place, sizeof(place), fmt, ap);
	n = strlen(place);
	place[n++] = ':'; /* over the NUL; the length says where it ends */
	if (cause > sizeof(e->msg) - 2 - n)
		cause = sizeof(e->msg) - 2 - n;
	memmove(e->msg + n + 1, e->msg, cause);
	memcpy(e->msg, place, n);
	e->msg[n] = ' ';
	e->msg[n + 1 + cause] = 0;
	str_tame(e->msg, strlen(e->msg));
}

int err_errno(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	e->code = code;
	snprintf(e->msg, sizeof(e->msg), "%s", strerror(-code));
	va_start(ap, fmt);
	err_prefix(e, fmt, ap);
	va_end(ap);
	return code;
}

int err_wrap(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	e->code = code;
	va_start(ap, fmt);
	err_prefix(e, fmt, ap);
	va_end(ap);
	return code;
}
