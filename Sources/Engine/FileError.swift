import Foundation

/// An operation on a file failed.
public struct FileError: Error, Hashable, CustomStringConvertible {
    /// The file or folder.
    public var path: String
    /// What was tried, such as `open`.
    public var operation: String
    /// The system's error number.
    public var code: Int32

    /// An operation that failed just now, unless `code` says otherwise.
    public init(_ path: String, _ operation: String, code: Int32 = errno) {
        self.path = path
        self.operation = operation
        self.code = code
    }

    /// The system's own words for the error number.
    public var reason: String { String(cString: strerror(code)) }

    /// Path, operation and the system's own words.
    public var description: String { "\(path): \(operation) failed: \(reason) (\(code))" }
}
