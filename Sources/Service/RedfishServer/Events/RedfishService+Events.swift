import HTTPTypes

extension RedfishService {
    private static let service = "\(root)/EventService"
    private static let collection = "\(root)/EventService/Subscriptions"
    static let testEventAction = "EventService.SubmitTestEvent"

    var eventServiceDocument: ResourceDocument {
        ResourceDocument(
            Self.service, type: SchemaTypes.eventService,
            [
                "Id": "EventService", "Name": "Event Service", "ServiceEnabled": true,
                "Status": Self.enabled, "DeliveryRetryAttempts": JSON(RedfishLimits.deliveryAttempts),
                "DeliveryRetryIntervalSeconds": JSON(RedfishLimits.deliveryInterval.components.seconds),
                "EventFormatTypes": ["Event"],
                "RegistryPrefixes": .strings(Self.eventRegistries),
                "SubordinateResourcesSupported": false, "IncludeOriginOfConditionSupported": false,
                "ExcludeRegistryPrefix": true, "ExcludeMessageId": true,
                "Severities": ["OK", "Warning", "Critical"],
                "ServerSentEventUri": .string("\(Self.service)/SSE"),
                "SSEFilterPropertiesSupported": [
                    "EventFormatType": false, "MessageId": false, "MetricReportDefinition": false,
                    "OriginResource": false, "RegistryPrefix": false, "ResourceType": false,
                    "SubordinateResources": false,
                ],
                "Subscriptions": .link(Self.collection),
                "Actions": [
                    "#\(Self.testEventAction)": [
                        "target": .string("\(Self.service)/Actions/\(Self.testEventAction)")
                    ]
                ],
            ])
    }

    private static let eventRegistries = ["MediaRig", "ResourceEvent", "TaskEvent"]

    // MARK: Sending

    func tell(
        _ definition: MessageDefinition, _ arguments: String..., origin: String?,
        overriding change: (inout EventRecord) -> Void = { _ in }
    ) {
        events.send(
            MessageEntry(definition, arguments), origin: origin,
            at: platform.wallClock.secondsSince1970, overriding: change)
    }

    /// What a change of a slot means for those who listen.
    func tell(of change: MediaSlotChange) {
        guard let slot = change.new ?? change.old else { return }
        let origin = "\(systemPath)/VirtualMedia/\(slot.name)"
        guard let old = change.old, let new = change.new else {
            return tell(change.old == nil ? .resourceCreated : .resourceRemoved, origin: origin)
        }
        if !old.isActive, new.isActive { return tell(.mediaInserted, slot.name, origin: origin) }
        if old.isActive, !new.isActive { noteEjected(from: slot.name) }
        if old.isActive, !new.isActive { return tell(.mediaEjected, slot.name, origin: origin) }
        let states = (old.details?.state, new.details?.state)
        if states.0 != "Recovering", states.1 == "Recovering" {
            return tell(.sourceRecovering, slot.name, origin: origin)
        }
        if states.0 == "Recovering", states.1 == "Active" {
            return tell(.sourceRecovered, slot.name, origin: origin)
        }
        // Bytes and seconds change all the time, and are no news.
        var quiet = old
        quiet.readBytes = new.readBytes
        quiet.writtenBytes = new.writtenBytes
        quiet.remainingInactivitySeconds = new.remainingInactivitySeconds
        if quiet != new { tell(.resourceChanged, origin: origin) }
    }

    func submitTestEvent(_ context: RequestContext) throws(Refusal) -> Answer {
        var body = try RequestBody(
            context.body, contentType: context.contentType, for: .action(Self.testEventAction),
            isOptional: true)
        let messageID = body.string("MessageId")
        let text = body.string("Message")
        _ = body.strings("MessageArgs", limit: 16)
        let severity =
            body.choice("MessageSeverity", of: MessageDefinition.Severity.self)
            ?? body.choice("Severity", of: MessageDefinition.Severity.self)
        for key in ["EventId", "EventTimestamp", "EventType"] { _ = body.string(key) }
        _ = body.integer("EventGroupId", in: 0...Int64(Int32.max))
        let origin = body.string("OriginOfCondition")
        try body.finish()
        tell(.testMessage, origin: origin ?? Self.service) { record in
            if let messageID { record.messageID = messageID }
            if let text { record.text = text }
            if let severity { record.severity = severity }
        }
        return noContent
    }

