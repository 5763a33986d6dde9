/* A lease that is read gives an address one machine can have, a network, and times in order. */
#include "node/init/dhcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	enum dhcp_kind kind;
	struct dhcp_lease l;

	if (dhcp_read(str_n(data, size), mac, 0x12345678, &kind, &l) != 1 || kind == DHCP_NAK)
		return 0;
	if (!l.address || !l.prefix || l.prefix > 32 || l.dns_count > DHCP_DNS_MAX || l.renew_s > l.rebind_s ||
	    l.rebind_s > l.lease_s || !l.renew_s)
		__builtin_trap();
	return 0;
}
