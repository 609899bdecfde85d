import Scenarios
import Testing

@testable import RedfishServer

struct EjectPolicyTests {
    static func insert(
        _ front: Front, _ headers: [String: String] = [:], as authorization: String? = Front.basic
    )
        async throws
    {
        let url = try await front.url()
        let answer = await front.send(
            "POST", Front.insert(), #"{"Image": "\#(url)"}"#, as: authorization, headers)
        #expect(answer.status == 204, "\(answer.text)")
    }

    static func isInserted(_ front: Front) async -> Bool? {
        await front.get(Front.slot()).json?["Inserted"]?.flag
    }

    @Test func `a medium goes with the session that inserted it, if the slot is told so`() throws {
        try Front.run { front in
            let changed = await front.send("PATCH", Front.slot(), #"{"EjectPolicy": "Session"}"#)
            #expect(changed.json?["EjectPolicy"]?.text == "Session")
            let (token, path) = try await AccessTests.logIn(front)
            let other = try await AccessTests.logIn(front)
            try await Self.insert(front, ["X-Auth-Token": token], as: nil)
            #expect(await front.send("DELETE", other.path).status == 204)
            try await front.simulation.clock.sleep(for: .seconds(60))
            #expect(await Self.isInserted(front) == true)
            #expect(await front.send("DELETE", path).status == 204)
            try await front.until(within: .seconds(60)) { await Self.isInserted(front) == false }
        }
    }

    @Test func `a session that ends while its medium is on its way takes it along`() throws {
        var topology = Front.topology
        topology.store.roundTrip = .seconds(3)
        try Front.run(topology, configure: { $0.shortWait = .seconds(1) }) { front in
            #expect(await front.send("PATCH", Front.slot(), #"{"EjectPolicy": "Session"}"#).status == 200)
            let (token, path) = try await AccessTests.logIn(front)
            let url = try await front.url()
            let accepted = await front.send(
                "POST", Front.insert(), #"{"Image": "\#(url)"}"#, as: nil, ["X-Auth-Token": token])
            let task = try #require(accepted.json?["@odata.id"]?.text)
            #expect(await front.send("DELETE", path).status == 204)
            try await front.until { await front.get(task).json?["TaskState"]?.text == "Completed" }
            try await front.until { await Self.isInserted(front) == false }
        }
    }

    @Test func `a medium goes when its time is over, and one that came later has its own`() throws {
        try Front.run { front in
            let body = #"{"EjectPolicy": "Timed", "EjectTimeout": "PT10M"}"#
            #expect(await front.send("PATCH", Front.slot(), body).json?["EjectTimeout"]?.text == "PT10M")
            try await Self.insert(front)
            try await front.simulation.clock.sleep(for: .seconds(300))
            #expect(await front.send("POST", Front.eject()).status == 204)
            try await Self.insert(front)
            // The time of the first is over, not that of the second.
            try await front.simulation.clock.sleep(for: .seconds(400))
            #expect(await Self.isInserted(front) == true)
            try await front.simulation.clock.sleep(for: .seconds(260))
            #expect(await Self.isInserted(front) == false)
        }
    }

    @Test func `a medium stays unless told otherwise`() throws {
        try Front.run { front in
            #expect(await front.get(Front.slot()).json?["EjectPolicy"]?.text == "Persistent")
            let (token, path) = try await AccessTests.logIn(front)
            try await Self.insert(front, ["X-Auth-Token": token], as: nil)
            #expect(await front.send("DELETE", path).status == 204)
            try await front.simulation.clock.sleep(for: .seconds(2 * 86_400))
            #expect(await Self.isInserted(front) == true)
        }
    }

    @Test(arguments: [
        #"{"EjectPolicy": "AfterUse"}"#, #"{"EjectPolicy": 1}"#, #"{"EjectTimeout": "10"}"#,
        #"{"EjectTimeout": "PT0S"}"#,
        #"{"EjectTimeout": "P40D"}"#, #"{"EjectTimeout": "P1Y"}"#,
        #"{"EjectPolicy": "Timed", "Image": "https://a/b"}"#,
        #"{"EjectPolicy": "Timed", "Inserted": false}"#, #"{"EjectPolicy": "Timed", "Nonsense": 1}"#,
    ])
    func `what a slot cannot do is refused and changes nothing`(body: String) throws {
        try Front.run { front in
            let before = await front.get(Front.slot()).text
            #expect(await front.send("PATCH", Front.slot(), body).status == 400)
            #expect(await front.get(Front.slot()).text == before)
        }
    }

    static let durations: [(text: String, seconds: Double?)] = [
        ("PT1S", 1), ("PT90M", 5400), ("P1D", 86_400), ("P1DT1H1M1.5S", 90_061.5), ("PT0.25S", 0.25),
        ("PT1H", 3600),
        ("", nil), ("P", nil), ("PT", nil), ("P1", nil), ("1S", nil), ("PT1S1M", nil), ("PT1M1M", nil),
        ("P1H", nil),
        ("PT-1S", nil), ("-PT1S", nil), ("PT1.5M", nil), ("PT1.S", nil), ("PT.5S", nil), ("PT1,5S", nil),
        ("P1DT", nil),
        ("PT9999999999S", nil), ("pt1s", nil), ("PT1 S", nil), ("P1M", nil), ("PT１S", nil),
    ]

    @Test(arguments: durations.indices)
    func `durations are read strictly`(index: Int) {
        let (text, seconds) = Self.durations[index]
        #expect(DurationText.parse(text) == seconds.map { .milliseconds(Int($0 * 1000)) }, "\(text)")
    }

    @Test(arguments: [
        (0, "PT0S"), (1000, "PT1S"), (600_000, "PT10M"), (3_600_000, "PT1H"), (86_400_000, "P1D"),
        (90_061_500, "P1DT1H1M1.500S"), (30, "PT0.030S"),
    ])
    func `durations are written as they are read`(milliseconds: Int, text: String) {
        let duration = Duration.milliseconds(milliseconds)
        #expect(DurationText.text(duration) == text)
        #expect(DurationText.parse(text) == duration)
    }
}
