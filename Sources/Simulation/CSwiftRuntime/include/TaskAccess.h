// What the Swift runtime knows of a task and Swift itself does not tell.
#pragma once
#include <stdint.h>

/// The number of the task that a job belongs to, unique in this process; 0 for a job of no task, such as
/// an actor's turn.
uint64_t task_access_number_of_job(const void *_Nonnull job);

/// What the cancellation of a task calls, on whatever thread it happens.
typedef struct {
    void (*_Nonnull call)(const void *_Nonnull owner, void *_Nonnull argument);
    const void *_Nonnull owner;
    void *_Nonnull argument;
} task_access_cancellation;

/// Has the cancellation of the current task call `cancellation`, at once if it is cancelled already. As
/// withTaskCancellationHandler, without its closures and their changes of executor.
///
/// Must be taken back by the same task before it allocates and keeps anything else of its own.
const void *_Nonnull task_access_watch_cancellation(task_access_cancellation *_Nonnull cancellation);
void task_access_end_watch(const void *_Nonnull watch);
