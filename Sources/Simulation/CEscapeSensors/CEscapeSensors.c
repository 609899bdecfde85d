// Sensors in front of what a simulated run must not use. Each passes its call on and, while a simulation
// runs on the calling thread, counts it. The linker finds these symbols in the program before those of the
// shared libraries, so nothing needs to be set up, and code outside of a simulation pays one test.
#define _GNU_SOURCE
#include "CEscapeSensors.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

_Thread_local escape_sensors escape_sensors_of_thread;

static void *next_symbol(_Atomic(void *) *cache, const char *name) {
    void *symbol = atomic_load_explicit(cache, memory_order_relaxed);
    if (!symbol) {
        symbol = dlsym(RTLD_NEXT, name);
        atomic_store_explicit(cache, symbol, memory_order_relaxed);
    }
    return symbol;
}

/// The test library reads the clock when it notes an issue, which is no doing of the code under test.
static bool is_test_library(const void *caller) {
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libTesting");
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static _Atomic(void *) next;
    if (escape_sensors_of_thread.executor && !is_test_library(__builtin_return_address(0))) {
        escape_sensors_of_thread.clock_reads++;
    }
    return ((int (*)(clockid_t, struct timespec *))next_symbol(&next, "clock_gettime"))(clock, time);
}

void swift_stdlib_random(void *buffer, size_t count) {
    static _Atomic(void *) next;
    if (escape_sensors_of_thread.executor) escape_sensors_of_thread.random_draws++;
    ((void (*)(void *, size_t))next_symbol(&next, "swift_stdlib_random"))(buffer, count);
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

__attribute__((swiftcall)) uint64_t swift_task_getJobTaskId(const void *job);

uint64_t escape_sensors_task_of_job(const void *job) { return swift_task_getJobTaskId(job); }
