import Core
import Digests
import Engine
import HTTPTypes
import Hummingbird
import Logging
import Wire

/// Stands before all routes: asks for the token, keeps its rate, and turns whatever is thrown into the one shape of
/// errors.
struct Gate: RouterMiddleware {
    let table: RouteTable
    let tokens: any TokenTable
    let limiter: RateLimiter
    let wrongKeys: WrongKeys
    let clock: any Clock

    func handle(
        _ request: Request, context: FleetContext, next: (Request, FleetContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        do {
            let access = table.find(request.uri.path)?.access(by: request.method) ?? .role(.viewer)
            if case .role(let role) = access {
                let holder = try admit(request, from: context.address)
                guard holder.role >= role else {
                    throw RESTError(
                        .permissionDenied,
                        "this needs the role \(role.rawValue), and the token is of a \(holder.role.rawValue)",
                        details: ["role": .string(role.rawValue)])
                }
                (context.token, context.role) = (holder.name, holder.role)
            }
            return try await next(request, context)
        } catch let error as RESTError {
            return refused(request, error, context)
        } catch let error as HTTPError where error.status == .notFound {
            return refused(request, missing(request), context)
        } catch {
            context.logger.error("\(request.method) \(table.shown(request.uri.path)): \(error)")
            return RESTError(
                .internal, "the server could not do this; its log says why, under this trace id"
            ).response(trace: context.trace)
        }
    }

    /// The answer, and a line of the log, which is found by the answer's trace id. What anybody can cause without a token, or
    /// beyond its rate, is told at `debug` only, or it would fill the disk.
    private func refused(_ request: Request, _ error: RESTError, _ context: FleetContext) -> Response {
        let level: Logger.Level =
            switch error.code {
            case .internal, .unavailable: .warning
            case .authenticationFailed, .rateLimited: .debug
            case .permissionDenied, .notFound, .validation, .conflict, .precondition: .info
            }
        context.logger.log(
            level: level,
            "\(request.method) \(table.shown(request.uri.path)): \(error.status.code) \(error.code.rawValue): \(error.message)"
        )
        return error.response(trace: context.trace)
    }

    private func admit(_ request: Request, from address: NetworkAddress?) throws(RESTError) -> TokenHolder {
        guard let header = request.headers[.authorization] else {
            throw unauthenticated("a token is needed: send the header “Authorization: Bearer TOKEN”")
        }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw unauthenticated("the header must read “Authorization: Bearer TOKEN”")
        }
        // Looked up before failures are counted: whoever shares an address with a broken client must not suffer for it.
        guard let holder = tokens.holder(of: SHA256.digest(of: Array(parts[1].utf8))) else {
            if let seconds = wrongKeys.count(address, nanoseconds: clock.monotonicNanoseconds()) {
                throw .tooManyWrongKeys(seconds)
            }
            throw unauthenticated("this token is not known here")
        }
        let now = clock.wallTime()
        if let expiry = holder.expiresAt, expiry <= now {
            throw unauthenticated("this token has expired at \(Moment.text(expiry))")
        }
        tokens.used(holder.name, at: now)
        if let seconds = limiter.take(holder.name, nanoseconds: clock.monotonicNanoseconds()) {
            throw RESTError(
                .rateLimited, "too many requests with this token; go on in \(seconds) s",
                headers: [.retryAfter: String(seconds)])
        }
        return holder
    }

    private func unauthenticated(_ message: String) -> RESTError {
        RESTError(.authenticationFailed, message, headers: [.wwwAuthenticate: "Bearer"])
    }

    private func missing(_ request: Request) -> RESTError {
        guard let methods = table.find(request.uri.path)?.all.map(\.method) else {
            return RESTError(.notFound, "there is nothing at this path")
        }
        // The router answers HEAD wherever there is GET.
        var names = Set(methods.map(\.rawValue))
        if names.contains("GET") { names.insert("HEAD") }
        let allowed = names.sorted()
        return RESTError(
            .validation, "this path takes \(allowed.joined(separator: ", "))",
            details: ["allowed": .array(allowed.map(JSON.string))], status: .methodNotAllowed,
            headers: [.allow: allowed.joined(separator: ", ")])
    }
}
