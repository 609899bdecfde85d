import Scenarios
import SimulatedTime
import Synchronization
import Testing
import VirtualMedia

@testable import RedfishServer

struct ResourceTests {
    @Test func `every link that an answer holds can be followed`() throws {
        try Front.run { front in
            var seen: [String] = []
            var open = ["/redfish/v1/"]
            while let path = open.popLast() {
                guard !seen.contains(path) else { continue }
                seen.append(path)
                let answer = await front.get(path)
                #expect(answer.status == 200, "\(path)")
                #expect(answer.header("OData-Version") == "4.0")
                #expect(answer.header("Allow")?.hasPrefix("GET, HEAD") == true, "\(path)")
                guard let json = answer.json else { continue }
                #expect(json["@odata.id"]?.text == path)
                #expect(answer.header("ETag") == json["@odata.etag"]?.text)
                #expect(answer.header("Link")?.contains("rel=describedby") == true)
                open += Self.links(in: json).filter { $0 != path }
            }
            #expect(seen.count > 60)
        }
    }

    private static func links(in node: JSONNode) -> [String] {
        switch node.value {
        case .object(let members):
            members.flatMap { member -> [String] in
                if member.key == "@odata.id", let path = member.node.text { return [path] }
                return links(in: member.node)
            }
        case .array(let elements): elements.flatMap { links(in: $0) }
        default: []
        }
    }

    @Test func `HEAD has the head of GET`() throws {
        try Front.run { front in
            for path in ["/redfish/v1/", Front.slot(), "/redfish/v1/$metadata", "/redfish/v1/nothing"] {
                let get = await front.get(path)
                let head = await front.send("HEAD", path)
                #expect(head.status == get.status)
                #expect(head.head.headerFields == get.head.headerFields, "\(path)")
            }
        }
    }

    @Test func `an ETag stays until something changes, and saves the body`() throws {
        try Front.run { front in
            let tag = try #require(await front.get(Front.slot()).header("ETag"))
            let same = await front.send("GET", Front.slot(), as: Front.basic, ["If-None-Match": tag])
            #expect(same.status == 304)
            #expect(same.bytes.isEmpty && same.header("ETag") == tag)
            let url = try await front.url()
            #expect(await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#).status == 204)
            let other = await front.send("GET", Front.slot(), as: Front.basic, ["If-None-Match": tag])
            #expect(other.status == 200)
            #expect(other.header("ETag") != tag)
        }
    }

    @Test func `queries choose what is sent`() throws {
        try Front.run { front in
            let systems = "/redfish/v1/Systems"
            #expect(await front.get(systems + "?only").json?["@odata.id"]?.text == systems + "/system")
            #expect(
                await front.get(Front.slot().replacing("/Slot_2", with: "?only")).json?.members.count == 3)

            let expanded = await front.get(systems + "/system/VirtualMedia?$expand=.").json
            #expect(expanded?["Members"]?.elements.map { $0["Id"]?.text } == ["Slot_2", "Slot_3", "Slot_0"])
            let deep = await front.get(systems + "?$expand=.($levels=2)").json?["Members"]?.elements.first
            #expect(deep?["VirtualMedia"]?["Members"]?.elements.first?.keys == ["@odata.id"])
            #expect(deep?["Links"]?["ManagedBy"]?.elements.first?.keys == ["@odata.id"])
            let links = await front.get(systems + "/system?$expand=~").json
            #expect(links?["Links"]?["ManagedBy"]?.elements.first?["Id"]?.text == "bmc")
            #expect(links?["VirtualMedia"]?.keys == ["@odata.id"])

            let selected = await front.get(Front.slot() + "?$select=Inserted,Status/Health").json
            #expect(
                selected?.keys == ["@odata.id", "@odata.type", "Inserted", "Status", "@odata.etag"])
            #expect(selected?["Status"]?.keys == ["Health"])

