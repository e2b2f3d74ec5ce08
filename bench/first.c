/* The first instruction of a Pod: writes the wall clock in nanoseconds to the file named by argv[1], then waits. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec now;
	char text[32];
	clock_gettime(CLOCK_REALTIME, &now);
	int length = snprintf(text, sizeof text, "%lld%09ld", (long long)now.tv_sec, now.tv_nsec);
	int fd = open(argc > 1 ? argv[1] : "/dev/stdout", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, text, length) != length)
		return 1;
	close(fd);
	pause();
	return 0;
}
