/* What a hostile or careless caller does to libsyncmanager: NULL, numbers of no handle, a
 * handle closed twice, many threads, and a close while others call and wait. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "syncmanager.h"

static uint64_t handle;

static void fail(const char *what, const char *got) {
	fprintf(stderr, "%s: got %s\n", what, got == NULL ? "NULL" : got);
	exit(1);
}

/* expect checks that an answer has a text, and frees it. */
static void expect(const char *what, char *answer, const char *text) {
	if (answer == NULL || strstr(answer, text) == NULL)
		fail(what, answer);
	sm_free(answer);
}

enum { THREADS = 16, CALLS = 20 };

static void *work(void *argument) {
	char request[200];
	int thread = (int)(intptr_t)argument;
	for (int i = 0; i < CALLS; i++) {
		snprintf(request, sizeof request, "{\"title\": \"%d\", \"url\": \"https://example.com/%d/%d\"}", i, thread, i);
		expect("add", sm_call(handle, "bookmarks.add", request), "\"id\"");
		expect("list", sm_call(handle, "bookmarks.list", NULL), "\"items\"");
		expect("a wrong verb", sm_call(handle, "bookmarks.fly", "{}"), "unknown_verb");
	}
	return NULL;
}

/* wait takes events until the handle is closed, and then sees only errors. */
static void *wait_for_events(void *unused) {
	(void)unused;
	for (;;) {
		char *event = sm_next_event(handle, -1);
		if (event == NULL)
			fail("an event without a limit of time", event);
		int closed = strstr(event, "unavailable") != NULL;
		sm_free(event);
		if (closed)
			return NULL;
	}
}

/* call_until_closed calls until the handle is closed. */
static void *call_until_closed(void *unused) {
	(void)unused;
	for (;;) {
		char *answer = sm_call(handle, "status", NULL);
		int closed = strstr(answer, "\"error\"") != NULL;
		sm_free(answer);
		if (closed)
			return NULL;
	}
}

int main(int argc, char **argv) {
	if (argc != 2)
		return 2;
	sm_free(NULL);
	expect("no folder", sm_open(NULL, NULL), "name the folder");
	expect("options that are none", sm_open(argv[1], "["), "options");
	expect("options that are unknown", sm_open(argv[1], "{\"secret\": true}"), "options");
	expect("no handle", sm_call(0, NULL, NULL), "unavailable");
	expect("a handle of nobody", sm_call(UINT64_MAX, "version", "{}"), "unavailable");
	expect("an event of nobody", sm_next_event(7, 0), "unavailable");
	expect("a close of nobody", sm_close(0), "unavailable");

	char *opened = sm_open(argv[1], "{\"waitMs\": 1000}");
	if (opened == NULL || sscanf(opened, "{\"handle\":%lu}", (unsigned long *)&handle) != 1)
		fail("open", opened);
	sm_free(opened);
	expect("the same profile", sm_open(argv[1], NULL), "busy");
	expect("no verb", sm_call(handle, NULL, NULL), "unknown_verb");
	expect("no object", sm_call(handle, "bookmarks.add", "[]"), "must be an object");
	expect("a secret", sm_call(handle, "passwords.exportCSV", NULL), "forbidden");

	pthread_t threads[THREADS], waiting[2], calling;
	pthread_create(&waiting[0], NULL, wait_for_events, NULL);
	pthread_create(&waiting[1], NULL, wait_for_events, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect("sync", sm_call(handle, "sync.run", "{}"), "\"status\":\"ok\"");

	char *list = sm_call(handle, "bookmarks.list", NULL);
	int n = 0;
	for (char *p = list; (p = strstr(p, "\"kind\":\"bookmark\"")) != NULL; p++)
		n++;
	sm_free(list);
	if (n != THREADS * CALLS) {
		fprintf(stderr, "%d bookmarks are there; want %d\n", n, THREADS * CALLS);
		return 1;
	}

	pthread_create(&calling, NULL, call_until_closed, NULL);
	expect("close", sm_close(handle), "{}");
	expect("close again", sm_close(handle), "unavailable");
	pthread_join(calling, NULL);
	pthread_join(waiting[0], NULL);
	pthread_join(waiting[1], NULL);
	puts("ok");
	return 0;
}
