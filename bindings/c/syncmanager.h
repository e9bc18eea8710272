/*
 * libsyncmanager: a person's synced data, from any language.
 *
 * Texts are UTF-8 and end with a zero byte. Requests and answers are JSON; the verbs, and what
 * each takes and answers, are in api/openapi.json. An answer with a member "error" is
 *
 *     {"error": {"code": "conflict", "message": "…"}}
 *
 * All functions may be called from any number of threads at once. None keeps a pointer to an
 * argument after it returned. Each text that a function returns belongs to the caller, who
 * frees it with sm_free and with nothing else. NULL for a text is an empty text.
 *
 * The library must not be used in a process after fork() without exec().
 */
#ifndef SYNCMANAGER_H
#define SYNCMANAGER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * sm_open opens the profile in a folder, and makes it if it does not exist. One process at a
 * time can have a profile open; the error is "busy" if another one has. options is a JSON
 * object, NULL or empty:
 *
 *     {"readOnly": false, "secrets": false, "engines": ["bookmarks"], "waitMs": 0}
 *
 * The answer is {"handle": N}, where N is from 1 to 2^53, or an error.
 */
char *sm_open(const char *folder, const char *options);

/*
 * sm_call runs a verb, such as "bookmarks.add". The answer is that of the verb. That of a
 * stream is {"items": […]}, of at most 256 MiB.
 */
char *sm_call(uint64_t handle, const char *verb, const char *request);

/*
 * sm_next_event waits for the next event, at most timeout milliseconds; below zero it waits
 * until the handle is closed. It returns NULL if none came in time. If several threads wait,
 * each event goes to one of them. A reader that is more than 1,024 events behind gets the
 * event "lost".
 */
char *sm_next_event(uint64_t handle, int timeout);

/*
 * sm_close closes a handle: calls that wait end with an error, and others are waited for. The
 * answer is {} or an error. A handle that is not open, or not any more, is an error, and
 * harmless: numbers are not used again.
 */
char *sm_close(uint64_t handle);

/* sm_free frees a text that a function returned. NULL is harmless; the same text twice is not. */
void sm_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
