/* nop: what runs in a container when the container is what is measured; with an argument it stays until it is killed.
 */
#include <unistd.h>

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		pause();
	return 0;
}
