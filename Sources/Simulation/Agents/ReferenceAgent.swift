import Core
import Wire

/// The reference agent v0.1.0 as its recorded sessions and the protocol's description have it, weaknesses included: one
/// number a process, a queue on disk that loses and overwrites, runs that die with their connection, no journal.
///
/// A value without time or chance: what happens to it goes in, and the bytes that it sends come out. A test holds it to
/// the captures.
struct ReferenceAgent: Sendable {
    /// What it makes of a frame.
    struct Reaction: Sendable {
        /// Binary messages, in the order of the wire.
        var sent: [[UInt8]] = []
        /// Work that has begun, by number.
        var started: [Int] = []
        /// It hangs up: the message was none, or the wrong one at this point.
        var hangsUp = false
    }

    /// How a piece of work ended.
    enum Ending: Sendable {
        case completed(byteCount: UInt64, digest: Text, durationMilliseconds: UInt64, databaseVersion: Text)
        /// With the text; one that is not UTF-8 is never delivered.
        case failed([UInt8])
    }

    /// A RunBackup that is being carried out. A repeated one is carried out again.
    struct Work: Sendable {
        var order: BackupOrder
        /// Only hooks are left: they outlive the connection.
        var isUploaded = false
    }

    let hostname: Text
    private(set) var isConnected = false
    /// It has stopped to read and write, for good.
    private(set) var hangs = false
    /// What is being done, by a number of its own.
    private(set) var work: [Int: Work] = [:]
    private var startedCount = 0
    /// The last number drawn by this process.
    private var sequence: UInt64 = 0
    /// The jobs of the configuration in memory; a new process has none, whatever lies on its disk.
    private var jobs: [Text: StationSettings.Job] = [:]
    private var targets: [Text: StationSettings.Target] = [:]
    /// The version that it speaks of.
    private(set) var version: UInt64 = 0
    /// The version on its disk.
    private var storedVersion: UInt64 = 0
    /// Messages saved on disk under `seq-<n>`; they outlive the process.
    private(set) var queue: [Text: [UInt8]] = [:]

    /// Its buffer of outgoing messages has so many places.
    static let bufferCount = 64
    /// So many saved messages are taken up at once.
    static let replayCount = 100

    init(hostname: Text) { self.hostname = hostname }

    /// A process begins: of the configuration it knows the version only.
    mutating func start() {
        isConnected = false
        hangs = false
        work = [:]
        sequence = 0
        jobs = [:]
        targets = [:]
        version = storedVersion
    }

    /// What it says first on a connection.
    mutating func register(at moment: Timestamp) -> [UInt8] {
        var message = ProtobufWriter()
        message.add(1, "v0.1.0")
        message.add(2, hostname)
        message.add(3, "linux")
        message.add(4, "amd64")
        for capability: Text in ["pg_dump", "mysqldump", "docker_discovery"] { message.add(6, capability) }
        message.add(7, version)
        return envelope(10, message, at: moment)
    }

    /// A sign of life; nil while there is no connection.
    mutating func heartbeat(at moment: Timestamp) -> [UInt8]? {
        guard isConnected, !hangs else { return nil }
        var message = ProtobufWriter()
        message.add(1, version)
        return envelope(11, message, at: moment)
    }

    /// The report of containers, at the start and then hourly: sent, or saved.
    ///
    /// - Parameter isLate: The scan ended a moment after saved messages were replayed and before there was a writer: the
    ///   report stays on disk until the next connection.
    mutating func discover(_ images: [Text], at moment: Timestamp, isLate: Bool = false) -> [UInt8]? {
        var message = ProtobufWriter()
        for (number, image) in images.enumerated() {
            var container = ProtobufWriter()
            container.add(1, Text("container-\(number)"))
            container.add(2, Text("db-\(number)"))
            container.add(3, image)
            container.add(4, "postgresql")
            message.add(1, container)
        }
        let report = envelope(12, message, at: moment)
        guard isLate else { return sendOrSave(report) }
        save(report)
        return nil
    }

    /// A frame from the server.
    mutating func receive(_ frame: ServerFrame, at moment: Timestamp) -> Reaction {
        guard !hangs else { return Reaction() }
        guard isConnected else {
            guard case .registerAck(_, let settings, _) = frame else { return Reaction(hangsUp: true) }
            if let settings { apply(settings, raisesVersion: true) }
            isConnected = true
            return Reaction(sent: replay())
        }
        switch frame {
        case .configUpdate(let settings):
            if let settings { apply(settings, raisesVersion: false) }
            return Reaction()
        case .runBackup(let order):
            return begin(order, at: moment)
        case .ping(let id):
            var message = ProtobufWriter()
            message.add(1, id)
            message.add(2, 1)
            return Reaction(sent: [envelope(18, message, at: moment, correlationID: id)])
        case .registerAck, .cancelJob, .runHealthCheck, .selfUpdate, .reportAcknowledged, .other:
            return Reaction()  // logged only
        }
    }

