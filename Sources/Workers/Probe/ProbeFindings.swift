import Core
import Foundation
import NIOCore
import NIOSSL

/// What a probe has come to so far.
struct ProbeFindings: Hashable, Sendable {
    var resolve: TimeAmount?
    var connect: TimeAmount?
    var tls: TimeAmount?
    var firstByte: TimeAmount?
    var certificateExpiresAt: Timestamp?
    var status: UInt32 = 0
    /// Nil when all is well.
    var problem: ProbeProblem?

    init() {}

    init(_ failure: ProbeFailure, _ text: Text) { problem = ProbeProblem(failure, text) }

    /// These, with what was found on the connection.
    func followed(by rest: ProbeFindings) -> ProbeFindings {
        var all = rest
        all.resolve = resolve
        all.connect = connect
        return all
    }

    var detail: ProbeDetail {
        var detail = ProbeDetail()
        detail.resolveMilliseconds = resolve?.milliseconds
        detail.connectMilliseconds = connect?.milliseconds
        detail.tlsMilliseconds = tls?.milliseconds
        detail.firstByteMilliseconds = firstByte?.milliseconds
        detail.certificateExpiresAt = certificateExpiresAt
        detail.failure = problem?.failure
        return detail
    }
}

/// What went wrong with a probe, in words of our own: what a server says goes to no log.
struct ProbeProblem: Error, Hashable, Sendable {
    var failure: ProbeFailure
    var text: Text

    init(_ failure: ProbeFailure, _ text: Text) {
        self.failure = failure
        self.text = text
    }

    /// What an error of the network or of TLS means.
    init(_ error: any Error) {
        switch error {
        case let error as ProbeProblem: self = error
        case let error as IOError: self.init(errno: error.errnoCode)
        case ChannelError.connectTimeout: self.init(.timeout, "the connection was not open in time")
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self.init(.tls, "the certificate is for another host")
        case NIOSSLError.handshakeFailed(.sslError(let stack)):
            let isCertificate = stack.contains { "\($0)".contains("CERTIFICATE_VERIFY_FAILED") }
            self.init(
                .tls,
                isCertificate
                    ? "the certificate is not good: it has expired, signs itself, or nobody trusted has signed it"
                    : "TLS could not be agreed on")
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: self.init(.tls, "TLS could not be agreed on")
        case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.eof:
            self.init(.reset, "the connection was cut")
        default: self.init(.other, "the answer is not of the protocol")
        }
    }

    private init(errno code: CInt) {
        switch code {
        case ECONNREFUSED: self.init(.refused, "nobody listens there")
        case ECONNRESET, EPIPE, ECONNABORTED: self.init(.reset, "the connection was cut")
        case ETIMEDOUT: self.init(.timeout, "the connection was not open in time")
        case EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL: self.init(.other, "there is no way to that address")
        default: self.init(.other, Text("the network failed with error \(code)"))
        }
    }
}
