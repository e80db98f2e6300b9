import Foundation
import Yams

/// Options from a YAML file and from the environment: an option wins over the environment, the environment over the file.
struct Settings {
    private var values: [String: String] = [:]

    /// - Parameter names: The options there are, as they are on the command line.
    /// - Throws: ``Failure`` for a file that cannot be read, is not such YAML, or has a key that is no option.
    init(file: String?, names: [String], environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        if let file { try read(file, names) }
        for name in names {
            let variable = "BACKUPY_" + name.uppercased().replacing("-", with: "_")
            if let value = environment[variable], !value.isEmpty { values[name] = value }
        }
    }

    private mutating func read(_ file: String, _ names: [String]) throws {
        guard let text = Input.text(of: file) else {
            throw Failure(text: "--config: \(file) cannot be read", code: Failure.usage)
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw Failure(text: "--config: \(file) is no YAML: \(error)", code: Failure.usage)
        }
        guard let node else { return }
        guard let mapping = node.mapping else {
            throw Failure(text: "--config: \(file) must hold option: value pairs", code: Failure.usage)
        }
        for (key, value) in mapping {
            guard let name = key.string, names.contains(name) else {
                throw Failure(
                    text: "--config: “\(key.string ?? "?")” is no option; there are \(names.joined(separator: ", "))",
                    code: Failure.usage)
            }
            guard let text = value.scalar?.string else {
                throw Failure(text: "--config: \(name) must have one value", code: Failure.usage)
            }
            values[name] = text
        }
    }

    func text(_ name: String, _ option: String?) -> String? { option ?? values[name] }

    func flag(_ name: String, _ option: Bool) throws -> Bool {
        if option { return true }
        switch values[name]?.lowercased() {
        case nil, "false", "0", "no", "off": return false
        case "true", "1", "yes", "on": return true
        case let word?:
            throw Failure(text: "\(name): “\(word)” is neither true nor false", code: Failure.usage)
        }
    }
}