    // MARK: Streams

    /// Server-sent events; after an interruption from where the client was, if that is not too long ago.
    func openStream(_ context: RequestContext) throws(Refusal) -> Answer {
        _ = try ResourceQuery(context.target?.query ?? [])
        guard context.target?.query.isEmpty == true else { throw Refusal(.queryNotSupportedOnResource) }
        var head = Self.head(200)
        head.headerFields[.contentType] = "text/event-stream; charset=utf-8"
        guard context.method == "GET" else { return Answer(head, .none) }
        guard events.streamCount < RedfishLimits.eventStreams else {
            throw Refusal(.eventSubscriptionLimitExceeded)
        }
        let login = context.knownLogin
        let since = context.header(Self.lastEventID).flatMap { Int($0) }
        let listener = events.add(
            { EventHub.Listener(id: $0, userName: login.userName, sessionID: login.sessionID) }, since: since)
        let id = listener.id
        let spawner = platform.spawner
        return Answer(
            head,
            .events(
                EventStream(
                    pull: { [self] in await nextPiece(of: id) },
                    close: { [self] in
                        spawner.spawn("close event stream", .shared) { [self] in await closeStream(id) }
                    })))
    }

    private static let lastEventID = HTTPField.Name("Last-Event-ID")!

    private func closeStream(_ id: String) { events.remove(id) }

    /// Waits for the next events; a comment now and then shows both sides that the other is there.
    private func nextPiece(of id: String) async -> [UInt8]? {
        while true {
            guard let taken = events.take(id) else { return nil }
            if !taken.records.isEmpty { return text(taken.records, hasLost: taken.hasLost) }
            let next = events.nextEvent(id)
            let deadline = platform.clock.now + RedfishLimits.streamHeartbeat
            if await next.value(until: deadline, platform.clock, platform.spawner) == nil {
                return Array(": \n\n".utf8)
            }
        }
    }

    private func text(_ records: [EventRecord], hasLost: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        if hasLost, let first = records.first {
            var lost = first
            lost.messageID = MessageDefinition.eventBufferExceeded.id
            lost.text = MessageDefinition.eventBufferExceeded.text
            lost.severity = .warning
            bytes += Array("data: ".utf8) + JSON.object(lost.json(context: nil)).text + [0x0A, 0x0A]
        }
        for record in records {
            bytes += Array("id: \(record.number)\ndata: ".utf8)
            bytes += JSON.object(record.json(context: nil)).text + [0x0A, 0x0A]
        }
        return bytes
    }

    /// Streams end with the login that opened them; and media, where the slot is told so.
    func end(whatIsBoundTo change: LoginChange) {
        if case .sessionEnded(let id) = change { ejectMedia(ofSession: id) }
        for listener in events.all where listener.destination == nil {
            switch change {
            case .sessionEnded(let id): if listener.sessionID == id { events.remove(listener.id) }
            case .accountChanged(let userName):
                if listener.userName == userName { events.remove(listener.id) }
            }
        }
    }

    // MARK: Subscriptions

    var subscriptionsDocument: ResourceDocument {
        ResourceDocument(
            collection: Self.collection, of: "EventDestination", name: "Event Subscriptions",
            members: events.all.map { "\(Self.collection)/\($0.id)" })
    }

