import Core
import Digests
import Testing

@testable import Engine

private struct Thing: Canonical {
    var note: Text?

    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) { encoder.encode("note", note) }
}

private struct Whole: Canonical {
    var things = Table<AgentID, Thing>()

    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("count", UInt64(258))
        encoder.encode("offset", Int64(-1))
        encoder.encode("yes", true)
        encoder.encode("no", false)
        encoder.encode("text", Text("é\"\n\u{1}\\"))
        encoder.encode("bytes", bytes: [0, 255])
        encoder.encode("gone", Text?.none)
        encoder.encode("thing", Thing(note: nil))
        encoder.encode("texts", list: [Text("a"), Text("")])
        encoder.encode("list", list: [Thing(note: "x")])
        encoder.encode("things", table: things) { $0.text }
    }
}

@Suite("The canonical encoding")
struct CanonicalTests {
    private var whole: Whole {
        var whole = Whole()
        whole.things[AgentID("b")] = Thing(note: "1")
        whole.things[AgentID("a")] = Thing(note: nil)
        return whole
    }

    @Test("Bytes are tagged and measured; entities stand as their digests, in id order")
    func bytes() {
        let a = SHA256.digest(of: [0]).bytes
        let b = SHA256.digest(of: [5, 0, 0, 0, 1, 0x31]).bytes
        var expected: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 1, 2]
        expected += [2] + [UInt8](repeating: 255, count: 8) + [4, 3]
        expected += [5, 0, 0, 0, 6, 0xC3, 0xA9, 0x22, 0x0A, 0x01, 0x5C, 6, 0, 0, 0, 2, 0, 255, 0, 7, 0, 8]
        expected += [9, 0, 0, 0, 2, 5, 0, 0, 0, 1, 0x61, 8, 5, 0, 0, 0, 0, 8]
        expected += [9, 0, 0, 0, 1, 5, 0, 0, 0, 1, 0x78, 8]
        expected += [10, 0, 0, 0, 2, 0, 0, 0, 1, 0x61] + a + [0, 0, 0, 1, 0x62] + b
        #expect(CanonicalBytes.fields(of: whole) == expected)
        #expect(StateDigest(of: whole).description == "s2:\(SHA256.digest(of: expected).hex)")
    }

    @Test("The order in which entities were created does not show")
    func order() {
        var other = Whole()
        other.things[AgentID("a")] = Thing(note: nil)
        other.things[AgentID("b")] = Thing(note: "1")
        #expect(StateDigest(of: other) == StateDigest(of: whole))
        other.things[AgentID("b")]?.note = "2"
        #expect(StateDigest(of: other) != StateDigest(of: whole))
    }

    @Test("JSON has the same order, and lists of bare texts")
    func json() {
        #expect(
            CanonicalJSON.render(whole)
                == #"{"count":258,"offset":-1,"yes":true,"no":false,"text":"é\"\n\u0001\\","bytes":"00ff","gone":null,"#
                + #""thing":{"note":null},"texts":["a",""],"list":[{"note":"x"}],"#
                + #""things":{"a":{"note":null},"b":{"note":"1"}}}"#)
    }
}
