/* launch-netdev: network devices of the host that move into a container (linux.netDevices).
 *
 * The kernel keeps address and MTU of a device that moves; its permanent global addresses are taken along here, and it
 * is set up. Document: OCI runtime-spec 1.3 config-linux.md ("Network Devices"). */
#ifndef RUNTIME_LAUNCH_NETDEV_H
#define RUNTIME_LAUNCH_NETDEV_H

#include <sys/types.h>

#include "runtime/config.h"

#define NET_DEVICE_ADDRESSES_MAX 256 /* of one device */

/* Into the network namespace of that process. A device that was moved when a later one fails ends with the namespace:
 * the kernel gives hardware back to the host. */
int launch_net_devices(const struct oci_config *c, pid_t pid, struct err *e) must_check;

#endif
