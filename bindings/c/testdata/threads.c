/* What a hostile or careless caller does to libsyncmanager: NULL, numbers of no handle, a
 * handle closed twice and used again, many threads, and closes while others call and wait.
 *
 * usage: threads threads FOLDER | threads twice FOLDER, which frees a text twice */
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

/* close_it closes the handle, and counts if it was the one that did. */
static void *close_it(void *count) {
	char *answer = sm_close(handle);
	if (strcmp(answer, "{}") == 0)
		__atomic_add_fetch((int *)count, 1, __ATOMIC_SEQ_CST);
	else if (strstr(answer, "unavailable") == NULL)
		fail("close", answer);
	sm_free(answer);
	return NULL;
}

static void open_it(const char *folder) {
	char *opened = sm_open(folder, "{\"waitMs\": 1000}");
	if (opened == NULL || sscanf(opened, "{\"handle\":%lu}", (unsigned long *)&handle) != 1)
		fail("open", opened);
	sm_free(opened);
}

/* closed checks that the handle, which was closed, does nothing. */
static void closed(void) {
	expect("close again", sm_close(handle), "unavailable");
	expect("a call after the close", sm_call(handle, "version", NULL), "unavailable");
	expect("an event after the close", sm_next_event(handle, -1), "unavailable");
}

int main(int argc, char **argv) {
	if (argc != 3)
		return 2;
	const char *folder = argv[2];
	if (strcmp(argv[1], "twice") == 0) {
		char *answer = sm_call(0, NULL, NULL);
		sm_free(answer);
		sm_free(answer);
		return 0;
	}
	sm_free(NULL);
	expect("no folder", sm_open(NULL, NULL), "name the folder");
	expect("options that are none", sm_open(folder, "["), "options");
	expect("options that are unknown", sm_open(folder, "{\"secret\": true}"), "options");
	expect("no handle", sm_call(0, NULL, NULL), "unavailable");
	expect("a handle of nobody", sm_call(UINT64_MAX, "version", "{}"), "unavailable");
	expect("an event of nobody", sm_next_event(7, 0), "unavailable");
	expect("a close of nobody", sm_close(0), "unavailable");

	open_it(folder);
	expect("the same profile", sm_open(folder, NULL), "busy");
	expect("no verb", sm_call(handle, NULL, NULL), "unknown_verb");
	expect("a verb that is not UTF-8", sm_call(handle, "\xff\xfe", NULL), "unknown_verb");
	expect("a request that is not UTF-8", sm_call(handle, "bookmarks.add", "{\"title\": \"\xff\"}"), "not UTF-8");
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
	int count = 0;
	pthread_t closing[THREADS];
	for (int i = 0; i < THREADS; i++)
		pthread_create(&closing[i], NULL, close_it, &count);
	for (int i = 0; i < THREADS; i++)
		pthread_join(closing[i], NULL);
	pthread_join(calling, NULL);
	pthread_join(waiting[0], NULL);
	pthread_join(waiting[1], NULL);
	if (count != 1) {
		fprintf(stderr, "%d threads closed the handle\n", count);
		return 1;
	}
	closed();

	uint64_t before = handle;
	open_it(folder);
	if (handle == before)
		fail("a number that is used again", NULL);
	expect("the old handle", sm_call(before, "version", NULL), "unavailable");
	expect("the new handle", sm_call(handle, "bookmarks.list", NULL), "example.com/15/19");
	expect("close", sm_close(handle), "{}");
	closed();
	puts("ok");
	return 0;
}