    func subscriptionDocument(_ id: String) throws(Refusal) -> ResourceDocument {
        guard let listener = events[id] else { throw Refusal(.resourceNotFound, "EventDestination", id) }
        var object: JSONObject = [
            "Id": .string(id), "Name": .string("Event Subscription \(id)"),
            "Destination": JSON(listener.destination), "Protocol": "Redfish",
            "SubscriptionType": .string(listener.destination == nil ? "SSE" : "RedfishEvent"),
            "EventFormatType": "Event", "Context": JSON(listener.context), "Status": Self.enabled,
            "RegistryPrefixes": .strings(listener.filter.registryPrefixes),
            "ExcludeRegistryPrefixes": .strings(listener.filter.excludedRegistryPrefixes),
            "MessageIds": .strings(listener.filter.messageIDs),
            "ExcludeMessageIds": .strings(listener.filter.excludedMessageIDs),
            "Severities": .strings(listener.filter.severities),
        ]
        if listener.destination != nil {
            object["DeliveryRetryPolicy"] = .string(listener.retryPolicy.rawValue)
            object["VerifyCertificate"] = JSON(listener.verifiesCertificate)
            // What stands in headers is often a token.
            object["HttpHeaders"] = []
        }
        return ResourceDocument("\(Self.collection)/\(id)", type: SchemaTypes.eventDestination, object)
    }

    private enum DestinationProtocol: String { case redfish = "Redfish" }
    private enum SubscriptionType: String { case redfishEvent = "RedfishEvent" }
    private enum FormatType: String { case event = "Event" }

    func createSubscription(_ context: RequestContext) async throws(Refusal) -> Answer {
        guard let delivery = platform.delivery else { throw Refusal(.operationNotAllowed) }
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        let destination = body.string("Destination")
        let isRedfish = body.choice("Protocol", of: DestinationProtocol.self) != nil
        _ = body.choice("SubscriptionType", of: SubscriptionType.self)
        _ = body.choice("EventFormatType", of: FormatType.self)
        let text = body.string("Context", isNullable: true)
        let policy = body.choice("DeliveryRetryPolicy", of: EventHub.RetryPolicy.self)
        let verifies = body.boolean("VerifyCertificate")
        let filter = Self.filter(&body)
        let headers = Self.headers(&body)
        // Deprecated, and answered with all types.
        _ = body.strings("EventTypes", limit: 16)
        if destination == nil { body.addMissing("Destination") }
        if !isRedfish { body.addMissing("Protocol") }
        let host = destination.flatMap { Self.destinationHost($0) }
        if let destination, host == nil { body.addFormatProblem("Destination", destination) }
        try body.finish()
        guard let destination, let host else { throw Refusal(.internalError) }
        guard configuration.imageSources.allows(host: host, for: context.knownLogin.role) else {
            throw Refusal(.sourceNotAllowed, host)
        }
        guard events.subscriptionCount < RedfishLimits.subscriptions else {
            throw Refusal(.eventSubscriptionLimitExceeded)
        }
        let userName = context.knownLogin.userName
        let listener = events.add { id in
            var listener = EventHub.Listener(id: id, userName: userName, sessionID: nil)
            listener.destination = destination
            listener.context = text
            listener.filter = filter
            listener.headers = headers
            listener.verifiesCertificate = verifies ?? true
            listener.retryPolicy = policy ?? .terminateAfterRetries
            return listener
        }
        let id = listener.id
        platform.spawner.spawn("subscription \(id)", .shared) { [self] in await deliver(to: id, delivery) }
        let document = try subscriptionDocument(id)
        var answer = answer(document, status: 201, to: context)
        answer.head.headerFields[.location] = document.path
        return answer
    }

    private static func filter(_ body: inout RequestBody) -> EventFilter {
        var filter = EventFilter()
        filter.registryPrefixes = body.strings("RegistryPrefixes", limit: 16) ?? []
        filter.excludedRegistryPrefixes = body.strings("ExcludeRegistryPrefixes", limit: 16) ?? []
        filter.messageIDs = body.strings("MessageIds", limit: 64) ?? []
        filter.excludedMessageIDs = body.strings("ExcludeMessageIds", limit: 64) ?? []
        filter.severities = body.strings("Severities", limit: 3) ?? []
        for severity in filter.severities where MessageDefinition.Severity(rawValue: severity) == nil {
            body.add(body.notInList("Severities", severity))
        }
        for prefix in filter.registryPrefixes where !eventRegistries.contains(prefix) {
            body.add(body.notInList("RegistryPrefixes", prefix))
        }
        return filter
    }

