/* The kernel's fragments and the profiles of AppArmor, data/kernel and data/apparmor: part of the program, so that it builds the same
 * node wherever it is. */
	.section .rodata
	.macro text name, file
	.globl \name
	.globl \name\()_end
	.hidden \name
	.hidden \name\()_end
\name:
	.incbin "\file"
\name\()_end:
	.endm
	text fragment_base, "00-base.config"
	text fragment_fs, "10-fs.config"
	text fragment_container, "20-container.config"
	text fragment_security, "30-security.config"
	text fragment_hardening, "40-hardening.config"
	text fragment_cloud, "50-cloud.config"
	text profile_features, "features"
	text profile_audit, "yagura-audit"
	text profile_net, "yagura-net"
	text profile_pod, "yagura-pod"
	text profile_service, "yagura-service"
	.section .note.GNU-stack, "", @progbits
