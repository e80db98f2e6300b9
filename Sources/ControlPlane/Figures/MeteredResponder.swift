import Dispatch
import Hummingbird
import Server

/// Counts what another responder answers.
struct MeteredResponder<Base: HTTPResponder<FleetContext>>: HTTPResponder {
    let base: Base
    let figures: FleetFigures

    func respond(to request: Request, context: FleetContext) async throws -> Response {
        let start = DispatchTime.now().uptimeNanoseconds
        func note(_ status: Int) {
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1_000_000_000
            figures.answered(
                request.method.rawValue, context.endpointPath, isAgentPath: AgentDoor.isAgentPath(request.uri.path),
                status: status, seconds: seconds)
        }
        do {
            let response = try await base.respond(to: request, context: context)
            note(response.status.code)
            return response
        } catch {
            note((error as? any HTTPResponseError)?.status.code ?? 500)
            throw error
        }
    }
}