    /// A piece of work has come to its end.
    ///
    /// - Returns: What is sent now; nothing when it is saved, or is dropped because it cannot be encoded.
    mutating func finish(_ number: Int, _ ending: Ending, at moment: Timestamp) -> [UInt8]? {
        guard let done = work.removeValue(forKey: number) else { return nil }
        return conclude(done.order, ending, at: moment)
    }

    /// The number of a message that is built elsewhere.
    mutating func drawNumber() -> UInt64 {
        sequence += 1
        return sequence
    }

    /// The next message takes the number of the one before.
    mutating func repeatNumber() { sequence -= 1 }

    /// Its disk is from a time when it had been sent a higher version.
    mutating func raiseStoredVersion(by difference: UInt64) { storedVersion += difference }

    /// The upload is done, and only hooks are left.
    mutating func finishUpload(_ number: Int) { work[number]?.isUploaded = true }

    /// The connection has ended: all that is not uploaded is cancelled.
    ///
    /// - Returns: The numbers of what was cancelled; each is to be finished with a failure.
    mutating func disconnect() -> [Int] {
        isConnected = false
        guard !hangs else { return [] }
        return work.filter { !$0.value.isUploaded }.keys.sorted()
    }

    /// What it saved while it could not send, as if it had been offline for as many hours.
    mutating func saveDiscoveries(_ count: Int, at moment: Timestamp) {
        for _ in 0..<count { _ = discover([], at: moment) }
    }
}

extension ReferenceAgent {
    /// With the handshake, a lower version is applied and stored while the higher one is spoken of until the process ends.
    private mutating func apply(_ settings: StationSettings, raisesVersion: Bool) {
        jobs = settings.jobs
        targets = settings.targets
        storedVersion = settings.version
        version = raisesVersion ? max(version, settings.version) : settings.version
    }

    /// Hands saved messages to the buffer, in byte order of their keys. They are deleted when they are handed over; with
    /// more than the buffer takes, it waits for a place that never comes free.
    private mutating func replay() -> [[UInt8]] {
        let keys = queue.keys.sorted().prefix(Self.replayCount)
        let buffered = keys.prefix(Self.bufferCount).compactMap { queue.removeValue(forKey: $0) }
        guard keys.count > Self.bufferCount else { return buffered }
        hangs = true
        return []
    }

    private mutating func begin(_ order: BackupOrder, at moment: Timestamp) -> Reaction {
        if let problem = problem(of: order) {
            return Reaction(sent: conclude(order, .failed(Array(problem.utf8)), at: moment).map { [$0] } ?? [])
        }
        startedCount += 1
        work[startedCount] = Work(order: order)
        return Reaction(started: [startedCount])
    }

    /// What it notices before any work, in its own words.
    private func problem(of order: BackupOrder) -> String? {
        if order.uploadURL.isEmpty { return "pipeline: RunBackup missing upload credentials" }
        guard let job = jobs[order.order.job] else { return "pipeline: unknown job_id \"\(order.order.job)\"" }
        guard let target = targets[job.target] else { return "pipeline: unknown target for job \"\(order.order.job)\"" }
        if target.type == "db_unspecified" { return "pipeline: no driver registered for db_type=\(target.type)" }
        if order.key.count != 32 {
            return "pipeline: unwrap DEK: pipeline: expected 32-byte DEK, got \(order.key.count)"
        }
        return nil
    }

    private mutating func conclude(_ order: BackupOrder, _ ending: Ending, at moment: Timestamp) -> [UInt8]? {
        var message = ProtobufWriter()
        switch ending {
        case .completed(let byteCount, let digest, let duration, let version):
            message.add(1, order.order.job)
            message.add(2, order.runID)
            message.add(3, order.order.object)
            message.add(4, byteCount)
            message.add(5, digest)
            message.add(6, duration)
            message.add(8, order.key)
            message.add(9, "zstd")
            message.add(10, version)
            return sendOrSave(envelope(14, message, at: moment))
        case .failed(let text):
            message.add(1, order.order.job)
            message.add(2, 4)
            message.add(5, text)
            message.add(6, order.runID)
            let report = envelope(13, message, at: moment)
            // The number is drawn, and the message cannot be encoded.
            return String(validating: text, as: UTF8.self) == nil ? nil : sendOrSave(report)
        }
    }

    private mutating func sendOrSave(_ message: [UInt8]) -> [UInt8]? {
        guard !isConnected || hangs else { return message }
        save(message)
        return nil
    }

    private mutating func save(_ message: [UInt8]) { queue[Text("seq-\(sequence)")] = message }

    private mutating func envelope(
        _ field: UInt64, _ message: ProtobufWriter, at moment: Timestamp, correlationID: Text = ""
    ) -> [UInt8] {
        sequence += 1
        var writer = ProtobufWriter()
        writer.add(1, sequence)
        writer.add(2, UInt64(clamping: moment.milliseconds))
        writer.add(3, correlationID)
        writer.add(field, message)
        return writer.bytes
    }
}
