// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

func hummingbird(_ names: String...) -> [Target.Dependency] {
    names.map { .product(name: $0, package: "hummingbird") }
}

func nio(_ names: String...) -> [Target.Dependency] {
    names.map { .product(name: $0, package: "swift-nio") }
}

func library(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "backupy",
    products: [
        .library(name: "Core", targets: ["Core"]),
        .library(name: "Engine", targets: ["Engine"]),
        .library(name: "SQLiteLog", targets: ["SQLiteLog"]),
        .library(name: "ControlPlane", targets: ["ControlPlane"]),
        .library(name: "Digests", targets: ["Digests"]),
        .library(name: "Objects", targets: ["Objects"]),
        .library(name: "Recordings", targets: ["Recordings"]),
        .library(name: "Simulation", targets: ["Simulation"]),
        .library(name: "Wire", targets: ["Wire"]),
        .executable(name: "backupy", targets: ["backupy"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CSQLiteBatch", dependencies: ["CSQLite"]),
        .target(name: "CSQLiteStream", dependencies: ["CSQLite"]),
        library("Core", []),
        library("Digests", ["COpenSSL"]),
        library("Engine", ["Core", "Digests", logging]),
        library("Wire", ["Core", "Digests", "Engine", protobuf], exclude: ["Generated/SCHEMAS.sha256"]),
        library("SQLiteLog", ["Core", "CSQLite", "CSQLiteBatch", "Digests", "Engine"]),
        library("Objects", ["Core", "CZstd", "Digests", "Engine"]),
        library(
            "Workers",
            [
                "Core", "CSQLite", "CSQLiteStream", "Digests", "Engine", "Objects", "Wire", asyncHTTPClient, logging,
                nioSSL, subprocess, systemPackage,
            ] + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOTLS")),
        library(
            "Agent",
            [
                "Core", "Digests", "Engine", "SQLiteLog", "Telemetry", "Wire", "Workers", asyncHTTPClient, logging,
                nioSSL,
                serviceLifecycle,
            ] + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket")),
        library(
            "Server",
            [
                "Core", "Digests", "Engine", "Objects", "Wire", httpTypes, logging,
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
            ] + hummingbird("Hummingbird", "HummingbirdCore")
                + nio("NIOCore", "NIOHTTP1", "NIOPosix", "NIOWebSocket")),
        library(
            "ControlPlane",
            [
                "Core", "Digests", "Engine", "Objects", "Server", "SQLiteLog", "Telemetry", "Wire", "Workers", logging,
                nioSSL, serviceLifecycle,
            ] + hummingbird("Hummingbird", "HummingbirdCore") + nio("NIOCore", "NIOPosix")),
        library("Telemetry", [logging] + nio("NIOCore", "NIOHTTP1", "NIOPosix")),
        library("Simulation", ["Core", "Digests", "Engine", "Wire"]),
        .executableTarget(
            name: "backupy",
            dependencies: [
                "Agent", "ControlPlane", "Core", "CSQLite", "Digests", "Engine", "Objects", "Recordings", "Server",
                "Simulation", "SQLiteLog", "Telemetry", "Wire", argumentParser, asyncHTTPClient, logging, nioSSL,
                serviceLifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ] + nio("NIOCore", "NIOHTTP1", "NIOPosix"),
            swiftSettings: settings),
        library("Recordings", ["Core", "Digests", "Engine", "Wire"]),
        .executableTarget(
            name: "replay-probe", dependencies: ["Recordings"], path: "Tests/ReplayProbe", swiftSettings: settings),
        .executableTarget(
            name: "simulation-probe", dependencies: ["Core", "Simulation"], path: "Tests/SimulationProbe",
            swiftSettings: settings),
        .executableTarget(
            name: "long-log", dependencies: ["Core", "Digests", "Engine", "SQLiteLog", "Wire"], path: "Tests/LongLog",
            swiftSettings: settings),
        tests("CoreTests", ["Core"]),
        tests("DigestsTests", ["Digests"]),
        tests("EngineTests", ["Core", "Digests", "Engine", logging]),
        tests("WireTests", ["Core", "Engine", "Wire", protobuf]),
        .target(name: "CFaultVFS", dependencies: ["CSQLite"], path: "Tests/CFaultVFS"),
        tests(
            "SQLiteLogTests",
            ["CFaultVFS", "Core", "CSQLite", "Digests", "Engine", "Recordings", "SQLiteLog", "Wire", logging]),
        tests("RecordingsTests", ["Core", "Engine", "Recordings", "Wire", protobuf]),
        tests("ReplayTests", ["Core", "Engine", "Recordings", "Wire", "replay-probe"]),
        .target(
            name: "TestCertificates", dependencies: [nioSSL], path: "Tests/TestCertificates", swiftSettings: settings),
        tests(
            "AgentTests",
            [
                "Agent", "Core", "CSQLite", "Digests", "Engine", "Objects", "SQLiteLog", "TestCertificates", "Wire",
                "Workers", logging, nioSSL, protobuf, serviceLifecycle,
            ] + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket")),
        tests(
            "ServerTests",
            ["Core", "Digests", "Engine", "Objects", "Server", "SQLiteLog", "Wire", httpTypes, logging, protobuf]
                + hummingbird("Hummingbird", "HummingbirdTesting")
                + nio("NIOCore", "NIOEmbedded", "NIOHTTP1", "NIOWebSocket")),
        tests("TelemetryTests", ["Telemetry", logging] + nio("NIOCore", "NIOPosix")),
        tests(
            "SimulationTests", ["Core", "Digests", "Engine", "Recordings", "Simulation", "Wire", "simulation-probe"]),
        tests(
            "ControlPlaneTests",
            [
                "ControlPlane", "Core", "Digests", "Engine", "Objects", "Recordings", "Server", "SQLiteLog",
                "TestCertificates", "Wire", "Workers", asyncHTTPClient, logging, serviceLifecycle,
            ] + nio("NIOCore", "NIOHTTP1", "NIOPosix", "NIOWebSocket")),
        .testTarget(
            name: "ObjectsTests", dependencies: ["CZstd", "Digests", "Engine", "Objects"], exclude: ["Fixtures"],
            swiftSettings: settings),
        tests(
            "WorkersTests",
            [
                "Core", "CSQLite", "Digests", "Engine", "Objects", "TestCertificates", "Wire", "Workers",
                asyncHTTPClient,
                logging, nioSSL,
            ]
                + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
    ]
)
