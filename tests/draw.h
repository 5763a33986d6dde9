/* draw: numbers for tests that try many inputs, the same ones in each run. */
#ifndef TESTS_DRAW_H
#define TESTS_DRAW_H

#include <stdint.h>

/* One generator a program (Marsaglia's xorshift). */
static uint64_t draw_state = 88172645463325252u;

/* A number less than `below`. */
static inline uint32_t draw(uint32_t below)
{
	draw_state ^= draw_state << 13;
	draw_state ^= draw_state >> 7;
	draw_state ^= draw_state << 17;
	return (uint32_t)((draw_state >> 32) * below >> 32);
}

#endif
