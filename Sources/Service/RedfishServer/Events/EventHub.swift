/// Something that happened, as listeners are told.
struct EventRecord: Equatable, Sendable {
    let number: Int
    let message: MessageEntry
    /// The resource that it happened to.
    let origin: String?
    /// On the wall clock.
    let at: Int64
    var severity: MessageDefinition.Severity
    /// In place of the message's own id, for a test event.
    var messageID: String
    var text: String

    /// "MediaRig" of "MediaRig.1.0.MediaInserted".
    var registryPrefix: String { messageID.split(separator: ".").first.map(String.init) ?? "" }

    /// The Event resource with this one record.
    func json(context: String?) -> JSONObject {
        var record: JSONObject = [
            "EventId": .string("\(number)"), "EventGroupId": JSON(number), "MemberId": "0",
            "EventType": "Other", "EventTimestamp": .string(CalendarTime.text(at)),
            "MessageId": .string(messageID), "Message": .string(text),
            "MessageArgs": .strings(message.arguments), "MessageSeverity": .string(severity.rawValue),
            "Severity": .string(severity.rawValue),
        ]
        if let origin { record["OriginOfCondition"] = .link(origin) }
        var event: JSONObject = [
            "@odata.type": "#Event.v1_13_0.Event", "Id": .string("\(number)"), "Name": "Event",
            "Events": .array([.object(record)]),
        ]
        if let context { event["Context"] = .string(context) }
        return event
    }
}

/// Which events somebody wants; empty lists want all.
struct EventFilter: Equatable, Sendable {
    var registryPrefixes: [String] = []
    var excludedRegistryPrefixes: [String] = []
    var messageIDs: [String] = []
    var excludedMessageIDs: [String] = []
    var severities: [String] = []

    func wants(_ record: EventRecord) -> Bool {
        let id = record.messageID
        return (registryPrefixes.isEmpty || registryPrefixes.contains(record.registryPrefix))
            && !excludedRegistryPrefixes.contains(record.registryPrefix)
            && (messageIDs.isEmpty || messageIDs.contains { Self.names($0, id) })
            && !excludedMessageIDs.contains { Self.names($0, id) }
            && (severities.isEmpty || severities.contains(record.severity.rawValue))
    }

    /// Clients name a message with its version or without: "MediaRig.1.0.MediaInserted", "MediaRig.MediaInserted".
    private static func names(_ wanted: String, _ id: String) -> Bool {
        if wanted == id { return true }
        let parts = id.split(separator: ".")
        return parts.count > 2 && wanted == "\(parts[0]).\(parts[parts.count - 1])"
    }
}

/// Who is told of events: streams that clients hold open, and places to which events are sent.
struct EventHub {
    /// A listener with what has not reached it yet. A client that does not read loses the oldest events, and is
    /// told so.
    struct Listener: Sendable {
        let id: String
        let userName: String
        /// The stream ends with it.
        let sessionID: String?
        /// `nil` for a stream.
        var destination: String?
        var context: String?
        var filter = EventFilter()
        var headers: [(name: String, value: String)] = []
        var verifiesCertificate = true
        var retryPolicy = RetryPolicy.terminateAfterRetries
        fileprivate(set) var queue: [EventRecord] = []
        fileprivate(set) var hasLost = false
        fileprivate var waiter: Promise<Bool>?

        init(id: String, userName: String, sessionID: String?) {
            self.id = id
            self.userName = userName
            self.sessionID = sessionID
        }
    }

    enum RetryPolicy: String, Sendable {
        case terminateAfterRetries = "TerminateAfterRetries"
        case suspendRetries = "SuspendRetries"
        case retryForever = "RetryForever"
    }

    private var listeners: [String: Listener] = [:]
    private var order: [String] = []
    private var nextListener = 1
    private var nextRecord = 1
    /// The newest events, for streams that were interrupted.
    private var history: [EventRecord] = []

    var all: [Listener] { order.compactMap { listeners[$0] } }
    var streamCount: Int { listeners.values.count { $0.destination == nil } }
    var subscriptionCount: Int { listeners.values.count { $0.destination != nil } }
    subscript(id: String) -> Listener? { listeners[id] }

    mutating func change(_ id: String, _ change: (inout Listener) -> Void) {
        if var listener = listeners[id] {
            change(&listener)
            listeners[id] = listener
        }
    }

    /// - Parameter since: The number of the last event that the listener has had.
    mutating func add(_ make: (_ id: String) -> Listener, since: Int? = nil) -> Listener {
        var listener = make("\(nextListener)")
        nextListener += 1
        if let since { listener.queue = history.filter { $0.number > since } }
        listeners[listener.id] = listener
        order.append(listener.id)
        return listener
    }

    mutating func remove(_ id: String) {
        guard let listener = listeners.removeValue(forKey: id) else { return }
        order.removeAll { $0 == id }
        listener.waiter?.settle(false)
    }

    /// Tells everybody who wants to know.
    mutating func send(
        _ message: MessageEntry, origin: String?, at now: Int64,
        overriding change: (inout EventRecord) -> Void
    ) {
        var record = EventRecord(
            number: nextRecord, message: message, origin: origin, at: now,
            severity: message.definition.severity, messageID: message.definition.id, text: message.text)
        change(&record)
        nextRecord += 1
        history.append(record)
        if history.count > RedfishLimits.queuedEvents { history.removeFirst() }
        for id in order {
            guard var listener = listeners[id], listener.filter.wants(record) else { continue }
            listener.queue.append(record)
            if listener.queue.count > RedfishLimits.queuedEvents {
                listener.queue.removeFirst()
                listener.hasLost = true
            }
            let waiter = listener.waiter
            listener.waiter = nil
            listeners[id] = listener
            waiter?.settle(true)
        }
    }

    /// - Returns: What has come since the last time, and whether something was lost; `nil` when the listener
    ///   is gone.
    mutating func take(_ id: String) -> (records: [EventRecord], hasLost: Bool)? {
        guard var listener = listeners[id] else { return nil }
        defer { listeners[id] = listener }
        let taken = (listener.queue, listener.hasLost)
        (listener.queue, listener.hasLost) = ([], false)
        return taken
    }

    /// Settled with the next event, or with the end of the listener.
    mutating func nextEvent(_ id: String) -> Promise<Bool> {
        let promise = Promise<Bool>()
        if listeners[id] == nil { promise.settle(false) }
        listeners[id]?.waiter = promise
        return promise
    }
}
