import FaultPlan
import RunLog
import Scenarios
import Testing
import VirtualMedia

@testable import Runs

/// What may come of a fault, and what is made of anything else. All of it made up.
struct EffectCheckTests {
    static func fault(
        _ expectation: FaultExpectation, slots: Set<String>? = nil, at time: Duration = .seconds(1),
        state: String? = "Activating"
    ) -> FiredFault {
        FiredFault(
            identifier: "f1", kind: "a.fault", expectation: expectation, slots: slots, time: time,
            state: state)
    }

    static func symptom(_ kind: Symptom.Kind, _ slot: String = "Slot_0", at time: Duration = .seconds(2))
        -> Symptom
    { Symptom(kind: kind, slot: slot, time: time) }

    static let kinds: [Symptom.Kind] = [
        .mountFailed(code: 110), .mountFailed(code: nil), .unmountFailed(code: 5),
        .commandFailed(sense: "03/11/00"),
        .commandLost, .givenUp, .deviceLost, .callLost,
    ]

    /// Expectation, and which of `kinds` it allows.
    static let allowed: [(FaultExpectation, [Bool])] = [
        (.tolerate, [false, false, false, false, false, false, false, true]),
        (.retry, [false, false, false, false, false, false, false, true]),
        (.failMount(code: nil), [true, true, false, false, false, false, false, true]),
        (.failMount(code: 110), [true, true, false, false, false, false, false, true]),
        (.failMount(code: 111), [false, true, false, false, false, false, false, true]),
        (.mediumError, [true, true, true, true, false, true, false, true]),
        (.eject, [false, false, false, true, true, true, true, true]),
        (.refuse, [true, true, false, false, false, false, false, true]),
        (.recover, [true, true, true, true, true, true, true, true]),
        (.none, [true, true, true, true, true, true, true, true]),
    ]

    @Test(arguments: allowed.indices)
    func `each expectation allows what it says, and no more`(index: Int) {
        let (expectation, wanted) = Self.allowed[index]
        for (kind, isAllowed) in zip(Self.kinds, wanted) {
            // A failed mount beside it, so that nothing is missing.
            let check = EffectCheck(
                faults: [Self.fault(expectation), Self.fault(.tolerate)], symptoms: [Self.symptom(kind)])
            #expect(check.findings.isEmpty == isAllowed, "\(expectation) \(kind): \(check.findings)")
        }
    }

    @Test func `a mount that must fail and does not is missed, unless another fault may hide it`() {
        let alone = EffectCheck(faults: [Self.fault(.failMount(code: 126))], symptoms: [])
        #expect(alone.findings == [.missing(fault: "f1 a.fault (fail-mount 126)")])
        let shown = EffectCheck(
            faults: alone.faults, symptoms: [Self.symptom(.mountFailed(code: 126))])
        #expect(shown.findings.isEmpty)
        #expect(EffectCheck(faults: [Self.fault(.refuse)], symptoms: []).findings.count == 1)
        let two = EffectCheck(faults: alone.faults + [Self.fault(.tolerate)], symptoms: [])
        #expect(two.findings.isEmpty)
        let mounted = Self.fault(.failMount(code: 126), state: "Active")
        #expect(EffectCheck(faults: [mounted], symptoms: []).findings.isEmpty)
        let failing = Self.symptom(.commandFailed(sense: "03/11/00"))
        #expect(EffectCheck(faults: [mounted], symptoms: [failing]).findings.isEmpty)
        let anywhere = Self.fault(.failMount(code: 126), state: nil)
        #expect(EffectCheck(faults: [anywhere, Self.fault(.tolerate)], symptoms: [failing]).findings.isEmpty)
        #expect(EffectCheck(faults: alone.faults, symptoms: [], excusedFrom: .zero).findings.isEmpty)
    }

    @Test func `a fault on one slot is no reason for trouble on another`() {
        let trouble = Self.symptom(.commandFailed(sense: "03/11/00"), "Slot_1")
        let own = Self.fault(.mediumError, slots: ["Slot_0"], state: "Active")
        #expect(
            EffectCheck(faults: [own], symptoms: [trouble]).findings
                == [.strayed(trouble, from: "f1 a.fault (medium-error)")])
        let everybodys = Self.fault(.mediumError, state: "Active")
        #expect(EffectCheck(faults: [everybodys], symptoms: [trouble]).findings.isEmpty)
    }

    @Test func `nothing comes of a fault before it fired, and what the steps do is theirs`() {
        let early = Self.symptom(.givenUp, at: .milliseconds(500))
        #expect(EffectCheck(faults: [Self.fault(.tolerate)], symptoms: [early]).findings.isEmpty)
        let late = Self.symptom(.givenUp, at: .seconds(3))
        let check = EffectCheck(faults: [Self.fault(.tolerate)], symptoms: [late], excusedFrom: .seconds(2))
        #expect(check.findings.isEmpty)
        #expect(EffectCheck(faults: [Self.fault(.tolerate)], symptoms: [late]).findings.count == 1)
    }

    @Test func `a run whose fault was to be tolerated and was not is wrong, and says of what`() throws {
        var scenario = SimulatedRunTests.scenario(.legacy)
        scenario.workload = []
        scenario.faults = [Fault("http.status", ["code": 404], trigger: .nth(1), expect: .tolerate)]
        scenario.steps = [.insert(.all, .any)]
        let record = try SimulatedRunTests.record(scenario)
        #expect(record.verdict == .wrong)
        let violation = try #require(record.violations.first)
        #expect(violation.name == "expectations" && violation.slot == "Slot_0")
        #expect(violation.detail.contains("the mount failed with 2"), "\(violation.detail)")
        #expect(violation.detail.contains("f1 http.status (tolerate)"), "\(violation.detail)")
        scenario.invariantsOff[.expectations] = "a test"
        #expect(try SimulatedRunTests.record(scenario).violations.isEmpty)
    }

    @Test func `blocks of another medium need a unit attention first`() {
        let news = MediumNews()
        #expect(news.blocksRead(ofMedium: 1) && news.blocksRead(ofMedium: 1))
        #expect(!news.blocksRead(ofMedium: 2))
        #expect(news.blocksRead(ofMedium: 2))
        news.changeAnnounced()
        #expect(news.blocksRead(ofMedium: 3))
        #expect(!news.blocksRead(ofMedium: 1), "an attention counts for one change")
        #expect(MediumNews().blocksRead(ofMedium: 7), "a new device is news by itself")
    }

    @Test func `a failure without a reason is no explicit one`() throws {
        var scenario = SimulatedRunTests.scenario(.legacy)
        scenario.workload = []
        scenario.faults = [
            Fault(
                "bot.csw-status", ["status": 1], select: Selector(operations: ["READ(10)"]),
                trigger: .nth(3),
                expect: .mediumError)
        ]
        scenario.steps = [.insert(), .read(outcome: .any), .eject()]
        let record = try SimulatedRunTests.record(scenario)
        #expect(record.violations.map(\.name) == ["explicit-errors"], "\(record.violations)")
    }

    @Test func `a medium that goes because nobody used it was not given up`() throws {
        var scenario = SimulatedRunTests.scenario(.legacy)
        scenario.workload = []
        scenario.topology.slots[0].inactivity = .seconds(10)
        scenario.faults = [
            Fault("uevent.duplicate", trigger: .nth(1)),
            Fault("device.latency", ["latency": "1ms"], trigger: .nth(1)),
        ]
        scenario.steps = [.insert(), .read(), .wait(.all, .ready)]
        let record = try SimulatedRunTests.record(scenario)
        #expect(record.verdict == .passed, "\(record.violations)")
    }
}
