/* dbus: messages of the D-Bus wire protocol, as far as systemd.c needs them: method calls are written, whatever comes
 * back is read.
 *
 * Pure: bytes in, values out. What is read is foreign: bounded, every length checked, strs lie inside the bytes given.
 * Only the byte order of this machine is spoken (a bus passes a peer's order on; the peer is on this machine).
 * Document: D-Bus Specification 0.43, "Message Protocol" and "Marshaling". */
#ifndef RUNTIME_DBUS_H
#define RUNTIME_DBUS_H

#include "base/buf.h"

#define DBUS_MESSAGE_MAX (256u << 10) /* bytes; the specification allows 128 MiB: systemd's answers are short */
#define DBUS_HEAD_BYTES 16	      /* enough to know how long a message is */

enum dbus_type { DBUS_CALL = 1, DBUS_RETURN, DBUS_ERROR, DBUS_SIGNAL };

struct dbus_message {
	enum dbus_type type;
	uint32_t serial, reply_serial; /* reply_serial 0: it answers nothing */
	struct str interface, member, error, signature, body;
};

/* From its first DBUS_HEAD_BYTES: the bytes of the whole message. -EBADMSG, -E2BIG, -ENOTSUP. */
int dbus_size(struct str head, size_t *ret, struct err *e) must_check;
/* One whole message. */
int dbus_parse(struct str bytes, struct dbus_message *ret, struct err *e) must_check;
/* The strings and object paths a body begins with, those of `signature` that are s, o, u in a row; the n-th of them
 * (u counts too and is no string: STR_NONE). STR_NONE when there is none. */
struct str dbus_string(const struct dbus_message *m, size_t n);

/* A body is built in a buf of its own, from its beginning. */
void dbus_put_string(struct buf *body, struct str s);
void dbus_put_bool(struct buf *body, bool v);
/* An array of (name, variant): systemd's properties. *ret_begin is for dbus_end_properties(). */
void dbus_begin_properties(struct buf *body, size_t *ret_begin);
void dbus_property_string(struct buf *body, const char *name, struct str v);
void dbus_property_bool(struct buf *body, const char *name, bool v);
void dbus_property_u64(struct buf *body, const char *name, uint64_t v);
void dbus_property_bytes(struct buf *body, const char *name, struct str v);
void dbus_property_u32s(struct buf *body, const char *name, const uint32_t *v, size_t n);
void dbus_end_properties(struct buf *body, size_t begin);

struct dbus_call {
	const char *destination, *path, *interface, *member, *signature; /* signature "": no body */
};
/* Appends the whole message; serial is not 0. */
void dbus_write_call(struct buf *to, uint32_t serial, const struct dbus_call *c, struct str body);

#endif
