import Foundation
import Synchronization

/// Does long or blocking work on a thread of its own, so that those of the tasks stay free: nothing else of the process
/// would go on, and no signal could be heard.
///
/// - Parameters:
///   - name: the thread's, for whoever looks at the process.
///   - work: is given what tells whether the calling task has been cancelled meanwhile.
package func onThread<Value: Sendable>(
    _ name: String, _ work: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws -> Value
) async throws -> Value {
    let flag = Flag()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result { try work { flag.isSet } }) }
            thread.name = name
            // As the first thread of a process has; folding and tools' output are not shallow.
            thread.stackSize = 8 << 20
            thread.start()
        }
    } onCancel: {
        flag.set()
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}
