/* Between a node and its C library: what EIDER_SHIM's file says becomes of its wall clock, its syncs and its threads.
 * The file holds 64-bit numbers (shim.rs); the test writes all but the last one at any time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct control {
    volatile int64_t clock_seconds; /* how far the wall clock is wrong */
    volatile int64_t sync_ms;       /* how much longer a sync takes */
    volatile int64_t sync_fails;    /* whether syncs fail, with EIO */
    volatile int64_t sync_hangs;    /* whether a sync waits until this is 0 again */
    volatile int64_t no_threads;    /* whether no thread can be made */
    volatile int64_t failures;      /* calls that were made to fail */
};
static struct control *control;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("EIDER_SHIM");
    int file = path ? open(path, O_RDWR) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) control = mapped;
}

static int sync_with(const char *name, int file) {
    if (control && control->sync_ms > 0) usleep((useconds_t)control->sync_ms * 1000);
    while (control && control->sync_hangs) usleep(10000);
    if (control && control->sync_fails) {
        __sync_fetch_and_add(&control->failures, 1);
        errno = EIO;
        return -1;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return real(file);
}

int fsync(int file) { return sync_with("fsync", file); }
int fdatasync(int file) { return sync_with("fdatasync", file); }

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*begin)(void *), void *argument) {
    if (control && control->no_threads) {
        __sync_fetch_and_add(&control->failures, 1);
        return EAGAIN;
    }
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, begin, argument);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (result == 0 && control && clock == CLOCK_REALTIME) time->tv_sec += control->clock_seconds;
    return result;
}
