// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// By itself, so that nobody who builds the other benchmarks fetches the library. Without its traits it puts nothing of
// its own before `malloc`.
let package = Package(
    name: "parts",
    dependencies: [
        .package(name: "benchmarks", path: ".."),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        // The library looks for benchmarks in folders of this name.
        .executableTarget(
            name: "Parts",
            dependencies: [
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "HotParts", package: "benchmarks"),
            ],
            path: "Benchmarks/Parts",
            swiftSettings: settings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ]
)
