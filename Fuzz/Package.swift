// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "fuzz",
    dependencies: [
        .package(name: "backupy", path: ".."),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: [
        // Those files of `Server` that read what a request brings, without the server: a build with NIO and Hummingbird
        // would take three times as long, and run no faster.
        .target(
            name: "Door",
            dependencies: [
                .product(name: "Core", package: "backupy"), .product(name: "Digests", package: "backupy"),
                .product(name: "Engine", package: "backupy"), .product(name: "Wire", package: "backupy"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            path: "Server",
            sources: [
                "Objects/ByteRange.swift", "REST/AgentJSON.swift", "REST/Body.swift", "REST/CheckBody.swift",
                "REST/CheckJSON.swift",
                "REST/ConfigurationBodies.swift",
                "REST/ConfigurationJSON.swift", "REST/FleetBodies.swift", "REST/JSON.swift", "REST/JSONParser.swift",
                "REST/KnownSecrets.swift",
                "REST/MessageJSON.swift",
                "REST/Moment.swift", "REST/Page.swift", "REST/ReportJSON.swift", "REST/RequestJSON.swift",
                "REST/RESTError.swift", "REST/RetentionJSON.swift", "REST/Revision.swift", "REST/SlotJSON.swift",
                "Sessions/MessageAssembler.swift", "Sessions/SessionState.swift",
            ],
            swiftSettings: settings),
        // What reads time zones, without the workers that need NIO.
        .target(
            name: "Zones", dependencies: [.product(name: "Core", package: "backupy")], path: "Workers/Zones",
            swiftSettings: settings),
        // What reads along an archive, likewise.
        .target(
            name: "Archives", path: "Workers/Dump/PostgreSQL", exclude: ["PostgreSQLDriver.swift"],
            swiftSettings: settings),
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "Archives", "Door", "Zones", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Core", package: "backupy"), .product(name: "Digests", package: "backupy"),
                .product(name: "Engine", package: "backupy"), .product(name: "Objects", package: "backupy"),
                .product(name: "Recordings", package: "backupy"), .product(name: "SQLiteLog", package: "backupy"),
                .product(name: "Wire", package: "backupy"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: settings),
    ]
)
