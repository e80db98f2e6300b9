public import Core
public import Engine
public import Objects

/// Why a control plane does not start. No text holds a secret.
public enum StartError: Error, Sendable, CustomStringConvertible {
    /// The address is not `HOST:PORT`.
    case badListenAddress(String)
    /// Others could listen in.
    case insecure(ListenAddress)
    /// Nobody can tell under which address agents reach a wildcard.
    case wildcardWithoutPublicURL(ListenAddress)
    /// Not an http or https URL that paths can be appended to.
    case badPublicURL(String)
    /// The data directory cannot be made or written.
    case directory(path: String, problem: String)
    /// Another server has the data directory.
    case inUse(path: String)
    /// It is for reading only.
    case holdsCapture(path: String)
    /// The log cannot be opened, read or verified.
    case log(LogError)
    /// The log ends before what the views have seen of it.
    case lostEnd(path: String, end: Position, seen: Position)
    /// An entry that this build cannot read.
    case entry(CodecError)
    /// The vault or the master key cannot be used.
    case vault(VaultError)
    /// There is a vault, and no key at this path.
    case masterKeyMissing(path: String)
    /// The recovery key cannot be read or written.
    case recoveryKey(path: String, RecoveryKeyError)
    /// The administrator's token cannot be read or written.
    case adminToken(path: String, problem: String)
    /// The object store cannot be opened.
    case store(ObjectStoreError)
    /// The views cannot be opened.
    case views(ViewsError)
    /// The log cannot be folded into the views.
    case notFollowed(problem: String)
    /// Certificate or key cannot be used.
    case certificate(problem: String)
    /// Another process listens there.
    case addressInUse(ListenAddress)
    /// The system refuses the address.
    case cannotListen(ListenAddress, problem: String)
    /// It was started before, or stopped while it started.
    case startedTwice
    /// It was to stop before it was ready.
    case cancelled

    /// Whether the arguments are at fault, and nothing was tried (exit code 2).
    public var isUsage: Bool {
        switch self {
        case .badListenAddress, .insecure, .wildcardWithoutPublicURL, .badPublicURL, .masterKeyMissing: true
        case .directory, .inUse, .holdsCapture, .log, .lostEnd, .entry, .vault, .recoveryKey, .adminToken, .store,
            .views, .notFollowed,
            .certificate, .addressInUse, .cannotListen, .startedTwice, .cancelled:
            false
        }
    }

    /// Whether what is there is not what it should be (exit code 3).
    public var isVerificationFailure: Bool {
        if case .vault(.wrongKey) = self { true } else { false }
    }

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .badListenAddress(let text):
            "“\(text)” is no address to listen on: HOST:PORT is expected, such as 127.0.0.1:8080 or [::1]:8080"
        case .insecure(let address):
            "\(address) can be reached from other machines, and there is no TLS. Give --tls-certificate and --tls-key, "
                + "or --allow-insecure behind a proxy that has TLS"
        case .wildcardWithoutPublicURL(let address):
            "\(address) stands for all addresses: give --public-url, so that agents are told one that reaches this server"
        case .badPublicURL(let text):
            "“\(text)” is no public URL: http:// or https:// with a host is expected, without user, query and fragment"
        case .directory(let path, let problem): "\(path): \(problem). Make the directory writable for this user"
        case .inUse(let path):
            "\(path): another server is using this data directory. Stop it, or choose another --data directory"
        case .holdsCapture(let path):
            "\(path) holds an imported capture and is for reading only (`backupy log`, `backupy replay`). Choose another "
                + "--data directory"
        case .log(let error): "\(error)"
        case .lostEnd(let path, let end, let seen):
            "\(path) ends at position \(end), and views.sqlite beside it has seen position \(seen): the log has lost its "
                + "end, or an older copy was put in its place. Restore the newest copy of the whole directory, or delete "
                + "views.sqlite to go on with what is there"
        case .entry(let error): "\(error)"
        case .vault(let error): "\(error)"
        case .masterKeyMissing(let path):
            "\(path): there is no master key here, and the vault was sealed under one. Name its file with "
                + "--master-key-file, or restore it; a new one would open nothing"
        case .recoveryKey(let path, let error): "\(path): \(error)"
        case .adminToken(let path, let problem): "\(path): \(problem)"
        case .store(let error): "\(error)"
        case .views(let error): "\(error)"
        case .notFollowed(let problem):
            "the log cannot be followed: \(problem). Start it again: damaged views are made anew"
        case .certificate(let problem): "TLS cannot be set up: \(problem)"
        case .addressInUse(let address):
            "another process listens on \(address). Stop it, or choose another --listen address"
        case .cannotListen(let address, let problem): "cannot listen on \(address): \(problem)"
        case .startedTwice: "a control plane can be started once"
        case .cancelled: "it was stopped before it was ready. Nothing is lost; start it again"
        }
    }
}

/// Why a control plane that was running has ended by itself. The process must end, and recover by restart.
public struct ControlPlaneFailure: Error, Sendable, CustomStringConvertible {
    /// What was wrong and what to do.
    public var description: String
}
