/// Which gadgets are asked, and what.
package enum Corpus {
    package typealias Group = (title: String, questions: [Question])

    package static let recipes: [GadgetRecipe] = [
        recipe("disk-ro", "a read-only disk of 1 MiB and 300 bytes", isReadOnly: true, image: .odd),
        recipe("disk-ro-stall", "the same with stall=1", isReadOnly: true, image: .odd, mayStall: true),
        recipe("disk-rw", "a writable disk", image: .even),
        recipe("disk-rw-stall", "the same with stall=1", image: .even, mayStall: true),
        recipe("disk-rw-nofua", "a writable disk with nofua=1", image: .even, ignoresForce: true),
        recipe("disk-fixed", "a disk that is not removable", image: .even, isRemovable: false),
        recipe("cd", "a disc of 1 MiB and 300 bytes", isCD: true, image: .odd),
        recipe("cd-stall", "the same with stall=1", isCD: true, image: .odd, mayStall: true),
        recipe("empty", "a removable disk without a medium", image: nil),
        recipe("cd-empty", "a CD drive without a disc", isCD: true, image: nil),
        recipe("tiny", "a disk of one block", image: .tiny),
        recipe("cd-short", "the shortest disc, 300 sectors", isCD: true, image: .shortDisc),
        recipe("huge", "a read-only disk of 3 TiB", isReadOnly: true, image: .huge),
        recipe("cd-long", "a disc of 2.66 GB, longer than the kernel counts", isCD: true, image: .longDisc),
        severalUnits,
    ]

    package static func recipe(named name: String) -> GadgetRecipe? { recipes.first { $0.name == name } }

    private static func recipe(
        _ name: String, _ summary: String, isCD: Bool = false, isReadOnly: Bool = false,
        image: RecordImage?, mayStall: Bool = false, ignoresForce: Bool = false, isRemovable: Bool = true
    ) -> GadgetRecipe {
        GadgetRecipe(
            name: name, summary: summary, mayStall: mayStall,
            luns: [
                GadgetRecipe.LUN(
                    number: 0, isCD: isCD, isReadOnly: isReadOnly, isRemovable: isRemovable,
                    ignoresForceUnitAccess: ignoresForce, image: image)
            ])
    }

    private static let severalUnits = GadgetRecipe(
        name: "luns", summary: "a disc, a writable disk, an empty drive, a gap, and a named disk",
        luns: [
            .init(number: 0, isCD: true, image: .odd),
            .init(number: 1, image: .even),
            .init(number: 2, image: nil),
            .init(number: 4, isReadOnly: true, inquiryText: "MediaRigVirtual Disk    0042", image: .tiny),
        ])

    package static func groups(for recipe: GadgetRecipe) -> [Group] {
        let unit = recipe.luns[0]
        switch recipe.name {
        case "disk-ro", "cd", "disk-rw":
            return [
                ("before a configuration", controlsBeforeConfiguration), ("control requests", controls),
                ("what hosts ask first", greeting(unit)),
                ("every opcode, nothing moved", everyOpcode(unit)), ("command fields", fields(unit)),
                ("moving blocks", movement(unit)), ("the thirteen cases", thirteenCases(unit)),
                ("wrappers that are none", wrappers), ("halts", halts(unit)),
                ("resets in the middle", resets(unit)), ("locking and leaving", medium(unit)),
            ]
        case "disk-ro-stall", "cd-stall", "disk-rw-stall":
            return [
                ("what hosts ask first", greeting(unit)), ("command fields", fields(unit)),
                ("moving blocks", movement(unit)), ("the thirteen cases", thirteenCases(unit)),
                ("wrappers that are none", wrappers), ("halts", halts(unit)),
                ("resets in the middle", resets(unit)), ("locking and leaving", medium(unit)),
            ]
        case "empty", "cd-empty":
            return [
                ("what hosts ask first", greeting(unit)),
                ("every opcode, nothing moved", everyOpcode(unit)), ("command fields", fields(unit)),
                ("the thirteen cases", thirteenCases(unit)), ("locking and leaving", medium(unit)),
            ]
        case "luns": return severalUnitGroups(recipe)
        default:
            return [
                ("what hosts ask first", greeting(unit)), ("moving blocks", movement(unit)),
                ("locking and leaving", medium(unit)),
            ]
        }
    }

    /// The same questions to each LUN, there or not, and what one does to another.
    private static func severalUnitGroups(_ recipe: GadgetRecipe) -> [Group] {
        var groups: [Group] = [("control requests", controls)]
        for number in 0...6 as ClosedRange<UInt8> {
            let unit = recipe.luns.first { $0.number == Int(number) } ?? GadgetRecipe.LUN(number: Int(number))
            groups.append(
                ("LUN \(number)", (greeting(unit) + mediumCommands(unit)).map { $0.asking(number) }))
        }
        let attentions: [Question] = [
            .control(.setConfiguration(1), data: []), testUnitReady.asking(1), testUnitReady.asking(0),
            testUnitReady.asking(1), testUnitReady.asking(4), testUnitReady.asking(2),
            .write(path: "lun.2/file", value: RecordImage.tiny.path), testUnitReady.asking(1),
            testUnitReady.asking(2), testUnitReady.asking(2),
            .command(.init([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], .toHost, 8, lun: 2)),
            .write(path: "lun.2/file", value: ""), testUnitReady.asking(2), testUnitReady.asking(2),
        ]
        groups.append(("each has its own attention", attentions))
        let locks: [Question] = [
            lock(true).asking(1), .write(path: "lun.0/file", value: RecordImage.even.path),
            .write(path: "lun.1/file", value: RecordImage.tiny.path), eject.asking(1), eject.asking(4),
            .read(path: "lun.4/file"), testUnitReady.asking(0), testUnitReady.asking(0),
            lock(false).asking(1),
        ]
        groups.append(("each has its own lock", locks))
        return groups
    }
}
