// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "backupy", path: "..")],
    targets: [
        .executableTarget(
            name: "TurnsBenchmark",
            dependencies: [
                .product(name: "Core", package: "backupy"), .product(name: "Engine", package: "backupy"),
                .product(name: "SQLiteLog", package: "backupy"),
            ], swiftSettings: settings)
    ]
)
