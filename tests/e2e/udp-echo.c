/* udp-echo: sends every datagram back to whom it is from. A static program: it runs in any root file system.
 *
 * usage: udp-echo PORT */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET }, from;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	static char bytes[65536];

	any.sin_port = htons((unsigned short)(argc == 2 ? strtoul(argv[1], NULL, 10) : 0));
	if (argc != 2 || fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0) {
		perror("udp-echo");
		return 1;
	}
	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);

		if (n >= 0)
			(void)sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, size);
	}
}
