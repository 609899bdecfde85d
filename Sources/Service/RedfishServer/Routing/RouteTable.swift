/// What a route leads to.
enum Endpoint: Equatable, Sendable {
    case versions, serviceRoot, odata, metadata, openAPI
    case login, logout
    case sessionService, sessions, session
    case accountService, accounts, account, roles, role
    case managers, manager, networkProtocol
    case systems, system
    case certificateService, certificateLocations, replaceCertificate, certificates, certificate
    case slots, slot, insertMedia, ejectMedia, insertMediaInfo
    case taskService, tasks, task, taskMonitor
    case eventService, subscriptions, subscription, eventStream, submitTestEvent
    case registries, registry, registryDocument
    case jsonSchemas, jsonSchema, schemaDocument
}

/// Every path of the service with the least privilege for each method: the one table that requests are judged
/// by. docs/redfish.md shows it; a test compares the two.
package enum RouteTable {
    private static let login = PrivilegeRule.anyOf([.login])
    private static let manager = PrivilegeRule.anyOf([.configureManager])
    private static let users = PrivilegeRule.anyOf([.configureUsers])
    /// Media under a system are components of it, as certificates are in the standard's own registry.
    private static let components = PrivilegeRule.anyOf([.configureManager, .configureComponents])
    private static let managerOrSelf = PrivilegeRule.anyOf([.configureManager, .configureSelf])

    private static let root = "/redfish/v1"

    package static let routes: [Route] =
        [
            Route("/redfish", .versions, [(.get, .open)]),
            Route(root, .serviceRoot, [(.get, .open)]),
            Route("\(root)/odata", .odata, [(.get, .open)]),
            Route("\(root)/$metadata", .metadata, [(.get, .open)]),
            Route("\(root)/openapi.yaml", .openAPI, [(.get, .open)]),
            Route("/login", .login, [(.post, .open)]),
            Route("/logout", .logout, [(.post, login)]),

            Route("\(root)/SessionService", .sessionService, [(.get, login), (.patch, manager)]),
            Route("\(root)/SessionService/Sessions", .sessions, [(.get, login), (.post, .open)]),
            Route("\(root)/SessionService/Sessions/Members", .sessions, [(.post, .open)]),
            Route(
                "\(root)/SessionService/Sessions/{session}", .session,
                [(.get, managerOrSelf), (.delete, managerOrSelf)]),

            Route("\(root)/AccountService", .accountService, [(.get, login), (.patch, users)]),
            Route("\(root)/AccountService/Accounts", .accounts, [(.get, login), (.post, users)]),
            Route("\(root)/AccountService/Accounts/Members", .accounts, [(.post, users)]),
            Route(
                "\(root)/AccountService/Accounts/{account}", .account,
                [
                    (.get, .anyOf([.configureManager, .configureUsers, .configureSelf])),
                    (.patch, .anyOf([.configureUsers, .configureSelf])), (.delete, users),
                ]),
            Route("\(root)/AccountService/Roles", .roles, [(.get, login)]),
            Route("\(root)/AccountService/Roles/{role}", .role, [(.get, login)]),

            Route("\(root)/Managers", .managers, [(.get, login)]),
            Route("\(root)/Managers/{manager}", .manager, [(.get, login)]),
            Route("\(root)/Managers/{manager}/NetworkProtocol", .networkProtocol, [(.get, login)]),
            Route("\(root)/Systems", .systems, [(.get, login)]),
            Route(
                "\(root)/Systems/{system}", .system,
                [(.get, login), (.patch, .anyOf([.configureComponents]))]),
        ] + media(under: "\(root)/Managers/{manager}", manager)
        + media(under: "\(root)/Systems/{system}", components) + [
            Route("\(root)/TaskService", .taskService, [(.get, login)]),
            Route("\(root)/TaskService/Tasks", .tasks, [(.get, login)]),
            Route("\(root)/TaskService/Tasks/{task}", .task, [(.get, login), (.delete, managerOrSelf)]),
            Route(
                "\(root)/TaskService/TaskMonitors/{task}", .taskMonitor,
                [(.get, login), (.delete, managerOrSelf)]),

            Route("\(root)/CertificateService", .certificateService, [(.get, login)]),
            Route(
                "\(root)/CertificateService/CertificateLocations", .certificateLocations,
                [(.get, manager)]),
            Route(
                "\(root)/CertificateService/Actions/CertificateService.ReplaceCertificate",
                .replaceCertificate, [(.post, manager)]),

            Route("\(root)/EventService", .eventService, [(.get, login)]),
            Route(
                "\(root)/EventService/Actions/EventService.SubmitTestEvent", .submitTestEvent,
                [(.post, manager)]),
            Route("\(root)/EventService/SSE", .eventStream, [(.get, login)]),
            Route(
                "\(root)/EventService/Subscriptions", .subscriptions, [(.get, login), (.post, components)]),
            Route("\(root)/EventService/Subscriptions/Members", .subscriptions, [(.post, components)]),
            Route(
                "\(root)/EventService/Subscriptions/{subscription}", .subscription,
                [(.get, login), (.patch, managerOrSelf), (.delete, managerOrSelf)]),

            Route("\(root)/Registries", .registries, [(.get, login)]),
            Route("\(root)/Registries/{registry}", .registry, [(.get, login)]),
            Route("\(root)/Registries/{registry}/{document}", .registryDocument, [(.get, login)]),
            Route("\(root)/JsonSchemas", .jsonSchemas, [(.get, login)]),
            Route("\(root)/JsonSchemas/{schema}", .jsonSchema, [(.get, login)]),
            Route("\(root)/JsonSchemas/{schema}/{document}", .schemaDocument, [(.get, login)]),
        ]

    private static func media(under base: String, _ change: PrivilegeRule) -> [Route] {
        let slot = "\(base)/VirtualMedia/{slot}"
        return [
            Route("\(base)/VirtualMedia", .slots, [(.get, login)]),
            Route(slot, .slot, [(.get, login), (.patch, change)]),
            Route("\(slot)/Actions/VirtualMedia.InsertMedia", .insertMedia, [(.post, change)]),
            Route("\(slot)/Actions/VirtualMedia.EjectMedia", .ejectMedia, [(.post, change)]),
            Route("\(slot)/InsertMediaActionInfo", .insertMediaInfo, [(.get, login)]),
            Route("\(slot)/Certificates", .certificates, [(.get, change), (.post, change)]),
            Route(
                "\(slot)/Certificates/{certificate}", .certificate, [(.get, change), (.delete, change)]),
        ]
    }

    private static let byLength: [Int: [Route]] = Dictionary(grouping: routes) { $0.segments.count }

    static func match(_ segments: [String]) -> (route: Route, parameters: PathParameters)? {
        for route in byLength[segments.count] ?? [] {
            if let parameters = route.match(segments) { return (route, parameters) }
        }
        return nil
    }
}
