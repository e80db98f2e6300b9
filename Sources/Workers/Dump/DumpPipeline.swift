public import Core
import Digests
import Engine
import Objects
public import Wire

/// Dump, compress, encrypt, stage: in one pass and bounded memory. Plaintext never touches the disk.
public struct DumpPipeline: Sendable {
    private let drivers: [any DumpDriver]
    private let staging: StagingArea
    private let passwords: PasswordSource

    /// A pipeline over the drivers there are.
    public init(drivers: [any DumpDriver], staging: StagingArea, passwords: PasswordSource = PasswordSource()) {
        self.drivers = drivers
        self.staging = staging
        self.passwords = passwords
    }

    /// What the drivers can do on this host as it is now.
    public var capabilities: [String] { drivers.flatMap(\.capabilities) }

    /// Whether the target can be backed up at all.
    ///
    /// - Throws: ``RunFailure``, or `CancellationError` once the task is cancelled.
    public func validate(_ target: StationSettings.Target) async throws {
        let driver = try driver(of: target)
        let passwords = passwords
        do {
            try await onThread("dump") { isStopped in
                let target = try passwords.resolve(target)
                try Self.hiding(target.password) { try driver.validate(target) { !isStopped() } }
            }
        } catch {
            try Task.checkCancellation()
            if let failure = error as? RunFailure { throw failure }
            throw RunFailure("pipeline: validate stage: \(error)")
        }
    }

    /// Whatever a tool or a database says about a target, its password is not in what comes out of here.
    private static func hiding<Value>(
        _ password: StationSettings.Password, _ body: () throws -> Value
    ) throws -> Value {
        do {
            return try body()
        } catch let error as CancellationError {
            throw error
        } catch {
            let text = (error as? RunFailure)?.description ?? "dump: \(error)"
            throw RunFailure(Redactor(secrets: [Array(password.text.utf8)]).redacted(text))
        }
    }

    /// Dumps the target into the staging file of a run.
    ///
    /// - Parameters:
    ///   - key: 32 bytes, of this run only.
    ///   - progress: gets percent, at most once a percent.
    /// - Throws: ``RunFailure``, or `CancellationError` once the task is cancelled; the staging file is then gone.
    public func dump(
        _ target: StationSettings.Target, run: Text, key: [UInt8], progress: @escaping @Sendable (Int) -> Void
    ) async throws -> Station.Staged {
        let driver = try driver(of: target)
        let (staging, passwords) = (staging, passwords)
        do {
            return try await onThread("dump") { isStopped in
                let target = try passwords.resolve(target)
                let file = try staging.create(run)
                let writer = try BlobWriter(dataKey: key, isOverlapped: true) { try file.append($0) }
                var last = -1
                let version = try Self.hiding(target.password) {
                    try driver.dump(
                        target,
                        progress: { percent in
                            if percent != last { progress(percent) }
                            last = percent
                            return !isStopped()
                        },
                        to: {
                            // Also between the slices of a driver: one of its pages may take long to leave.
                            if isStopped() { throw CancellationError() }
                            try writer.write($0)
                        })
                }
                let summary = try writer.finish()
                return Station.Staged(
                    byteCount: summary.byteCount, digest: Text(summary.digest.hex), engineVersion: Text(version))
            }
        } catch {
            staging.discard(run)
            try Task.checkCancellation()
            if let failure = error as? RunFailure { throw failure }
            throw RunFailure("dump: \(error)")
        }
    }

    private func driver(of target: StationSettings.Target) throws(RunFailure) -> any DumpDriver {
        guard let driver = drivers.first(where: { $0.types.contains(target.type) }) else {
            throw RunFailure("pipeline: no driver registered for db_type=\(target.type)")
        }
        return driver
    }
}
