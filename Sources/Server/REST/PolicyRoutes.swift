import Core
import HTTPTypes
import Hummingbird

extension Desk {
    /// What holds for the whole fleet.
    var policyRoutes: [Route] {
        [
            Route(
                .get, "/v1/settings", Operation("What holds for the whole fleet.", result: .one("Settings")),
                handler: showPolicy),
            Route(
                .patch, "/v1/settings", access: .role(.admin),
                Operation("Change what holds for the whole fleet.", body: "SettingsChange", result: .one("Settings")),
                handler: changePolicy),
        ]
    }

    private func showPolicy(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        .json(PolicyJSON.policy(services.state.read { $0.policy }))
    }

    private func changePolicy(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let fields = try PolicyBody.fields(&body)
        if !fields.isEmpty { _ = try await ask(.changePolicy(fields), ticket(request, context, body: bytes)) }
        return try showPolicy(request, context)
    }
}

/// What holds for the whole fleet, as the interface shows it.
enum PolicyJSON {
    static func policy(_ policy: FleetPolicy) -> JSON {
        ["starts_per_second": .integer(policy.startsPerSecond)]
    }
}
