/// Messages of DMTF's event registries that are sent to listeners.
extension MessageDefinition {
    package static let resourceEventVersion = "1.4.3"
    package static let taskEventVersion = "1.0.5"

    private static func event(
        _ registry: String, _ key: String, _ argumentCount: Int, _ severity: Severity, _ text: String
    ) -> MessageDefinition {
        MessageDefinition(
            registry: registry, key: key, text: text, argumentCount: argumentCount, severity: severity,
            status: 200, resolution: "None.")
    }

    static let resourceCreated = event(
        "ResourceEvent.1.4", "ResourceCreated", 0, .ok, "The resource was created successfully.")
    static let resourceRemoved = event(
        "ResourceEvent.1.4", "ResourceRemoved", 0, .ok, "The resource was removed successfully.")
    static let resourceChanged = event(
        "ResourceEvent.1.4", "ResourceChanged", 0, .ok, "One or more resource properties have changed.")
    static let testMessage = event("ResourceEvent.1.4", "TestMessage", 0, .ok, "Test message.")
    static let taskStarted = event(
        "TaskEvent.1.0", "TaskStarted", 1, .ok, "The task with Id '%1' has started.")
    static let taskCompleted = event(
        "TaskEvent.1.0", "TaskCompletedOK", 1, .ok, "The task with Id '%1' has completed.")
    static let taskAborted = event(
        "TaskEvent.1.0", "TaskAborted", 1, .critical, "The task with Id '%1' has completed with errors.")
    static let taskCancelled = event(
        "TaskEvent.1.0", "TaskCancelled", 1, .warning,
        "Work on the task with Id '%1' was halted prior to completion due to an explicit request.")

    package static let allEvents: [MessageDefinition] = [
        resourceCreated, resourceRemoved, resourceChanged, testMessage, taskStarted, taskCompleted,
        taskAborted, taskCancelled,
    ]
}
