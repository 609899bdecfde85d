import Scenarios
import Testing
import VirtualMedia

@testable import RedfishServer

struct InsertionTests {
    @Test func `an image is inserted and ejected, and the resource says so at every moment`() throws {
        try Front.run { front in
            let before = await front.get(Front.slot())
            #expect(before.status == 200)
            #expect(before.json?["Inserted"]?.flag == false)
            #expect(before.json?["ConnectedVia"]?.text == "NotConnected")
            #expect(before.json?["Image"]?.value == .null)
            let url = try await front.url()
            let inserted = await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#)
            #expect(inserted.status == 204, "\(inserted.text)")
            for base in ["Systems/system", "Managers/bmc"] {
                let slot = await front.get("/redfish/v1/\(base)/VirtualMedia/Slot_2")
                #expect(slot.json?["Inserted"]?.flag == true)
                #expect(slot.json?["ConnectedVia"]?.text == "URI")
                #expect(slot.json?["Image"]?.text == url)
                #expect(slot.json?["ImageName"]?.text == "small.iso")
                #expect(slot.json?["TransferProtocolType"]?.text == "HTTPS")
                #expect(slot.json?["WriteProtected"]?.flag == true)
                #expect(slot.json?["Oem"]?["MediaRig"]?["MediumBytes"]?.number == 1 << 20)
                #expect(slot.json?["Oem"]?["MediaRig"]?["InsertedBy"]?.text == Front.admin)
                #expect(slot.json?["Oem"]?["MediaRig"]?["InsertedFrom"]?.text == "192.0.2.7")
                #expect(slot.json?["Oem"]?["MediaRig"]?["LastErrorMessage"]?.value == .null)
            }
            let again = await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#)
            #expect(again.status == 409)
            #expect(again.messageIDs == ["MediaRig.1.0.SlotOccupied"])
            let ejected = await front.send("POST", Front.eject())
            #expect(ejected.status == 204, "\(ejected.text)")
            let after = await front.get(Front.slot())
            #expect(after.json?["Inserted"]?.flag == false)
            #expect(after.json?["Image"]?.value == .null)
            #expect(after.json?["ImageName"]?.value == .null)
            #expect(after.json?["Oem"]?["MediaRig"]?["InsertedBy"]?.value == .null)
            let empty = await front.send("POST", Front.eject(), "{}")
            #expect(empty.status == 409)
            #expect(empty.messageIDs == ["MediaRig.1.0.SlotEmpty"])
        }
    }

    static let failures: [(image: String, user: String?, status: Int, message: String)] = [
        ("/missing.iso", "me", 400, "ImageNotFound"),
        ("/small.iso", nil, 400, "CredentialsWrong"),
        ("/small.iso", "you", 400, "CredentialsWrong"),
    ]

