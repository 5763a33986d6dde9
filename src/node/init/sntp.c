/* sntp: see sntp.h. */
#include "node/init/sntp.h"

#define NTP_TO_UNIX 2208988800ull /* seconds from 1900 to 1970 */
#define ERA (1ull << 32)
#define SECOND 1000000000ull

static uint64_t be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void sntp_write(uint8_t ret[SNTP_BYTES], uint64_t cookie)
{
	memset(ret, 0, SNTP_BYTES);
	ret[0] = 4 << 3 | 3; /* version 4, client */
	for (int i = 0; i < 8; i++)
		ret[40 + i] = (uint8_t)(cookie >> (56 - 8 * i));
}

/* Seconds before 1970 belong to the era that begins in 2036. */
static uint64_t to_unix_ns(uint64_t ntp)
{
	uint64_t seconds = ntp >> 32;

	seconds += seconds < NTP_TO_UNIX ? ERA : 0;
	return (seconds - NTP_TO_UNIX) * SECOND + ((ntp & 0xffffffffu) * SECOND >> 32);
}

int sntp_read(struct str packet, uint64_t cookie, uint64_t round_trip_ns, uint64_t *ret_ns)
{
	const uint8_t *p = (const uint8_t *)packet.p;
	uint64_t received, sent;

	if (packet.n < SNTP_BYTES || (p[0] & 7) != 4 || be64(p + 24) != cookie)
		return -EBADMSG;
	/* 3: not synchronised; stratum 0: a "kiss of death"; above 15: not synchronised */
	if (p[0] >> 6 == 3 || !p[1] || p[1] > 15)
		return -EAGAIN;
	received = be64(p + 32);
	sent = be64(p + 40);
	if (!sent || !received)
		return -EBADMSG;
	received = to_unix_ns(received);
	sent = to_unix_ns(sent);
	/* What the server itself needed is not way; one that lies about it gains nothing. */
	if (sent >= received && sent - received <= round_trip_ns)
		round_trip_ns -= sent - received;
	*ret_ns = sent + round_trip_ns / 2;
	return 0;
}
