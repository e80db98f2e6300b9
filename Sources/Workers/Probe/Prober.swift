public import Core
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Probes what health checks name. A name is looked up once and the address kept; redirects are not followed; no more of an
/// answer is read than its head, and of that at most 64 KiB.
public struct Prober: Sendable {
    /// What is to be probed, and how.
    public struct Order: Hashable, Sendable {
        /// The check.
        public var check: CheckID
        /// How to probe.
        public var kind: CheckSpec.Kind
        /// A URL, or host:port.
        public var target: Text
        /// How long it may take altogether.
        public var timeoutSeconds: UInt32
        /// The HTTP status that is well; 0 for any from 200 to 399.
        public var expectedStatus: UInt32

        /// An order with all its parts.
        public init(
            check: CheckID, kind: CheckSpec.Kind, target: Text, timeoutSeconds: UInt32, expectedStatus: UInt32
        ) {
            self.check = check
            self.kind = kind
            self.target = target
            self.timeoutSeconds = timeoutSeconds
            self.expectedStatus = expectedStatus
        }
    }

    /// How many probes go on at the same time; others wait for their turn.
    public static let parallelLimit = 64
    /// The most bytes of an answer that are looked at.
    static let answerByteLimit = 65_536
    /// How many of a name's addresses are tried.
    static let addressLimit = 4

    /// Finds the addresses of a name. Tests put their own here.
    var resolve: @Sendable (_ host: String, _ port: Int) throws -> [SocketAddress] = {
        try ProbeAddresses.system($0, $1)
    }
    private let allowsLocal: Bool
    private let now: @Sendable () -> Timestamp
    private let tls: NIOSSLContext
    private let turnstile = ProbeTurnstile(limit: parallelLimit)

    /// A prober.
    ///
    /// - Parameters:
    ///   - allowsLocal: Whether addresses of this host, of its link, and of the metadata services of clouds may be probed.
    ///   - trustedCertificates: A PEM file of certificates to trust beside the system's.
    ///   - now: The wall clock.
    /// - Throws: when the certificates cannot be read.
    public init(
        allowsLocal: Bool, trustedCertificates: String? = nil, now: @escaping @Sendable () -> Timestamp
    ) throws {
        self.allowsLocal = allowsLocal
        self.now = now
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let trustedCertificates { configuration.additionalTrustRoots = [.file(trustedCertificates)] }
        tls = try NIOSSLContext(configuration: configuration)
    }

    /// Probes once. Whatever goes wrong is what was found.
    ///
    /// - Throws: only when the task was cancelled.
    public func probe(_ order: Order) async throws(CancellationError) -> HealthResult {
        try await turnstile.enter()
        defer { turnstile.leave() }
        let probedAt = now()
        let start = NIODeadline.now()
        let findings = await find(order, until: start + .seconds(Int64(max(order.timeoutSeconds, 1))))
        if Task.isCancelled { throw CancellationError() }
        let latency = (NIODeadline.now() - start).milliseconds
        return HealthResult(
            check: order.check, probedAt: probedAt, isHealthy: findings.problem == nil, latencyMilliseconds: latency,
            errorText: findings.problem?.text ?? "", statusCode: findings.status, detail: findings.detail)
    }

    private func find(_ order: Order, until deadline: NIODeadline) async -> ProbeFindings {
        var findings = ProbeFindings()
        guard let target = CheckTarget(order.target, order.kind) else {
            findings.problem = ProbeProblem(.other, "the target cannot be read")
            return findings
        }
        let addresses: [SocketAddress]
        let start = NIODeadline.now()
        do throws(ProbeProblem) {
            addresses = try await ProbeAddresses.lookUp(target, until: deadline, resolve: resolve)
        } catch {
            findings.problem = error
            return findings
        }
        findings.resolve = NIODeadline.now() - start
        let own = allowsLocal ? [] : ProbeAddresses.own()
        let allowed = addresses.filter { allowsLocal || !ProbeAddresses.isLocal($0, own: own) }
            .prefix(Self.addressLimit)
        guard !allowed.isEmpty else {
            findings.problem = ProbeProblem(
                .forbidden, "the address is of this host, its link or a metadata service, which is not probed from here"
            )
            return findings
        }
        let dialed = DialedChannels()
        return await withTaskCancellationHandler {
            await ask(allowed, order, target, dialed, findings, until: deadline)
        } onCancel: {
            dialed.cancel()
        }
    }

    /// Asks at the first address that a connection comes of.
    private func ask(
        _ addresses: ArraySlice<SocketAddress>, _ order: Order, _ target: CheckTarget, _ dialed: DialedChannels,
        _ found: ProbeFindings, until deadline: NIODeadline
    ) async -> ProbeFindings {
        var findings = found
        for (place, address) in addresses.enumerated() {
            // What was found is not told then.
            if Task.isCancelled { break }
            // Each but the last may take half of what is left, so that a dead address leaves time for the next.
            let left = deadline - .now()
            let end = place == addresses.count - 1 ? deadline : .now() + .nanoseconds(left.nanoseconds / 2)
            let connecting = NIODeadline.now()
            do throws(ProbeProblem) {
                let answer = try await connect(to: address, order, target, dialed, connectUntil: end, deadline)
                findings.connect = NIODeadline.now() - connecting
                findings.problem = nil
                let rest = try? await answer.get()
                return findings.followed(by: rest ?? ProbeFindings(.other, "the connection broke"))
            } catch {
                findings.problem = error
            }
        }
        return findings
    }

    private func connect(
        to address: SocketAddress, _ order: Order, _ target: CheckTarget, _ dialed: DialedChannels,
        connectUntil end: NIODeadline, _ deadline: NIODeadline
    ) async throws(ProbeProblem) -> EventLoopFuture<ProbeFindings> {
        let answer = Mutex<EventLoopFuture<ProbeFindings>?>(nil)
        let tls = order.kind == .https ? tls : nil
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(max(end - .now(), .milliseconds(1)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try dialed.add(channel)
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(Self.tlsHandler(tls, host: target.host.string))
                    }
                    let handler = ProbeHandler(order, target, until: deadline, on: channel.eventLoop)
                    answer.withLock { $0 = handler.findings }
                    try handler.install(in: channel.pipeline.syncOperations)
                }
            }
        do {
            _ = try await bootstrap.connect(to: address).get()
            guard let answer = answer.withLock({ $0 }) else { throw ProbeProblem(.other, "the connection broke") }
            return answer
        } catch {
            throw ProbeProblem(error)
        }
    }

    /// The name goes to the server and is compared with its certificate; of an address, only the latter.
    private static func tlsHandler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        do {
            return try NIOSSLClientHandler(context: context, serverHostname: host)
        } catch let error as NIOSSLExtraError where error == .cannotUseIPAddressInSNI {
            return try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
    }
}

extension TimeAmount {
    /// Whole milliseconds, clamped.
    var milliseconds: UInt32 { UInt32(clamping: nanoseconds / 1_000_000) }
}
