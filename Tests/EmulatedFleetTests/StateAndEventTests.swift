import Foundation
import Glibc
import TestSupport
import Testing

@testable import EmulatedFleet
@testable import FrontPlatform
@testable import HTTPTransport

/// What outlives an emulated BMC, and what it tells others.
struct StateAndEventTests {
    /// A front alone, and requests to it.
    final class Bench: Sendable {
        let folder: TemporaryFolder
        let front: EmulatedFront
        private let commons: FleetCommons
        private let authority: [UInt8]

        init(in folder: TemporaryFolder, retryInterval: Duration = .milliseconds(50)) async throws {
            self.folder = folder
            let state = try StateFolder(at: folder.file("state"))
            let files = IdentityFolder(path: state.path)
            commons = try FleetCommons(
                identity: try files.identity(names: ["localhost"]), passwordCost: 8)
            var plan = EmulatedFront.Plan(
                media: SlotLayout.slots(2, socketsIn: folder.path), password: "Secret-12345")
            (plan.state, plan.eventRetryInterval) = (state, retryInterval)
            front = try await EmulatedFront.start(plan, name: "bmc", sharing: commons)
            authority = try #require(try IdentityFolder.read(files.authorityPath))
        }

        func stop() async {
            await front.stop()
            await commons.stop()
        }

        func send(
            _ path: String, _ body: String? = nil, password: String = "Secret-12345", origin: String? = nil
        ) async throws -> CurlRequest.Answer {
            var request = CurlRequest("https://localhost:\(front.port)\(path)")
            let login = Data("admin:\(password)".utf8).base64EncodedString()
            request.headers = [("Authorization", "Basic \(login)")]
            if let origin { request.headers.append((name: "Origin", value: origin)) }
            if let body {
                request.headers.append((name: "Content-Type", value: "application/json"))
                request.body = Array(body.utf8)
            }
            request.trust = .authorities(authority)
            return try await request.send()
        }

        func object(_ path: String) async throws -> [String: Any] {
            let answer = try await send(path)
            let object = try JSONSerialization.jsonObject(with: Data(answer.body))
            return try #require(object as? [String: Any])
        }

        func makeAccount(_ name: String) async throws -> Int {
            try await send(
                "/redfish/v1/AccountService/Accounts",
                #"{"UserName": "\#(name)", "Password": "Another-12345", "RoleId": "ReadOnly"}"#
            ).status
        }

        func subscribe(to port: UInt16, retry: String) async throws -> Int {
            try await send(
                "/redfish/v1/EventService/Subscriptions",
                """
                {"Destination": "http://127.0.0.1:\(port)/events", "Protocol": "Redfish", "Context": "mine",
                 "DeliveryRetryPolicy": "\(retry)"}
                """
            ).status
        }

        /// An event with nothing to it.
        func submitTestEvent() async throws -> Int {
            try await send(
                "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent",
                #"{"MessageId": "ResourceEvent.1.3.ResourceChanged"}"#
            ).status
        }

        var subscriptionCount: Int {
            get async throws {
                try await object("/redfish/v1/EventService/Subscriptions")["Members@odata.count"] as? Int
                    ?? -1
            }
        }
    }

    @Test func `accounts, certificate and identity are the same after a new start`() async throws {
        let folder = try TemporaryFolder()
        let first = try await Bench(in: folder)
        #expect(try await first.makeAccount("reader") == 201)
        let identity = try await first.object("/redfish/v1")["UUID"] as? String
        await first.stop()
        let second = try await Bench(in: folder)
        #expect(try await second.send("/redfish/v1/AccountService/Accounts/reader").status == 200)
        #expect(try await second.object("/redfish/v1")["UUID"] as? String == identity)
        await second.stop()
    }

    @Test(
        arguments: [
            (nil, 201), ("https://localhost:PORT", 201), ("https://elsewhere.example", 403),
            ("https://localhost:1", 403), ("http://localhost:PORT", 403), ("null", 403),
        ] as [(String?, Int)])
    func `a page of another site changes nothing with a password that the browser remembers`(
        origin: String?, status: Int
    ) async throws {
        let bench = try await Bench(in: try TemporaryFolder())
        let origin = origin?.replacingOccurrences(of: "PORT", with: "\(bench.front.port)")
        let answer = try await bench.send(
            "/redfish/v1/AccountService/Accounts",
            #"{"UserName": "reader", "Password": "Another-12345", "RoleId": "ReadOnly"}"#, origin: origin)
        #expect(answer.status == status)
        await bench.stop()
    }

    @Test func `a subscriber is sent events, and again what it did not take`() async throws {
        let bench = try await Bench(in: try TemporaryFolder())
        let subscriber = try Subscriber(answering: ["500 Not now", "503 Not now", "204 No Content"])
        #expect(try await bench.subscribe(to: subscriber.port, retry: "TerminateAfterRetries") == 201)
        #expect((200..<300).contains(try await bench.submitTestEvent()))
        try await subscriber.wait(for: 3)
        let bodies = Set(subscriber.requests.map { $0.components(separatedBy: "\r\n\r\n").last ?? "" })
        #expect(bodies.count == 1, "the same event each time")
        #expect(bodies.first?.contains(#""Context":"mine""#) == true, "\(bodies)")
        #expect(subscriber.requests.first?.hasPrefix("POST /events HTTP/1.1\r\n") == true)
        #expect(try await bench.subscriptionCount == 1)
        await bench.stop()
    }

    @Test func `a subscriber that takes nothing three times is given up, if it wanted that`() async throws {
        let bench = try await Bench(in: try TemporaryFolder())
        let subscriber = try Subscriber(answering: ["500 Never"])
        #expect(try await bench.subscribe(to: subscriber.port, retry: "TerminateAfterRetries") == 201)
        #expect((200..<300).contains(try await bench.submitTestEvent()))
        let deadline = ContinuousClock.now + .seconds(60)
        while try await bench.subscriptionCount != 0 {
            try #require(ContinuousClock.now < deadline, "\(subscriber.requests.count) requests")
        }
        #expect(subscriber.requests.count == 3)
        await bench.stop()
    }
}
