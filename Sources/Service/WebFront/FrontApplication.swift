import HTTPTypes
package import RedfishServer

/// The front of a BMC: Redfish, images that clients serve over WebSockets, and the page that does both for people.
package struct FrontApplication: WebApplication {
    private let redfish: RedfishService
    private let proxies: ImageProxies
    private let page = PageFiles()

    package init(_ redfish: RedfishService, _ proxies: ImageProxies) {
        self.redfish = redfish
        self.proxies = proxies
    }

    package func answer(_ request: WebRequest) async -> WebAnswer {
        if let file = page.answer(request.head) { return file }
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
