/* The program of runtime/stage2/, whose file is STAGE2. */
	.section .rodata
	.globl stage2_begin
	.hidden stage2_begin
	.globl stage2_end
	.hidden stage2_end
	.balign 16
stage2_begin:
	.incbin STAGE2
stage2_end:
	.section .note.GNU-stack, "", %progbits
