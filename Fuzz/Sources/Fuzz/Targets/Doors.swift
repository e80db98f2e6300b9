import Engine
import Objects

@testable import Door

extension Target {
    /// Addresses of the embedded store: any target, and a genuine one that was changed.
    static let addresses = Target(name: "addresses", maximumByteCount: 1_024, seeds: addressSeeds) { bytes in
        var feed = Feed(bytes)
        let form = feed.byte()
        let method = form & 1 == 0 ? "PUT" : "GET"
        let base = form & 2 == 0 ? "http://127.0.0.1:8443" : "https://host.example/backup/"
        let signer = ObjectURLSigner(key: [UInt8](0..<32), base: base)
        if form & 4 == 0 {
            let target = String(decoding: feed.remainder(), as: UTF8.self)
            promise(signer.verify(method: method, target: target, nowMilliseconds: 5) == .invalid, "nobody guesses")
        } else {
            change(signer, method, &feed)
        }
    }

    private static let grant = ObjectName("agt_1/run_1.zst").map {
        ObjectURLSigner.Grant(name: $0, expiresAtMilliseconds: 77_000, maximumByteCount: 4_096)
    }

    private static func change(_ signer: ObjectURLSigner, _ method: String, _ feed: inout Feed) {
        guard var grant else { fatalError("broken: that is a name") }
        let name = grant.name
        let url: String
        if method == "PUT" {
            url = signer.uploadURL(for: name, maximumByteCount: 4_096, expiresAtMilliseconds: 77_000)
        } else {
            url = signer.downloadURL(for: name, expiresAtMilliseconds: 77_000)
            grant.maximumByteCount = 0
        }
        var target = Array(url.utf8.drop { $0 != UInt8(ascii: "o") })
        target.insert(UInt8(ascii: "/"), at: 0)
        let genuine = String(decoding: target, as: UTF8.self)
        while !feed.isEmpty {
            let place = Int(feed.byte()) % (target.count + 1)
            target.replaceSubrange(place..<min(place + 1, target.count), with: feed.shortPiece())
        }
        let text = String(decoding: target, as: UTF8.self)
        switch signer.verify(method: method, target: text, nowMilliseconds: 5) {
        case .valid(let found): promise(found == grant, "only what was granted")
        case .expired: promise(false, "a time that was not granted")
        case .invalid: promise(text != genuine || !genuine.hasPrefix("/objects/"), "what was granted")
        }
    }

    private static func addressSeeds() -> [[UInt8]] {
        let target = "/objects/agt_1/run_1.zst?expires=77000&max=4096&signature=00ff"
        return [
            [0] + target.utf8, [1] + target.utf8, [2] + "/backup".utf8 + target.utf8, [4], [5], [4, 9, 1, 0x41],
            [7, 3, 0],
        ]
    }

    /// JSON alone.
    static let json = Target(name: "json", maximumByteCount: 4_096, seeds: jsonSeeds) { bytes in
        guard let value = JSON(parsing: bytes) else { return }
        promise(JSON(parsing: value.bytes) == value, "a value comes back from its text")
        promise(JSON(parsing: value.bytes)?.bytes == value.bytes, "and the text from the value")
    }

    private static func jsonSeeds() -> [[UInt8]] {
        let texts = [
            "{}", "[]", "null", "true", "[false, -0.5e+10, \"\\ud83d\\ude00\\u00e9\\n\"]",
            #"{"a":{"b":[1,2,{"c":null}]}}"#,
            String(repeating: "[", count: 40), String(repeating: "{\"a\":", count: 33), "\"\u{e9}\u{1F600}\"",
            " \t\r\n1 ",
        ]
        return texts.map { Array($0.utf8) } + bodySeeds().map { Array($0.dropFirst()) }
    }
}
