import HTTPTypes

extension RedfishService {
    func insertMedia(_ context: RequestContext) async throws(Refusal) -> Answer {
        let slot = try await slot(context.parameters)
        guard slot.mode == .legacy else { throw Refusal(.actionNotSupported, Self.insertAction) }
        var body = try RequestBody(
            context.body, contentType: context.contentType, for: .action(Self.insertAction))
        return try await insert(&body, into: slot, context)
    }

    private func insert(_ body: inout RequestBody, into slot: MediaSlot, _ context: RequestContext)
        async throws(Refusal) -> Answer
    {
        let insertion = try InsertMediaBody(&body, configuration.imageSources, for: context.knownLogin.role)
        guard !slot.isActive else { throw Refusal(.slotOccupied) }
        var request = insertion.request
        request.authorities = trust[slot.name]?.authorities
        request.allowsLocalAddresses = configuration.imageSources.allowsLocalAddresses(
            for: context.knownLogin.role)
        let settled = request
        let (login, peer) = (context.knownLogin, context.peer)
        return try await perform("InsertMedia", on: slot, isCancellable: true, for: context) { [self] media in
            let outcome = await media.insert(settled, into: slot)
            if outcome == .done {
                await noteHolder(of: slot, login, peer)
                await noteInserted(into: slot, by: login.sessionID)
            }
            return outcome
        }
    }

    func ejectMedia(_ context: RequestContext) async throws(Refusal) -> Answer {
        let slot = try await slot(context.parameters)
        let body = try RequestBody(
            context.body, contentType: context.contentType, for: .action(Self.ejectAction), isOptional: true)
        try body.finish()
        return try await eject(slot, context)
    }

    private func eject(_ slot: MediaSlot, _ context: RequestContext) async throws(Refusal) -> Answer {
        try await perform("EjectMedia", on: slot, isCancellable: false, for: context) { media in
            let outcome = await media.eject(slot)
            // The bus has one word for a request in the wrong state; here it means that nothing is there.
            if case .failed(let message, let detail) = outcome, message.definition == .slotOccupied {
                return .failed(MessageEntry(.slotEmpty), detail: detail)
            }
            return outcome
        }
    }

    /// Some clients insert by writing Image, and eject by writing null into it or false into Inserted.
    func changeSlot(_ context: RequestContext) async throws(Refusal) -> Answer {
        let base = try checkedBase(of: context.parameters)
        let slot = try await slot(context.parameters)
        try checkIfMatch(context, slotDocument(slot, under: base))
        var body = try RequestBody(context.body, contentType: context.contentType, for: .properties)
        guard !body.isEmpty else { throw Refusal(.noOperation) }
        let settings = Self.settings(&body, of: slot)
        if !settings.isEmpty, !body.hasMore {
            try await changeSettings { $0.apply(settings, to: slot) }
            return answer(slotDocument(slot, under: base), to: context)
        }
        if !settings.isEmpty, body.has("Image") || body.has("Inserted") {
            // One request, one thing: how the slot behaves is settled before anything is inserted.
            body.add(MessageEntry(.propertyValueConflict, ["Image", "VerifyCertificate"]))
        }
        let ejects = body.takesNull("Image") || body.takesFalse("Inserted")
        body.refuse(readOnly: [
            "Id", "Name", "ImageName", "ConnectedVia", "Status", "Actions", "Description", "Oem",
        ])
        if ejects {
            body.drop([
                "Image", "Inserted", "WriteProtected", "UserName", "Password", "TransferMethod",
                "TransferProtocolType",
            ])
            try body.finish()
            return try await eject(slot, context)
        }
        guard slot.mode == .legacy else {
            throw Refusal(.propertyNotWritable, "Image", about: "Image")
        }
        return try await insert(&body, into: slot, context)
    }
}
