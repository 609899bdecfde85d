#include "TaskAccess.h"

// Entry points of libswift_Concurrency that compiled Swift code calls, in Swift's calling convention.

__attribute__((swiftcall)) uint64_t swift_task_getJobTaskId(const void *job);

typedef __attribute__((swiftcall)) void (*cancellation_handler)(__attribute__((swift_context)) void *context);
__attribute__((swiftcall)) const void *swift_task_addCancellationHandler(
    cancellation_handler handler, void *context);
__attribute__((swiftcall)) void swift_task_removeCancellationHandler(const void *record);

uint64_t task_access_number_of_job(const void *job) { return swift_task_getJobTaskId(job); }

__attribute__((swiftcall)) static void cancelled(__attribute__((swift_context)) void *context) {
    task_access_cancellation *cancellation = context;
    cancellation->call(cancellation->owner, cancellation->argument);
}

const void *task_access_watch_cancellation(task_access_cancellation *cancellation) {
    return swift_task_addCancellationHandler(cancelled, cancellation);
}

void task_access_end_watch(const void *watch) { swift_task_removeCancellationHandler(watch); }
