// Counts what a thread does past the simulation that runs on it.
#pragma once
#include <stdint.h>

typedef struct {
    /// The executor of the simulation that runs on this thread; NULL outside of runs.
    const void *_Nullable executor;
    uint64_t clock_reads;
    uint64_t random_draws;
    uint64_t thread_starts;
    uint64_t global_tasks;
} escape_sensors;

extern _Thread_local escape_sensors escape_sensors_of_thread;

static inline const void *_Nullable escape_sensors_executor(void) { return escape_sensors_of_thread.executor; }
static inline void escape_sensors_set_executor(const void *_Nullable executor) {
    escape_sensors_of_thread.executor = executor;
}
static inline escape_sensors escape_sensors_read(void) { return escape_sensors_of_thread; }
/// All counts together.
static inline uint64_t escape_sensors_sum(void) {
    return escape_sensors_of_thread.clock_reads + escape_sensors_of_thread.random_draws +
           escape_sensors_of_thread.thread_starts + escape_sensors_of_thread.global_tasks;
}

/// Puts the sensor in front of Swift's global executor; once is enough, more is harmless.
void escape_sensors_install(void);
