import Scenarios
import Testing

@testable import RedfishServer

struct StoredSettingsTests {
    @Test func `what was set is there after a restart`() throws {
        let store = MemorySettingsStore()
        try Front.run(settings: store) { front in
            let certificates = Front.slot() + "/Certificates"
            for pem in [CertificateTests.pem, CertificateTests.other] {
                #expect(await front.send("POST", certificates, CertificateTests.body(pem)).status == 201)
            }
            #expect(await front.send("DELETE", certificates + "/1").status == 204)
            let body = #"{"VerifyCertificate": true, "EjectPolicy": "Timed", "EjectTimeout": "PT90M"}"#
            #expect(await front.send("PATCH", Front.slot(), body).status == 200)
            #expect(
                await front.send("PATCH", "/redfish/v1/SessionService", #"{"SessionTimeout": 77}"#).status
                    == 200)
            #expect(
                await front.send(
                    "PATCH", "/redfish/v1/AccountService", #"{"AccountLockoutThreshold": 9}"#
                ).status == 200)
        }
        try Front.run(settings: store) { front in
            let slot = await front.get(Front.slot()).json
            #expect(slot?["VerifyCertificate"]?.flag == true)
            #expect(slot?["EjectPolicy"]?.text == "Timed")
            #expect(slot?["EjectTimeout"]?.text == "PT1H30M")
            let certificates = Front.slot() + "/Certificates"
            #expect(await front.get(certificates).json?.members == [certificates + "/2"])
            // An id is never used twice.
            let added = await front.send("POST", certificates, CertificateTests.body(CertificateTests.pem))
            #expect(added.header("Location") == certificates + "/3")
            #expect(await front.get("/redfish/v1/SessionService").json?["SessionTimeout"]?.number == 77)
            #expect(
                await front.get("/redfish/v1/AccountService").json?["AccountLockoutThreshold"]?.number == 9)
            #expect(await front.get(Front.slot("Slot_3")).json?["EjectPolicy"]?.text == "Persistent")
        }
    }

    @Test func `settings that cannot be stored are not taken`() throws {
        try Front.run(settings: FullDisk()) { front in
            let before = await front.get(Front.slot()).text
            #expect(await front.send("PATCH", Front.slot(), #"{"EjectPolicy": "Timed"}"#).status == 500)
            let certificates = Front.slot() + "/Certificates"
            let body = CertificateTests.body(CertificateTests.pem)
            #expect(await front.send("POST", certificates, body).status == 500)
            #expect(await front.get(certificates).json?.members == [])
            #expect(await front.get(Front.slot()).text == before)
        }
    }

    static let good = StoredSettings(sessionTimeout: .seconds(60))

    @Test func `settings are read as they are written`() throws {
        var settings = Self.good
        var trust = SlotTrust()
        _ = trust.add("one")
        _ = trust.add("two\n\"")
        trust.isExclusive = true
        settings.trust["Slot_2"] = trust
        settings.ejectRules["Slot_2"] = EjectRules()
        settings.ejectRules["Slot_2"]?.policy = .session
        settings.lockout.threshold = 0
        let read = try StoredSettings(settings.text)
        #expect(read == settings)
        #expect(read.text == settings.text)
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `damaged settings are an error or settings, never a trap`(seed: UInt64) {
        var text = Self.good.text
        let index = Int(seed * 7 % UInt64(text.count))
        if seed % 3 == 0 {
            text.remove(at: index)
        } else {
            text[index] = UInt8(truncatingIfNeeded: seed * 31)
        }
        _ = try? StoredSettings(text)
        for wrong in ["", "[]", "{}", #"{"Version": 2}"#, String(decoding: text.dropLast(9), as: UTF8.self)] {
            #expect(throws: StoreFailure.self) { _ = try StoredSettings(Array(wrong.utf8)) }
        }
    }
}

private struct FullDisk: SettingsStore {
    func load() async throws(StoreFailure) -> [UInt8]? { nil }
    func save(_ text: [UInt8]) async throws(StoreFailure) { throw StoreFailure("no space left") }
}
