/* The kernel's fragments, data/kernel: part of the program, so that it builds the same kernel wherever it is. */
	.section .rodata
	.macro fragment name, file
	.globl fragment_\name
	.globl fragment_\name\()_end
	.hidden fragment_\name
	.hidden fragment_\name\()_end
fragment_\name:
	.incbin "\file"
fragment_\name\()_end:
	.endm
	fragment base, "00-base.config"
	fragment fs, "10-fs.config"
	fragment container, "20-container.config"
	fragment security, "30-security.config"
	fragment hardening, "40-hardening.config"
	fragment cloud, "50-cloud.config"
	.section .note.GNU-stack, "", @progbits
