import Core
public import Hummingbird

/// The routes of the REST interface and of the embedded store.
public enum FleetRouter {
    /// A router of all of it; whoever composes a server serves it.
    ///
    /// - Parameter additional: routes of other parts of the server. They pass the same gate and stand in the same
    ///   description.
    public static func build(_ services: FleetServices, adding additional: [Route] = []) -> Router<FleetContext> {
        let routes = routes(services, adding: additional)
        let router = Router(context: FleetContext.self, options: .autoGenerateHeadEndpoints)
        router.add(
            middleware: Gate(
                table: RouteTable(routes), tokens: services.tokens, limiter: RateLimiter(services.rate),
                wrongKeys: services.wrongKeys, clock: services.clock))
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { request, context in
                try await route.handler(request, context)
            }
        }
        return router
    }

    /// All routes, the description among them.
    static func routes(_ services: FleetServices, adding additional: [Route] = []) -> [Route] {
        let desk = Desk(services)
        var routes =
            probes(services) + desk.agentRoutes + desk.targetRoutes + desk.jobRoutes + desk.scheduleRoutes
            + desk.runRoutes
            + desk.checkRoutes + desk.logRoutes + desk.stateRoutes + desk.tokenRoutes + desk.retentionRoutes
            + desk.policyRoutes + desk.alertRoutes
        if let store = services.store {
            routes +=
                ObjectRoutes(
                    store: store, signer: services.signer, clock: services.clock, logger: services.logger
                ).routes
        }
        routes += additional
        let operation = Operation("This description.", result: .one("Anything"))
        let described = routes + [Route(.get, "/v1/openapi.json", operation) { _, _ in Response(status: .ok) }]
        let description = OpenAPI.document(of: described)
        return routes + [Route(.get, "/v1/openapi.json", operation) { _, _ in .json(description) }]
    }

    private static func probes(_ services: FleetServices) -> [Route] {
        let unreadiness = services.unreadiness
        return [
            Route(.get, "/healthz", access: .open, Operation("Whether the process lives.", result: .one("Health"))) {
                _, _ in .json(["status": "ok"])
            },
            Route(
                .get, "/readyz", access: .open, Operation("Whether the server is ready.", result: .one("Health"))
            ) { _, _ in
                if let reason = unreadiness() { throw RESTError.unavailable("not ready: \(reason)") }
                return .json(["status": "ready"])
            },
        ]
    }
}
