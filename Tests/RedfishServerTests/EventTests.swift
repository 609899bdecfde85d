import HTTPTypes
import Scenarios
import Synchronization
import Testing
import VirtualMedia

@testable import RedfishServer

struct EventTests {
    static let service = "/redfish/v1/EventService"
    static let subscriptions = service + "/Subscriptions"

    /// Opens a stream; what it says is read by ``next(_:)``.
    static func stream(
        _ front: Front, as authorization: String? = Front.basic, _ headers: [String: String] = [:]
    )
        async throws -> EventStream
    {
        let answer = await front.send("GET", service + "/SSE", as: authorization, headers)
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type")?.hasPrefix("text/event-stream") == true)
        guard case .events(let stream) = answer.body else { throw Missing() }
        return stream
    }

    struct Missing: Error {}

    /// Ids, and message ids without their registry, of the next events.
    static func next(_ stream: EventStream) async throws -> [(id: Int?, message: String)] {
        guard let piece = await stream.next() else { return [] }
        var found: [(Int?, String)] = []
        for event in String(decoding: piece, as: UTF8.self).components("\n\n") where event.contains("data: ")
        {
            let id = event.components("\n").first { $0.hasPrefix("id: ") }.flatMap { Int($0.dropFirst(4)) }
            let data = event.components("\n").first { $0.hasPrefix("data: ") }?.dropFirst(6) ?? ""
            let record = try JSONReader.read(Array(data.utf8))["Events"]?.elements.first
            found.append((id, record?["MessageId"]?.text?.split(separator: ".").last.map(String.init) ?? ""))
        }
        return found
    }

    @Test func `whoever listens hears of media that come and go, and of tasks`() throws {
        var topology = Front.topology
        topology.store.roundTrip = .seconds(3)
        try Front.run(topology, configure: { $0.shortWait = .seconds(1) }) { front in
            let stream = try await Self.stream(front)
            let url = try await front.url()
            #expect(await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#).status == 202)
            var messages: [String] = []
            try await front.until {
                messages += try await Self.next(stream).map(\.message)
                return messages.contains("TaskCompletedOK")
            }
            #expect(messages.contains("TaskStarted"))
            #expect(messages.contains("MediaInserted"))
            #expect(await front.send("POST", Front.eject()).status < 300)
            try await front.until {
                messages += try await Self.next(stream).map(\.message)
                return messages.contains("MediaEjected")
            }
            stream.cancel()
            #expect(await stream.next() == nil)
        }
    }

    @Test func `HEAD of the stream opens none`() throws {
        try Front.run { front in
            let answer = await front.send("HEAD", Self.service + "/SSE")
            #expect(answer.status == 200)
            guard case .none = answer.body else { throw Missing() }
            #expect(await front.get(Self.subscriptions).json?.members == [])
        }
    }

    @Test func `a stream that nothing happens on shows that it is alive`() throws {
        try Front.run { front in
            let stream = try await Self.stream(front)
            let start = front.simulation.clock.now
            #expect(await stream.next() == Array(": \n\n".utf8))
            #expect(front.simulation.clock.now - start == RedfishLimits.streamHeartbeat)
        }
    }

    @Test func `a client that does not read loses the oldest events and is told so`() throws {
        try Front.run { front in
            let stream = try await Self.stream(front)
            for _ in 0..<(RedfishLimits.queuedEvents + 10) {
                await front.send("POST", Self.service + "/Actions/EventService.SubmitTestEvent", "{}")
            }
            let events = try await Self.next(stream)
            #expect(events.count == RedfishLimits.queuedEvents + 1)
            #expect(events[0].message == "EventBufferExceeded")
            let last = try #require(events.last?.id)
            #expect(events[1].id == last - RedfishLimits.queuedEvents + 1)
        }
    }

    @Test func `an interrupted stream goes on where it was`() throws {
        try Front.run { front in
            for _ in 0..<5 {
                await front.send("POST", Self.service + "/Actions/EventService.SubmitTestEvent", "{}")
            }
            let all = try await Self.next(try await Self.stream(front, ["Last-Event-ID": "0"])).compactMap(
                \.id)
            #expect(all.count >= 5)
            let seen = all[all.count - 3]
            let stream = try await Self.stream(front, ["Last-Event-ID": "\(seen)"])
            #expect(try await Self.next(stream).map(\.id) == [seen + 1, seen + 2])
        }
    }

    @Test func `a stream ends with the session that opened it`() throws {
        try Front.run { front in
            let (token, path) = try await AccessTests.logIn(front)
            let stream = try await Self.stream(front, as: nil, ["X-Auth-Token": token])
            #expect(await front.get(Self.subscriptions).json?.members.count == 1)
            #expect(await front.send("DELETE", path).status == 204)
            #expect(await stream.next() == nil)
            #expect(await front.get(Self.subscriptions).json?.members == [])
        }
    }

