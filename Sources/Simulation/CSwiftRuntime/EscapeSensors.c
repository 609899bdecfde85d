// Sensors in front of what a simulated run must not use. Each passes its call on and, while a simulation
// runs on the calling thread, counts it. The linker finds these symbols in the program before those of the
// shared libraries, so nothing needs to be set up, and code outside of a simulation pays one test.
#define _GNU_SOURCE
#include "EscapeSensors.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NEAREST_CALLERS = 8 };

_Thread_local escape_sensors escape_sensors_of_thread;

static void *next_symbol(_Atomic(void *) *cache, const char *name) {
    void *symbol = atomic_load_explicit(cache, memory_order_relaxed);
    if (!symbol) {
        symbol = dlsym(RTLD_NEXT, name);
        atomic_store_explicit(cache, symbol, memory_order_relaxed);
    }
    return symbol;
}

/// The test library reads the clock when it notes an issue, which is no doing of the code under test: it is
/// among the nearest callers then, behind Swift's clock.
static bool is_test_library_near(void) {
    void *callers[NEAREST_CALLERS];
    int count = backtrace(callers, NEAREST_CALLERS);
    for (int index = 0; index < count; index++) {
        Dl_info info;
        if (dladdr(callers[index], &info) && info.dli_fname && strstr(info.dli_fname, "libTesting")) return true;
    }
    return false;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static _Atomic(void *) next;
    if (escape_sensors_of_thread.executor && !is_test_library_near()) {
        escape_sensors_of_thread.clock_reads++;
    }
    return ((int (*)(clockid_t, struct timespec *))next_symbol(&next, "clock_gettime"))(clock, time);
}

static void count_random_draw(void) {
    if (escape_sensors_of_thread.executor) escape_sensors_of_thread.random_draws++;
}

/// Swift's library draws through this one, not through getrandom.
long syscall(long number, ...) {
    static _Atomic(void *) next;
    if (number == SYS_getrandom) count_random_draw();
    va_list list;
    va_start(list, number);
    long arguments[6];
    // Whatever the call takes: no system call has more, and the surplus is not looked at.
    for (int index = 0; index < 6; index++) arguments[index] = va_arg(list, long);
    va_end(list);
    return ((long (*)(long, ...))next_symbol(&next, "syscall"))(
        number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

ssize_t getrandom(void *buffer, size_t count, unsigned flags) {
    static _Atomic(void *) next;
    count_random_draw();
    return ((ssize_t (*)(void *, size_t, unsigned))next_symbol(&next, "getrandom"))(buffer, count, flags);
}

int getentropy(void *buffer, size_t count) {
    static _Atomic(void *) next;
    count_random_draw();
    return ((int (*)(void *, size_t))next_symbol(&next, "getentropy"))(buffer, count);
}

int pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    static _Atomic(void *) next;
    if (escape_sensors_of_thread.executor) escape_sensors_of_thread.thread_starts++;
    return ((int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))next_symbol(
        &next, "pthread_create"))(thread, attributes, body, argument);
}

// Swift's global executor has a hook of its own.

typedef __attribute__((swiftcall)) void (*enqueue_global)(void *job);
typedef __attribute__((swiftcall)) void (*enqueue_global_hook)(void *job, enqueue_global original);
extern _Atomic(enqueue_global_hook) swift_task_enqueueGlobal_hook;

static enqueue_global_hook former_hook;

__attribute__((swiftcall)) static void count_global_task(void *job, enqueue_global original) {
    const void *executor = escape_sensors_of_thread.executor;
    if (executor) escape_sensors_of_thread.global_tasks++;
    // Starting a thread for the job is part of this escape, not another one.
    escape_sensors_of_thread.executor = NULL;
    if (former_hook) {
        former_hook(job, original);
    } else {
        original(job);
    }
    escape_sensors_of_thread.executor = executor;
}

static void install(void) {
    former_hook = atomic_load(&swift_task_enqueueGlobal_hook);
    atomic_store(&swift_task_enqueueGlobal_hook, count_global_task);
}

void escape_sensors_install(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
}
