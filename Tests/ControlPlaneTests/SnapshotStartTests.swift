import Core
import Engine
import Foundation
import SQLiteLog
import Synchronization
import Testing
import Wire

@testable import ControlPlane

@Suite("Starts from snapshots", .serialized)
struct SnapshotStartTests {
    private func store(_ plant: Plant) -> SnapshotDirectory {
        SnapshotDirectory(path: plant.directory + "/" + SnapshotDirectory.folderName)
    }

    @Test("A stop leaves a snapshot of the last entry without a secret; the next start goes on from it")
    func stopAndStart() async throws {
        try await Plant.run { plant in
            for number in 0..<120 { try await plant.running.engine.submit(.faulted(Text("\(number)"))) }
            await plant.stop()
            let store = store(plant)
            let position = try #require(try store.positions().first)
            let reader = try PlantFiles.reader(plant.directory)
            #expect(try reader.lastPosition() == position)
            let bytes = try store.read(position)
            for secret in [plant.password, plant.key] {
                #expect(Data(bytes).range(of: Data(secret.utf8)) == nil)
            }
            let snapshots = Snapshots<Fleet, FleetCodec>(store: store, codec: FleetCodec())
            #expect(snapshots.restore(from: reader)?.position == position)
            try await plant.start()
            try await isWhatTheLogSays(plant)
            // Damaged, it is passed over.
            await plant.stop()
            for position in try store.positions() { try store.write(Array(bytes.dropLast(9)), at: position) }
            try await plant.start()
            try await isWhatTheLogSays(plant)
            #expect(try plant.running.check.difference == nil)
        }
    }

    private func isWhatTheLogSays(_ plant: Plant) async throws {
        let follower = try plant.running.follower
        let (position, state) = follower.snapshot()
        let reader = try PlantFiles.reader(plant.directory)
        var folded = Folded<Fleet>()
        while folded.position < position,
            case let page = try reader.read(after: folded.position, limit: 1_024), !page.isEmpty
        {
            for entry in page where entry.position <= position { folded.apply(try FleetCodec().decode(entry)) }
        }
        #expect(SnapshotBytes.fields(of: folded.state) == SnapshotBytes.fields(of: state))
    }

    @Test("A start that is no longer wanted folds nothing and gives the directory back")
    func cancelledStart() async throws {
        try await Plant.run { plant in
            await plant.stop()
            let isReady = Flagged()
            let second = ControlPlane(
                configuration: Plant.configuration(plant.directory), logger: Plant.quiet,
                onReady: { _ in isReady.set() })
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await second.run()
            }
            try await task.value
            #expect(!isReady.isSet)
            try await plant.start()
        }
    }
}

private final class Flagged: Sendable {
    private let value = Mutex(false)

    var isSet: Bool { value.withLock { $0 } }

    func set() { value.withLock { $0 = true } }
}
