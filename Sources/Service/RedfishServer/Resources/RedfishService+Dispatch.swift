import HTTPTypes

extension RedfishService {
    /// Carries out what has been judged allowed.
    func dispatch(_ method: Route.Method, _ endpoint: Endpoint, _ context: inout RequestContext)
        async throws(Refusal) -> Answer
    {
        switch (method, endpoint) {
        case (.get, .metadata):
            try rejectQuery(context)
            return metadataAnswer()
        case (.get, .openAPI):
            try rejectQuery(context)
            return openAPIAnswer()
        case (.get, .schemaDocument):
            try rejectQuery(context)
            return try schemaAnswer(context.parameters["schema"], context.parameters["document"])
        case (.get, .eventStream): return try openStream(context)
        case (.get, .taskMonitor): return try await monitorAnswer(context)
        case (.get, _): return try await read(context)
        case (.post, .login): return try await logIn(context)
        case (.post, .logout): return logOut(context)
        case (.post, .sessions): return try await createSession(context)
        case (.patch, .sessionService): return try await changeSessionService(context)
        case (.delete, .session): return try await deleteSession(context)
        case (.patch, .accountService): return try await changeAccountService(context)
        case (.post, .accounts): return try await createAccount(context)
        case (.patch, .account): return try await changeAccount(context)
        case (.delete, .account): return try await deleteAccount(context)
        case (.patch, .system): return try await changeSystem(context)
        case (.patch, .slot): return try await changeSlot(context)
        case (.post, .insertMedia): return try await insertMedia(context)
        case (.post, .ejectMedia): return try await ejectMedia(context)
        case (.post, .submitTestEvent): return try submitTestEvent(context)
        case (.post, .subscriptions): return try await createSubscription(context)
        case (.patch, .subscription): return try await changeSubscription(context)
        case (.delete, .subscription): return try deleteSubscription(context)
        case (.post, .certificates): return try await addCertificate(context)
        case (.delete, .certificate): return try await removeCertificate(context)
        case (.post, .replaceCertificate): return try await replaceCertificate(context)
        case (.delete, .task), (.delete, .taskMonitor): return try await deleteTask(context)
        default: throw Refusal(.operationNotAllowed)
        }
    }

    private func rejectQuery(_ context: RequestContext) throws(Refusal) {
        _ = try ResourceQuery(context.target?.query ?? [])
    }

    /// GET and HEAD of whatever is a resource.
    private func read(_ context: RequestContext) async throws(Refusal) -> Answer {
        let query = try ResourceQuery(context.target?.query ?? [])
        guard let route = context.route else { throw Refusal(.internalError) }
        var document = try await self.document(
            route.endpoint, at: context.target?.path ?? "", context.parameters, context.login)
        if isNotModified(context, document) {
            var head = Self.head(304)
            head.headerFields[.eTag] = document.entityTag
            return Answer(head, .none)
        }
        if query.isOnly {
            guard let members = document.members else { throw Refusal(.queryNotSupportedOnResource) }
            if members.count == 1 { document = try await self.document(at: members[0], for: context.login) }
        } else if !query.isPlain {
            if (query.top != nil || query.skip > 0), document.members == nil {
                throw Refusal(.queryNotSupportedOnResource)
            }
            let path = document.path
            document.object = query.page(of: document.object, at: path)
            if let expand = query.expand {
                document.object = try await expanded(
                    document.object, expand, levels: query.expandLevels, for: context.login)
            }
            document.object = query.selected(from: document.object)
        }
        return answer(document, to: context)
    }

    /// The resource at a path, as the caller may see it.
    ///
    /// - Throws: what a GET would be refused with.
    func document(at path: String, for login: Login?) async throws(Refusal) -> ResourceDocument {
        let target = try RequestTarget(path)
        guard let (route, parameters) = RouteTable.match(target.segments),
            let operation = route.operations.first(where: { $0.method == .get })
        else { throw Refusal(.invalidURI, path) }
        if operation.rule != .open {
            guard let login else { throw Refusal(.noValidSession) }
            let isOwner =
                parameters["account"] == login.userName
                || sessions[parameters["session"]]?.userName == login.userName
            guard operation.rule.allows(login.role, isOwner: isOwner) else {
                throw Refusal(.insufficientPrivilege)
            }
        }
        return try await document(route.endpoint, at: path, parameters, login)
    }