    static let body = #""Destination": "https://listener.example/events", "Protocol": "Redfish""#

    @Test func `a subscriber gets what it asked for, in order, with its context and headers`() throws {
        let delivery = Inbox()
        try Front.run(delivery: delivery) { front in
            let created = await front.send(
                "POST", Self.subscriptions,
                """
                {\(Self.body), "Context": "mine", "RegistryPrefixes": ["ResourceEvent"],
                 "HttpHeaders": [{"X-Key": "hunter2"}]}
                """)
            #expect(created.status == 201, "\(created.text)")
            let path = try #require(created.header("Location"))
            #expect(!created.text.contains("hunter2"))
            for number in 0..<3 {
                await front.send(
                    "POST", Self.service + "/Actions/EventService.SubmitTestEvent",
                    #"{"MessageId": "ResourceEvent.1.4.TestMessage", "Message": "number \#(number)"}"#)
            }
            try await front.until { delivery.pushes.count == 3 }
            for (number, push) in delivery.pushes.enumerated() {
                #expect(push.destination == "https://listener.example/events")
                #expect(push.headers.map(\.value) == ["hunter2"])
                let event = try JSONReader.read(push.body)
                #expect(event["Context"]?.text == "mine")
                #expect(event["Events"]?.elements.first?["Message"]?.text == "number \(number)")
            }
            #expect(await front.send("DELETE", path).status == 204)
            #expect(await front.get(path).status == 404)
        }
    }

    @Test func `a subscriber that takes nothing is tried again, and then forgotten`() throws {
        let delivery = Inbox(takes: false)
        try Front.run(delivery: delivery) { front in
            let created = await front.send("POST", Self.subscriptions, "{\(Self.body)}")
            let path = try #require(created.header("Location"))
            await front.send("POST", Self.service + "/Actions/EventService.SubmitTestEvent", "{}")
            try await front.until { await front.get(path).status == 404 }
            #expect(delivery.pushes.count == RedfishLimits.deliveryAttempts)
        }
    }

    static let wrong: [(body: String, status: Int)] = [
        ("{}", 400), (#"{"Destination": "https://a/"}"#, 400), (#"{"Protocol": "Redfish"}"#, 400),
        (#"{"Destination": "ftp://a/", "Protocol": "Redfish"}"#, 400),
        (#"{"Destination": "https://", "Protocol": "Redfish"}"#, 400),
        (#"{"Destination": "https://me:x@a/", "Protocol": "Redfish"}"#, 400),
        (#"{"Destination": "https://a b/", "Protocol": "Redfish"}"#, 400),
        (#"{"Destination": "https://a/", "Protocol": "SNMPv2c"}"#, 400),
        (#"{\#(body), "RegistryPrefixes": ["Nonsense"]}"#, 400),
        (#"{\#(body), "RegistryPrefixes": "Base"}"#, 400),
        (#"{\#(body), "Severities": ["Bad"]}"#, 400),
        (#"{\#(body), "HttpHeaders": [{"Host": "x"}]}"#, 400),
        (#"{\#(body), "HttpHeaders": [{"A B": "x"}]}"#, 400),
        (#"{\#(body), "HttpHeaders": [{"X": "a\nb"}]}"#, 400),
        (#"{\#(body), "HttpHeaders": {"X": "a"}}"#, 400),
        (#"{\#(body), "SubscriptionType": "SNMPTrap"}"#, 400), (#"{\#(body), "Nonsense": 1}"#, 400),
    ]

    @Test func `subscriptions that make no sense are refused`() throws {
        try Front.run(delivery: Inbox()) { front in
            for (body, status) in Self.wrong {
                let answer = await front.send("POST", Self.subscriptions, body)
                #expect(answer.status == status, "\(body): \(answer.text)")
            }
            let local = #"{"Destination": "https://127.0.0.1/", "Protocol": "Redfish"}"#
            let refused = await front.send("POST", Self.subscriptions, local, as: Front.basic("oper"))
            #expect(refused.status == 403)
            #expect(await front.get(Self.subscriptions).json?.members == [])
        }
    }
}

final class Inbox: EventDelivery {
    private let received = Mutex<[EventPush]>([])
    private let takes: Bool
    init(takes: Bool = true) { self.takes = takes }
    var pushes: [EventPush] { received.withLock { $0 } }
    func post(_ push: EventPush) async -> Bool {
        received.withLock { $0.append(push) }
        return takes
    }
}

extension String {
    /// Parts between the separator.
    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let found = rest.firstRange(of: separator) {
            parts.append(String(rest[..<found.lowerBound]))
            rest = rest[found.upperBound...]
        }
        return parts + [String(rest)]
    }
}
