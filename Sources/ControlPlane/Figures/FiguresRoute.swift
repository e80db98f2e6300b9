import HTTPTypes
import Hummingbird
import NIOCore
import Server
import Telemetry

extension FleetFigures {
    /// The figures on the one port, with a token like everything else there.
    var route: Route {
        let metrics = metrics
        return Route(.get, "/metrics", Server.Operation("Figures for Prometheus, as text.")) { _, _ in
            Response(
                status: .ok, headers: [.contentType: Metrics.contentType, .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: try await metrics.computedText())))
        }
    }
}
