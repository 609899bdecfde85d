import SimulatedBMC
import SimulatedTime
package import VirtualMedia

/// Builds a recipe in any gadget tree.
package enum GadgetAssembly {
    /// - Throws: what the first refused step was refused with.
    package static func build(_ recipe: GadgetRecipe, in tree: any GadgetTree, controller: String)
        async throws(SystemError)
    {
        for step in recipe.steps {
            switch step {
            case .makeDirectory(let path): try await tree.makeDirectory(path)
            case .write(let value, let path): try await tree.write(value, to: path)
            case .link(let path, let target): try await tree.makeLink(at: path, to: target)
            }
        }
        try await tree.write(controller, to: "\(GadgetRecipe.gadget)/UDC")
    }

    /// Takes down whatever of it is there.
    package static func remove(_ recipe: GadgetRecipe, from tree: any GadgetTree) async {
        let gadget = GadgetRecipe.gadget
        try? await tree.write("\n", to: "\(gadget)/UDC")
        for lun in recipe.luns {
            try? await tree.write("1", to: "\(GadgetRecipe.function)/lun.\(lun.number)/forced_eject")
        }
        try? await tree.removeLink("\(gadget)/configs/c.1/f")
        for lun in recipe.luns where lun.number > 0 {
            try? await tree.removeDirectory("\(GadgetRecipe.function)/lun.\(lun.number)")
        }
        for directory in [
            GadgetRecipe.function, "\(gadget)/configs/c.1/strings/0x409", "\(gadget)/configs/c.1",
            "\(gadget)/strings/0x409", gadget,
        ] {
            try? await tree.removeDirectory(directory)
        }
    }
}

/// The simulated kernel as a witness, in virtual time.
package enum SimulatedGadget {
    private static let controller = "dummy_udc.0"
    /// Virtual, so only long enough to be told from a slow answer.
    private static let patience = Duration.seconds(2)

    package static func answers(_ questions: [Question], of recipe: GadgetRecipe) throws -> [Record.Line] {
        try Simulation(seed: 1).run { simulation in
            let kernel = SimulatedKernel(
                executor: simulation.executor, clock: simulation.clock, spawner: simulation.spawner,
                profile: .linux6_1, controllers: ControllerChip.dummies(1))
            for image in RecordImage.all {
                await kernel.addFile(image.path, image.numbers, byteCount: image.byteCount)
            }
            try await GadgetAssembly.build(recipe, in: kernel, controller: controller)
            await kernel.attachHost(to: controller)
            let connection = try await kernel.device(on: controller, timeout: .seconds(1))
            var interrogator = Interrogator(
                connection: connection, tree: kernel, function: GadgetRecipe.function, patience: patience)
            var lines: [Record.Line] = []
            for question in questions {
                lines.append(Record.Line(question, try await interrogator.ask(question)))
            }
            await kernel.shutDown()
            return lines
        }
    }
}
