import HTTPTypes

extension RedfishService {
    private static let service = "\(root)/TaskService"
    private static let collection = "\(root)/TaskService/Tasks"
    private static let monitors = "\(root)/TaskService/TaskMonitors"

    var taskServiceDocument: ResourceDocument {
        ResourceDocument(
            Self.service, type: SchemaTypes.taskService,
            [
                "Id": "TaskService", "Name": "Task Service", "ServiceEnabled": true, "Status": Self.enabled,
                "DateTime": .string(timeStamp(platform.wallClock.secondsSince1970)),
                "CompletedTaskOverWritePolicy": "Oldest", "LifeCycleEventOnTaskStateChange": true,
                "Tasks": .link(Self.collection),
            ])
    }

    var tasksDocument: ResourceDocument {
        ResourceDocument(
            collection: Self.collection, of: "Task", name: "Task Collection",
            members: jobs.shown.map { "\(Self.collection)/\($0.id)" })
    }

    private func job(_ id: String) throws(Refusal) -> Job {
        guard let job = jobs[id], job.isShown else { throw Refusal(.resourceNotFound, "Task", id) }
        return job
    }

    func taskDocument(_ id: String) async throws(Refusal) -> ResourceDocument {
        let job = try job(id)
        let slot = await media.current()?.first { $0.path == job.slotPath }
        var object: JSONObject = [
            "Id": .string(job.id), "Name": .string(job.name), "TaskState": .string(job.state.rawValue),
            "TaskStatus": .string(Self.health(of: job)), "StartTime": .string(timeStamp(job.startedAt)),
            // The target shows which request it was; its body may hold a password.
            "HidePayload": true, "TaskMonitor": .string("\(Self.monitors)/\(job.id)"),
            "PercentComplete": JSON(job.state.hasEnded ? 100 : 0),
        ]
        if let endedAt = job.endedAt { object["EndTime"] = .string(timeStamp(endedAt)) }
        object["Messages"] = .array(Self.messages(of: job).map { .object($0.json) })
        if !job.state.hasEnded, let status = slot?.details?.status, !status.isEmpty {
            object["Description"] = .string("\(job.slotName): \(status)")
        }
        return ResourceDocument("\(Self.collection)/\(job.id)", type: SchemaTypes.task, object)
    }

    private static func health(of job: Job) -> String {
        switch job.state {
        case .exception: "Critical"
        case .cancelled, .cancelling: "Warning"
        case .running, .completed: "OK"
        }
    }

    private static func messages(of job: Job) -> [MessageEntry] {
        switch job.outcome {
        case .done?: [MessageEntry(.success)]
        case .failed(let message, _)?: [message]
        case nil: []
        }
    }

    /// 202 with the task while it goes on, then what the request would have been answered with.
    func monitorAnswer(_ context: RequestContext) async throws(Refusal) -> Answer {
        let job = try job(context.parameters["task"])
        if let outcome = job.outcome { return try answer(outcome) }
        return try await accepted(job.id, context)
    }

    /// 202: the task is under way.
    private func accepted(_ id: String, _ context: RequestContext) async throws(Refusal) -> Answer {
        var answer = answer(try await taskDocument(id), status: 202, to: context)
        answer.head.headerFields[.location] = "\(Self.monitors)/\(id)"
        answer.head.headerFields[.retryAfter] = "2"
        return answer
    }

    /// What the end of a request is answered with.
    private func answer(_ outcome: MediaOutcome) throws(Refusal) -> Answer {
        switch outcome {
        case .done: return noContent
        case .failed(let message, let detail):
            var refusal = Refusal([message])
            refusal.detail = detail
            throw refusal
        }
    }

    /// Ends a task that goes on; forgets one that has ended.
    func deleteTask(_ context: RequestContext) async throws(Refusal) -> Answer {
        let job = try job(context.parameters["task"])
        guard !job.state.hasEnded else {
            jobs.remove(job.id)
            return noContent
        }
        guard job.isCancellable else { throw Refusal(.resourceInUse) }
        guard let slot = await media.current()?.first(where: { $0.path == job.slotPath }) else {
            throw Refusal(.serviceAbsent)
        }
        jobs[job.id]?.state = .cancelling
        let media = self.media
        platform.spawner.spawn("cancel \(job.name)", .shared) { _ = await media.eject(slot) }
        let deadline = platform.clock.now + configuration.shortWait
        if await job.ended.value(until: deadline, platform.clock, platform.spawner) != nil {
            return noContent
        }
        return try await accepted(job.id, context)
    }

    /// Starts what may take long, waits for a short while, and answers with the truth or with a task.
    func perform(
        _ name: String, on slot: MediaSlot, isCancellable: Bool, for context: RequestContext,
        _ request: @escaping @Sendable (MediaClient) async -> MediaOutcome
    ) async throws(Refusal) -> Answer {
        guard
            let job = jobs.add(
                "\(name) \(slot.name)", slot: slot, isCancellable: isCancellable,
                target: context.target?.path ?? "",
                userName: context.knownLogin.userName, startedAt: platform.wallClock.secondsSince1970)
        else {
            var refusal = Refusal(.serviceTemporarilyUnavailable, "10")
            refusal.retryAfterSeconds = 10
            throw refusal
        }
        let media = self.media
        platform.spawner.spawn(job.name, .shared) { [self] in
            let outcome = await request(media)
            await end(job, outcome)
        }
        let deadline = platform.clock.now + configuration.shortWait
        if let outcome = await job.ended.value(until: deadline, platform.clock, platform.spawner) {
            return try answer(outcome)
        }
        jobs[job.id]?.isShown = true
        tell(.taskStarted, job.id, origin: "\(Self.collection)/\(job.id)")
        return try await accepted(job.id, context)
    }

    private func end(_ job: Job, _ outcome: MediaOutcome) {
        jobs.end(job.id, outcome, at: platform.wallClock.secondsSince1970)
        job.ended.settle(outcome)
        guard let shown = jobs[job.id] else { return }
        let message: MessageDefinition =
            switch shown.state {
            case .completed: .taskCompleted
            case .cancelled: .taskCancelled
            default: .taskAborted
            }
        tell(message, job.id, origin: "\(Self.collection)/\(job.id)")
    }
}
