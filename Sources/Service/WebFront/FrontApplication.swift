import HTTPTypes
package import RedfishServer

/// The front of a BMC: Redfish, and images that clients serve over WebSockets.
package struct FrontApplication: WebApplication {
    private let redfish: RedfishService
    private let proxies: ImageProxies

    package init(_ redfish: RedfishService, _ proxies: ImageProxies) {
        self.redfish = redfish
        self.proxies = proxies
    }

    package func answer(_ request: WebRequest) async -> WebAnswer {
        if ImageProxies.isProxyPath(request.head.path ?? "") {
            var head = HTTPResponse(status: .upgradeRequired)
            head.headerFields[.upgrade] = "websocket"
            head.headerFields[.connection] = "Upgrade"
            return WebAnswer(head)
        }
        return WebAnswer(
            await redfish.respond(
                to: request.head, body: request.body, peer: Peer(address: request.peer)))
    }

    package func openWebSocket(_ request: WebRequest) async -> WebSocketDecision {
        guard ImageProxies.isProxyPath(request.head.path ?? "") else {
            return .refused(await answer(request))
        }
        return await proxies.open(request)
    }
}
