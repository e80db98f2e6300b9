// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func backupy(_ names: String...) -> [Target.Dependency] {
    names.map { .product(name: $0, package: "backupy") }
}

func nio(_ names: String...) -> [Target.Dependency] {
    names.map { .product(name: $0, package: "swift-nio") }
}

// `Hot` and `Worlds` need neither NIO nor TLS, so that CI builds them in minutes.
let package = Package(
    name: "benchmarks",
    products: [.library(name: "HotParts", targets: ["HotParts"])],
    dependencies: [
        .package(name: "backupy", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .target(
            name: "HotParts",
            dependencies: backupy("Core", "Engine", "Objects", "Recordings", "SQLiteLog", "Wire")
                + [.product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
        .executableTarget(name: "Hot", dependencies: ["HotParts"], swiftSettings: settings),
        .executableTarget(name: "Worlds", dependencies: backupy("Core", "Simulation"), swiftSettings: settings),
        .executableTarget(
            name: "Echo",
            dependencies: backupy("Core", "Wire") + nio("NIOCore", "NIOHTTP1", "NIOPosix", "NIOWebSocket"),
            swiftSettings: settings),
    ]
)
