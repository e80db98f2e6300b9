import Glibc

/// What was asked for cannot be measured.
public struct Complaint: Error, CustomStringConvertible {
    /// What is wrong.
    public let description: String

    /// A complaint in plain words.
    public init(_ description: String) { self.description = description }
}

/// Ends the process with a line on standard error.
public func leave(_ status: Int32, _ text: String) -> Never {
    let line = Array((text + "\n").utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(status)
}

/// A number above 0.
///
/// - Throws: ``Complaint`` when the text is something else.
public func number(_ text: String) throws(Complaint) -> Int {
    guard let number = Int(text), number > 0 else { throw Complaint("\(text) is no number above 0") }
    return number
}

/// Seconds that only ever grow.
func seconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

/// The most memory that this process has had in RAM, in MiB. Source: proc(5), `VmHWM`.
func peakMebibytes() -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text.hasPrefix("VmHWM:"),
            let kilobytes = text.split(whereSeparator: { " \t".contains($0) }).dropFirst().first
        {
            return (Int(kilobytes) ?? 0) / 1_024
        }
    }
    return 0
}
