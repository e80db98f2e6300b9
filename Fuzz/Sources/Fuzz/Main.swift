import Foundation

/// `Fuzz TARGET [options and corpus folders of libFuzzer]`, `Fuzz --list`, or `Fuzz --seeds FOLDER`.
@main
enum Fuzz {
    /// The one target of this process: libFuzzer's callback carries no context.
    nonisolated(unsafe) static var target = Target.all[0]

    static func main() throws {
        let arguments = CommandLine.arguments
        switch arguments.dropFirst().first {
        case "--list"?:
            for target in Target.all { print(target.name, target.maximumByteCount) }
        case "--seeds"? where arguments.count == 3:
            try Seeds.write(into: arguments[2])
        case let name?:
            guard let found = Target.all.first(where: { $0.name == name }) else { return usage() }
            target = found
            drive()
        case nil:
            usage()
        }
    }

    private static func usage() {
        FileHandle.standardError.write(
            Data("usage: Fuzz TARGET [OPTION…] [CORPUS…] | Fuzz --list | Fuzz --seeds FOLDER\n".utf8))
        exit(2)
    }

    /// Hands over to libFuzzer, which does not see the target's name.
    private static func drive() {
        var count = CommandLine.argc - 1
        let values = CommandLine.unsafeArgv + 1
        values[0] = CommandLine.unsafeArgv[0]
        var start = values
        exit(
            runDriver(&count, &start) { bytes, byteCount in
                Fuzz.target.run(Array(UnsafeBufferPointer(start: bytes, count: byteCount)))
                return 0
            })
    }
}

/// libFuzzer's own loop. Source: LLVM, `compiler-rt/lib/fuzzer/FuzzerDriver.cpp`.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ values: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
