/// Which endpoints of a hub the bound gadgets of the machine leave free, ours and those of other programs.
///
/// Where a hub says nothing of its endpoints, and for what cannot be read or is not known, the kernel has the last word: it
/// refuses to bind what does not fit.
struct EndpointBudget: Sendable {
    /// Bulk in and bulk out of mass storage; endpoint 0 is nobody's.
    static let neededCount = 2

    /// What a function of each kind takes (drivers/usb/gadget/function); a HID function one less where it says so. Of
    /// FunctionFS nobody but its program knows.
    private static let endpointsOfKind: [String: Int] = [
        "mass_storage": 2, "hid": 2, "acm": 3, "ecm": 3, "ncm": 3, "rndis": 3, "eem": 2, "geth": 2, "gser": 2,
        "obex": 2, "printer": 2, "midi": 2, "uac1": 2, "uac2": 2, "uvc": 2, "tcm": 4,
    ]

    /// Endpoints in use, by the name of the pool.
    private var inUse: [String: Int] = [:]

    /// Looks at every gadget of the tree, if any controller says what it has.
    init(_ controllers: [DeviceController], in tree: any GadgetTree) async {
        var pools: [String: String] = [:]
        for controller in controllers { pools[controller.name] = controller.endpoints?.name }
        guard !pools.isEmpty else { return }
        for gadget in (try? await tree.list("")) ?? [] {
            guard let controller = try? await tree.read("\(gadget)/UDC"), let pool = pools[controller] else {
                continue
            }
            inUse[pool, default: 0] += await Self.endpointCount(of: gadget, in: tree)
        }
    }

    /// - Returns: how many are left for a gadget on it; `nil` where nobody knows.
    func freeCount(on controller: DeviceController) -> Int? {
        controller.endpoints.map { max(0, $0.endpointCount - (inUse[$0.name] ?? 0)) }
    }

    /// Only one configuration is in use at a time, so they share endpoints.
    private static func endpointCount(of gadget: String, in tree: any GadgetTree) async -> Int {
        let functions = (try? await tree.list("\(gadget)/functions")) ?? []
        var most = 0
        for configuration in (try? await tree.list("\(gadget)/configs")) ?? [] {
            let entries = (try? await tree.list("\(gadget)/configs/\(configuration)")) ?? []
            var count = 0
            for function in functions where entries.contains(function) {
                let kind = String(function.prefix { $0 != "." })
                count += endpointsOfKind[kind] ?? 0
                if kind == "hid",
                    (try? await tree.read("\(gadget)/functions/\(function)/no_out_endpoint")) == "1"
                {
                    count -= 1
                }
            }
            most = max(most, count)
        }
        return most
    }
}