    func document(
        _ endpoint: Endpoint, at path: String, _ parameters: PathParameters, _ login: Login?
    ) async throws(Refusal) -> ResourceDocument {
        if !parameters["manager"].isEmpty || !parameters["system"].isEmpty {
            _ = try checkedBase(of: parameters)
        }
        switch endpoint {
        case .versions: return ResourceDocument(plain: path, ["v1": "/redfish/v1/"])
        case .serviceRoot: return serviceRootDocument
        case .odata: return odataDocument
        case .sessionService: return sessionServiceDocument
        case .sessions: return sessionsDocument(for: login)
        case .session: return try sessionDocument(parameters["session"])
        case .accountService: return accountServiceDocument
        case .accounts: return accountsDocument(for: login)
        case .account: return try accountDocument(parameters["account"])
        case .roles: return rolesDocument
        case .role: return try roleDocument(parameters["role"])
        case .managers: return managersDocument
        case .manager: return managerDocument
        case .networkProtocol: return networkProtocolDocument
        case .systems: return systemsDocument
        case .system: return await systemDocument()
        case .slots: return await slotsDocument(under: Self.base(of: parameters))
        case .slot:
            return slotDocument(try await slot(parameters), under: Self.base(of: parameters))
        case .insertMediaInfo:
            return insertMediaInfo(try await slot(parameters), under: Self.base(of: parameters))
        case .taskService: return taskServiceDocument
        case .tasks: return tasksDocument
        case .task: return try await taskDocument(parameters["task"])
        case .certificateService: return certificateServiceDocument
        case .certificateLocations: return await certificateLocationsDocument()
        case .certificates: return try await certificatesDocument(parameters)
        case .certificate: return try await certificateDocument(parameters)
        case .eventService: return eventServiceDocument
        case .subscriptions: return subscriptionsDocument
        case .subscription: return try subscriptionDocument(parameters["subscription"])
        case .registries: return registriesDocument
        case .registry: return try registryDocument(parameters["registry"])
        case .registryDocument: return try registryText(parameters["registry"], parameters["document"])
        case .jsonSchemas: return jsonSchemasDocument
        case .jsonSchema: return try jsonSchemaDocument(parameters["schema"])
        case .schemaDocument, .metadata, .openAPI, .taskMonitor, .login, .logout, .insertMedia, .ejectMedia,
            .eventStream, .submitTestEvent, .replaceCertificate:
            throw Refusal(.operationNotAllowed)
        }
    }

    // MARK: $expand

    private func expanded(
        _ object: JSONObject, _ links: ResourceQuery.Links, levels: Int, for login: Login?
    ) async throws(Refusal) -> JSONObject {
        var budget = Self.maximumExpansions
        return try await expanded(object, links, levels: levels, for: login, isBeside: false, &budget)
    }

    /// Resources that one answer may hold beside its own.
    private static let maximumExpansions = 512

    private func expanded(
        _ object: JSONObject, _ links: ResourceQuery.Links, levels: Int, for login: Login?, isBeside: Bool,
        _ budget: inout Int
    ) async throws(Refusal) -> JSONObject {
        var result = JSONObject()
        for member in object.members {
            let isLinks = member.key == "Links"
            let isWanted = isBeside || isLinks ? links != .below : links != .beside
            switch member.value {
            case .object(let inner):
                if inner.members.count == 1, let path = inner["@odata.id"]?.string {
                    result[member.key] =
                        isWanted
                        ? try await expansion(of: path, links, levels: levels, for: login, &budget)
                        : member.value
                } else {
                    result[member.key] = .object(
                        try await expanded(
                            inner, links, levels: levels, for: login, isBeside: isBeside || isLinks, &budget))
                }
            case .array(let elements):
                var expandedElements: [JSON] = []
                for element in elements {
                    if let inner = element.object, inner.members.count == 1,
                        let path = inner["@odata.id"]?.string, isWanted
                    {
                        expandedElements.append(
                            try await expansion(of: path, links, levels: levels, for: login, &budget))
                    } else {
                        expandedElements.append(element)
                    }
                }
                result[member.key] = .array(expandedElements)
            default: result[member.key] = member.value
            }
        }
        return result
    }

    /// A resource in the place of its link; the link where the caller may not see it.
    private func expansion(
        of path: String, _ links: ResourceQuery.Links, levels: Int, for login: Login?, _ budget: inout Int
    ) async throws(Refusal) -> JSON {
        guard budget > 0, !path.contains("#"),
            let document = try? await self.document(at: path, for: login)
        else { return .link(path) }
        budget -= 1
        guard levels > 1 else { return .object(document.object) }
        return .object(
            try await expanded(
                document.object, links, levels: levels - 1, for: login, isBeside: false, &budget))
    }
}