    /// Header fields that go with each delivery; those that frame a message are not the client's to set.
    private static func headers(_ body: inout RequestBody) -> [(name: String, value: String)] {
        var headers: [(String, String)] = []
        for element in body.objects("HttpHeaders", limit: 16) ?? [] {
            for (name, value) in element {
                let isFraming = ["host", "content-length", "transfer-encoding", "connection", "content-type"]
                    .contains(name.lowercased())
                guard HTTPField.Name(name) != nil, !isFraming, HTTPField.isValidValue(value) else {
                    body.addValueProblem("HttpHeaders")
                    return []
                }
                headers.append((name, value))
            }
        }
        return headers
    }

    /// The host of an http:// or https:// URL without a user name.
    private static func destinationHost(_ url: String) -> String? {
        for scheme in ["https://", "http://"] where url.lowercased().hasPrefix(scheme) {
            guard !url.utf8.contains(where: { $0 < 0x21 || $0 == 0x7F }),
                url.utf8.count <= RedfishLimits.imageBytes
            else { return nil }
            let authority = url.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            return URLAuthority(authority)?.host
        }
        return nil
    }

    func changeSubscription(_ context: RequestContext) async throws(Refusal) -> Answer {
        let id = context.parameters["subscription"]
        try checkIfMatch(context, try subscriptionDocument(id))
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        let text = body.string("Context", isNullable: true)
        let policy = body.choice("DeliveryRetryPolicy", of: EventHub.RetryPolicy.self)
        let verifies = body.boolean("VerifyCertificate")
        body.refuse(readOnly: [
            "Id", "Name", "Destination", "Protocol", "SubscriptionType", "EventFormatType", "Status",
            "RegistryPrefixes", "ExcludeRegistryPrefixes", "MessageIds", "ExcludeMessageIds", "Severities",
        ])
        try body.finish()
        guard !body.isEmpty else { throw Refusal(.noOperation) }
        events.change(id) { listener in
            if let text { listener.context = text }
            if let policy { listener.retryPolicy = policy }
            if let verifies { listener.verifiesCertificate = verifies }
        }
        return answer(try subscriptionDocument(id), to: context)
    }

    func deleteSubscription(_ context: RequestContext) throws(Refusal) -> Answer {
        let id = context.parameters["subscription"]
        try checkIfMatch(context, try subscriptionDocument(id))
        events.remove(id)
        return noContent
    }

    /// Sends what one subscriber wants, in order, until it is removed or has failed too often.
    private func deliver(to id: String, _ delivery: any EventDelivery) async {
        while let taken = events.take(id) {
            for record in taken.records {
                guard await deliver(record, to: id, delivery) else { return events.remove(id) }
            }
            guard taken.records.isEmpty else { continue }
            _ = await events.nextEvent(id).value()
        }
    }

    /// - Returns: `false` when the subscription is to end.
    private func deliver(_ record: EventRecord, to id: String, _ delivery: any EventDelivery) async -> Bool {
        var attempt = 1
        while let listener = events[id], let destination = listener.destination {
            let push = EventPush(
                destination: destination, headers: listener.headers,
                body: JSON.object(record.json(context: listener.context)).text,
                verifiesCertificate: listener.verifiesCertificate)
            if await delivery.post(push) { return true }
            if attempt >= RedfishLimits.deliveryAttempts {
                switch listener.retryPolicy {
                case .terminateAfterRetries: return false
                case .suspendRetries: return true
                case .retryForever: break
                }
            }
            attempt += 1
            let next = platform.clock.now + configuration.eventRetryInterval
            do throws(CancellationError) { try await platform.clock.sleep(until: next) } catch {
                return false
            }
        }
        return false
    }
}
