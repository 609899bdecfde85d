import Foundation
import Testing

@testable import PortContracts

struct PortContractsTests {
    @Test func `every contract holds on the simulated kernel`() async {
        let site = await ContractSite.simulation()
        let results = await ContractRun.hold(PortContract.all, against: site.subject)
        await site.end()
        #expect(results.count == PortContract.all.count)
        for result in results {
            #expect(result.breach == nil, "\(result.area): \(result.name): \(result.breach ?? "")")
        }
    }

    @Test func `each contract has a name of its own`() {
        let names = PortContract.all.map { "\($0.area.rawValue): \($0.name)" }
        #expect(Set(names).count == names.count)
        #expect(names.count > 150)
        for area in PortContract.Area.allCases {
            #expect(PortContract.all.contains { $0.area == area }, "\(area)")
        }
    }

    @Test func `a contract that does not hold is broken, with what was found`() async {
        let site = await ContractSite.simulation()
        let results = await ContractRun.hold(
            [
                PortContract(.units, "broken") { _ in try expect(1, is: 2, "one") },
                PortContract(.units, "kept") { _ in },
                PortContract(.gadgetTree, "built wrong") { try await $0.perform([.mkdir("a/b")]) },
            ], against: site.subject)
        await site.end()
        #expect(results.map { $0.breach == nil } == [false, true, false])
        #expect(results[0].breach == "one is 1, not 2")
        #expect(results[2].breach?.hasPrefix("mkdir a/b: ") == true)
    }

    static let results = [
        ContractResult(area: "nbd", name: "a <b> & \"c\"", breach: "x is 1, not 2", milliseconds: 1234),
        ContractResult(area: "uevents", name: "kept", breach: nil, milliseconds: 5),
    ]

    @Test func `reports say which contracts are broken, and escape what they say`() throws {
        #expect(ContractReport.line(Self.results[0]) == "BREAK nbd: a <b> & \"c\"\n      x is 1, not 2")
        #expect(
            ContractReport.summary(Self.results, on: "kernel")
                == "1 of 2 contracts hold on the kernel, in 1 s")
        let document = ContractReport.junit(Self.results, on: "kernel")
        #expect(document.contains("<failure message=\"x is 1, not 2\"/>"))
        #expect(document.contains("name=\"a &lt;b&gt; &amp; &quot;c&quot;\" time=\"1.234\">"))
        #expect(document.contains("tests=\"2\" failures=\"1\""))
        let json = try ContractReport.json(Self.results, on: "kernel")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["subject"] as? String == "kernel")
        #expect((object["results"] as? [[String: Any]])?.count == 2)
    }
}
