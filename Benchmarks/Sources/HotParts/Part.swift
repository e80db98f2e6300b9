/// A hot part of Backupy whose work comes in units of one kind: `instructions.sh` counts their instructions, and
/// `Parts` takes their time. Making one prepares all that is not to be measured.
public protocol Part {
    /// Works some units.
    ///
    /// - Throws: What the part itself throws, or ``Complaint``.
    mutating func work(_ count: Int) throws
}

extension Part {
    /// Units per second, of a number of them.
    ///
    /// - Throws: What ``work(_:)`` throws.
    public mutating func rate(of count: Int) throws -> Double {
        let start = seconds()
        try work(count)
        return Double(count) / (seconds() - start)
    }
}