    @Test(arguments: failures.indices)
    func `each failure of a mount has its own message, and no password in it`(index: Int) throws {
        let failure = Self.failures[index]
        var topology = Front.topology
        topology.store.user = "me"
        topology.store.password = "hunter2!"
        try Front.run(topology) { front in
            let url = try await front.url().replacing("/small.iso", with: failure.image)
            let credentials =
                failure.user.map { #", "UserName": "\#($0)", "Password": "hunter2!""# } ?? ""
            let answer = await front.send("POST", Front.insert(), #"{"Image": "\#(url)"\#(credentials)}"#)
            #expect(answer.status == failure.status, "\(answer.text)")
            #expect(answer.messageIDs == ["MediaRig.1.0.\(failure.message)"])
            #expect(!answer.text.contains("hunter2"))
            let slot = await front.get(Front.slot())
            #expect(slot.json?["Inserted"]?.flag == false)
            #expect(slot.json?["Password"]?.value == .null)
            #expect(slot.json?["Oem"]?["MediaRig"]?["LastErrorCode"]?.number != 0)
            let told = try #require(slot.json?["Oem"]?["MediaRig"]?["LastErrorMessage"]?.text)
            #expect(answer.text.contains(told))
            #expect(slot.json?["Oem"]?["MediaRig"]?["LastErrorResolution"]?.text?.isEmpty == false)
            #expect(!slot.text.contains("hunter2"))
        }
    }

    @Test func `credentials reach the server and show nowhere`() throws {
        var topology = Front.topology
        topology.store.user = "me"
        topology.store.password = "hunter2!"
        try Front.run(topology) { front in
            let url = try await front.url()
            let answer = await front.send(
                "POST", Front.insert(), #"{"Image": "\#(url)", "UserName": "me", "Password": "hunter2!"}"#)
            #expect(answer.status == 204, "\(answer.text)")
            for path in [Front.slot(), "/redfish/v1/TaskService/Tasks?$expand=*"] {
                let text = await front.get(path).text
                #expect(!text.contains("hunter2"))
            }
        }
    }

    @Test func `a slow insertion becomes a task that can be followed`() throws {
        var topology = Front.topology
        topology.store.roundTrip = .seconds(3)
        try Front.run(topology, configure: { $0.shortWait = .seconds(2) }) { front in
            let url = try await front.url()
            let accepted = await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#)
            #expect(accepted.status == 202, "\(accepted.text)")
            let monitor = try #require(accepted.header("Location"))
            let task = try #require(accepted.json?["@odata.id"]?.text)
            #expect(accepted.json?["TaskState"]?.text == "Running")
            #expect(await front.get(Front.slot()).json?["Inserted"]?.flag == false)
            #expect(await front.get(monitor).status == 202)
            try await front.until { await front.get(task).json?["TaskState"]?.text != "Running" }
            let ended = await front.get(task)
            #expect(ended.json?["TaskState"]?.text == "Completed")
            #expect(ended.json?["PercentComplete"]?.number == 100)
            #expect(await front.get(monitor).status == 204)
            #expect(await front.get(Front.slot()).json?["Inserted"]?.flag == true)
        }
    }

    @Test func `a task that is deleted while it goes on is cancelled, and nothing is inserted`() throws {
        var topology = Front.topology
        topology.store.roundTrip = .seconds(3)
        try Front.run(topology, configure: { $0.shortWait = .seconds(2) }) { front in
            let url = try await front.url()
            let accepted = await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#)
            let monitor = try #require(accepted.header("Location"))
            let task = try #require(accepted.json?["@odata.id"]?.text)
            let deleted = await front.send("DELETE", monitor)
            #expect(deleted.status == 204, "\(deleted.text)")
            #expect(await front.get(task).json?["TaskState"]?.text == "Cancelled")
            try await front.until {
                await front.get(Front.slot()).json?["Oem"]?["MediaRig"]?["State"]?.text == "Ready"
            }
            #expect(await front.get(Front.slot()).json?["Inserted"]?.flag == false)
        }
    }

    @Test func `a slot that waits for its client has no InsertMedia`() throws {
        try Front.run { front in
            let slot = await front.get(Front.slot("Slot_0"))
            #expect(slot.json?["Oem"]?["OpenBMC"]?["WebSocketEndpoint"]?.text == "/nbd/0")
            #expect(slot.json?["TransferProtocolType"]?.text == "OEM")
            #expect(slot.json?["Actions"]?.keys == ["#VirtualMedia.EjectMedia"])
            #expect(slot.json?["Image"] == nil)
            let answer = await front.send("POST", Front.insert("Slot_0"), #"{"Image": "https://a/b"}"#)
            #expect(answer.status == 400)
            #expect(answer.messageIDs == ["Base.1.22.ActionNotSupported"])
        }
    }

    @Test func `a PATCH of Image inserts, and null in it ejects, as some clients do it`() throws {
        try Front.run { front in
            let url = try await front.url()
            let inserted = await front.send("PATCH", Front.slot(), #"{"Image": "\#(url)", "Inserted": true}"#)
            #expect(inserted.status == 204, "\(inserted.text)")
            #expect(await front.get(Front.slot()).json?["Inserted"]?.flag == true)
            let ejected = await front.send("PATCH", Front.slot(), #"{"Image": null}"#)
            #expect(ejected.status == 204, "\(ejected.text)")
            #expect(await front.get(Front.slot()).json?["Inserted"]?.flag == false)
        }
    }

    @Test func `without a virtual media service there are no slots, and requests to them say why`() throws {
        try Front.run { front in
            _ = try await front.world.perform(.process(.kill, .service, slot: nil))
            try await front.until { await front.service.slots() == nil }
            #expect(await front.get("/redfish/v1/Systems/system/VirtualMedia").json?.members == [])
            let answer = await front.send("POST", Front.eject())
            #expect(answer.status == 503)
            #expect(answer.messageIDs == ["MediaRig.1.0.ServiceAbsent"])
            _ = try await front.world.perform(.process(.start, .service, slot: nil))
            try await front.until { await front.get(Front.slot()).status == 200 }
        }
    }
}
