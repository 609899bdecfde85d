import Scenarios
import Testing

@testable import RedfishServer

struct CertificateTests {
    static let certificates = Front.slot() + "/Certificates"

    /// A DER SEQUENCE of 130 bytes, as far from a certificate as its outer structure allows.
    static let pem = pem(of: [0x30, 0x81, 0x80] + [UInt8](repeating: 7, count: 128))
    static let other = pem(of: [0x30, 0x7F] + [UInt8](repeating: 9, count: 127))

    static func pem(of bytes: [UInt8]) -> String {
        "-----BEGIN CERTIFICATE-----\\n\(Front.base64(bytes))\\n-----END CERTIFICATE-----\\n"
    }

    static func body(_ text: String) -> String {
        #"{"CertificateString": "\#(text)", "CertificateType": "PEM"}"#
    }

    @Test func `a slot's certificates are added, shown, replaced and removed`() throws {
        try Front.run { front in
            #expect(await front.get(Front.slot()).json?["VerifyCertificate"]?.flag == false)
            #expect(await front.get(Self.certificates).json?.members == [])
            let added = await front.send("POST", Self.certificates, Self.body(Self.pem))
            #expect(added.status == 201, "\(added.text)")
            let path = try #require(added.header("Location"))
            #expect(path == Self.certificates + "/1")
            // In lines of 64 characters, however it came.
            let text = try #require(await front.get(path).json?["CertificateString"]?.text)
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= 64 })
            #expect(await front.send("POST", Self.certificates, Self.body(Self.pem)).status == 400)
            #expect(
                await front.get("/redfish/v1/CertificateService/CertificateLocations").json?["Links"]?[
                    "Certificates"]?.elements.count == 1)
            let replaced = await front.send(
                "POST",
                "/redfish/v1/CertificateService/Actions/CertificateService.ReplaceCertificate",
                #"{"CertificateString": "\#(Self.other)", "CertificateType": "PEM", "#
                    + #""CertificateUri": {"@odata.id": "\#(path)"}}"#)
            #expect(replaced.status == 204, "\(replaced.text)")
            #expect(await front.get(path).json?["CertificateString"]?.text != text)
            #expect(await front.get(Front.slot("Slot_3") + "/Certificates").json?.members == [])
            #expect(await front.send("DELETE", path).status == 204)
            #expect(await front.get(path).status == 404)
        }
    }

    @Test func `who may vouch goes to the service with the next insertion, and only if it is asked for`()
        throws
    {
        try Front.run { front in
            let url = try await front.url()
            #expect(await front.send("POST", Self.certificates, Self.body(Self.pem)).status == 201)
            let asked = await front.send("PATCH", Front.slot(), #"{"VerifyCertificate": true}"#)
            #expect(asked.status == 200, "\(asked.text)")
            #expect(asked.json?["VerifyCertificate"]?.flag == true)
            #expect(await front.service.trust["Slot_2"]?.authorities?.hasPrefix("-----BEGIN") == true)
            // The simulated network has certificates of its own; that the option is taken is what shows here.
            #expect(await front.send("POST", Front.insert(), #"{"Image": "\#(url)"}"#).status == 204)
            #expect(await front.send("POST", Front.eject()).status == 204)
            let both = await front.send(
                "PATCH", Front.slot(), #"{"VerifyCertificate": false, "Image": "\#(url)"}"#)
            #expect(both.status == 400)
            #expect(await front.send("PATCH", Front.slot(), #"{"VerifyCertificate": false}"#).status == 200)
            #expect(await front.service.trust["Slot_2"]?.authorities == nil)
        }
    }

    static let wrong: [String] = [
        "", "x", "-----BEGIN CERTIFICATE-----\\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\\n!!!!\\n-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY-----\\nMAMCAQA=\\n-----END PRIVATE KEY-----",
        pem(of: [0x30, 0x81, 0x80] + [UInt8](repeating: 7, count: 127)), pem + pem,
        String(pem.dropLast(40)),
    ]

    @Test func `what is not one certificate is refused`() throws {
        try Front.run { front in
            for text in Self.wrong {
                let answer = await front.send("POST", Self.certificates, Self.body(text))
                #expect(answer.status == 400, "\(text): \(answer.text)")
            }
            #expect(
                await front.send(
                    "POST", Self.certificates,
                    #"{"CertificateString": "\#(Self.pem)", "CertificateType": "PKCS7"}"#
                ).status == 400)
            #expect(await front.send("GET", Front.slot("Slot_0") + "/Certificates").status == 404)
            #expect(await front.get(Self.certificates).json?.members == [])
        }
    }

    @Test func `there is a limit to the certificates of a slot`() throws {
        try Front.run { front in
            for number in 0...RedfishLimits.certificatesPerSlot {
                let pem = Self.pem(of: [0x30, 0x03, UInt8(number), 0, 0])
                let answer = await front.send("POST", Self.certificates, Self.body(pem))
                #expect(answer.status == (number < RedfishLimits.certificatesPerSlot ? 201 : 400))
            }
        }
    }
}