            let page = await front.get("/redfish/v1/Registries?$top=2&$skip=1").json
            #expect(page?.members.count == 2)
            #expect(page?["Members@odata.count"]?.number == 4)
            let next = try #require(page?["Members@odata.nextLink"]?.text)
            #expect(await front.get(next).json?.members.count == 1)
            #expect(await front.get(systems + "?$filter=Id eq 'x'").status == 501)
            #expect(await front.get(systems + "?unknown=1").status == 200)
        }
    }

    @Test func `whoever may not see a resource gets its link in its place`() throws {
        try Front.run { front in
            let all = await front.get(
                "/redfish/v1/AccountService?$expand=.($levels=2)", as: Front.basic("reader"))
            let members = all.json?["Accounts"]?["Members"]?.elements ?? []
            #expect(members.map { $0["UserName"]?.text } == ["reader"])
        }
    }

    @Test func `the host is told what to start from, once or always`() throws {
        try Front.run { front in
            let path = "/redfish/v1/Systems/system"
            for (body, target, enabled) in [
                (#"{"BootSourceOverrideTarget": "Cd"}"#, "Cd", "Once"),
                (#"{"BootSourceOverrideEnabled": "Continuous"}"#, "Cd", "Continuous"),
                (#"{"BootSourceOverrideTarget": "Usb", "BootSourceOverrideEnabled": "Once"}"#, "Usb", "Once"),
                (#"{"BootSourceOverrideTarget": "None"}"#, "None", "Disabled"),
                (#"{"BootSourceOverrideEnabled": "Once"}"#, "None", "Disabled"),
            ] {
                let answer = await front.send("PATCH", path, #"{"Boot": \#(body)}"#, as: Front.basic("oper"))
                #expect(answer.status == 200, "\(answer.text)")
                let boot = await front.get(path).json?["Boot"]
                #expect(boot?["BootSourceOverrideTarget"]?.text == target)
                #expect(boot?["BootSourceOverrideEnabled"]?.text == enabled)
            }
        }

    }

    @Test func `a boot override that was meant once is used up by the host that starts`() async throws {
        let host = RememberedBoot()
        try await host.setBootOverride(BootOverride(.cd, .once))
        #expect(await host.take() == BootOverride(.cd, .once))
        #expect(await host.take() == BootOverride())
        try await host.setBootOverride(BootOverride(.usb, .continuous))
        #expect(await host.take() == BootOverride(.usb, .continuous))
        #expect(await host.take() == BootOverride(.usb, .continuous))
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00+00:00"), (951_782_400, "2000-02-29T00:00:00+00:00"),
        (1_795_245_603, "2026-11-21T07:20:03+00:00"), (4_107_542_399, "2100-02-28T23:59:59+00:00"),
        (4_107_542_400, "2100-03-01T00:00:00+00:00"), (1_735_689_599, "2024-12-31T23:59:59+00:00"),
    ])
    func `times are written as Redfish wants them`(seconds: Int, text: String) {
        #expect(CalendarTime.text(Int64(seconds)) == text)
    }
}

struct ConcurrencyTests {
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `of many insertions at once one wins, and the others are told so`(seed: UInt64) throws {
        try Front.run(seed: seed, isOrderDrawn: true) { front in
            let url = try await front.url()
            let answers = Mutex<[Int]>([])
            let tasks = (0..<6).map { number in
                front.simulation.spawner.spawn("client \(number)") {
                    let answer = await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#)
                    answers.withLock { $0.append(answer.status) }
                }
            }
            for task in tasks { await task.finished() }
            let statuses = answers.withLock { $0.sorted() }
            #expect(statuses == [204, 409, 409, 409, 409, 409])
            #expect(await front.get(Front.slot()).json?["Inserted"]?.flag == true)
        }
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `an ejection during a slow insertion cancels it, and each is told its own end`(seed: UInt64) throws {
        var topology = Front.topology
        topology.store.roundTrip = .seconds(3)
        let settled = topology
        try Front.run(seed: seed, settled, isOrderDrawn: true, configure: { $0.shortWait = .seconds(60) }) {
            front in
            let url = try await front.url()
            let inserted = Mutex<Answer?>(nil)
            let task = front.simulation.spawner.spawn("insert") {
                let answer = await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#)
                inserted.withLock { $0 = answer }
            }
            try await front.simulation.clock.sleep(for: .seconds(1))
            let ejected = await front.send("POST", Front.eject())
            #expect(ejected.status == 204, "\(ejected.text)")
            await task.finished()
            #expect(inserted.withLock { $0 }?.messageIDs == ["MediaRig.1.0.Cancelled"])
            #expect(await front.get(Front.slot()).json?["Inserted"]?.flag == false)
        }
    }

    @Test func `a service that dies during an insertion ends its task, and the next one serves again`() throws
    {
        var topology = Front.topology
        topology.store.roundTrip = .seconds(3)
        let settled = topology
        try Front.run(settled, configure: { $0.shortWait = .seconds(1) }) { front in
            let url = try await front.url()
            let accepted = await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#)
            let task = try #require(accepted.json?["@odata.id"]?.text)
            _ = try await front.world.perform(.process(.kill, .service, slot: nil))
            try await front.until { await front.get(task).json?["TaskState"]?.text == "Exception" }
            #expect(
                await front.get(task).json?["Messages"]?.elements.first?["MessageId"]?.text
                    == "MediaRig.1.0.ServiceAbsent")
            _ = try await front.world.perform(.process(.start, .service, slot: nil))
            try await front.until { await front.get(Front.slot()).status == 200 }
            let again = await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#)
            #expect([202, 204].contains(again.status), "\(again.text)")
            try await front.until { await front.get(Front.slot()).json?["Inserted"]?.flag == true }
        }
    }
}
