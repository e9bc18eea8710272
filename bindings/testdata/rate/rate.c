/* Calls a verb many times, and prints how many nanoseconds that took: rate library FOLDER N. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "syncmanager.h"

int main(int argc, char **argv) {
	struct timespec begun, ended;
	unsigned long handle = 0;
	if (argc != 4)
		return 2;
	char *opened = sm_open(argv[2], NULL);
	if (sscanf(opened, "{\"handle\":%lu}", &handle) != 1) {
		fputs(opened, stderr);
		return 1;
	}
	sm_free(opened);
	sm_free(sm_call(handle, "version", NULL));
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (int i = 0; i < atoi(argv[3]); i++)
		sm_free(sm_call(handle, "version", NULL));
	clock_gettime(CLOCK_MONOTONIC, &ended);
	printf("%lld\n", (ended.tv_sec - begun.tv_sec) * 1000000000LL + ended.tv_nsec - begun.tv_nsec);
	sm_free(sm_close(handle));
	return 0;
}
