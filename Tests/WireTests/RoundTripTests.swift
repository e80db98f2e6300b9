import Foundation
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("Every message survives its encoding")
struct RoundTripTests {
    static let samples: [WireEnvelope] = agentPayloads.map(envelope) + serverPayloads.map(envelope)

    @Test("Encoded and decoded is equal", arguments: samples)
    func roundTrip(_ sample: WireEnvelope) throws {
        let bytes: [UInt8] = try sample.serializedBytes()
        let decoded = try WireEnvelope(serializedBytes: bytes)
        #expect(decoded == sample)
        #expect(decoded.unknownFields.data.isEmpty)
    }

    @Test("Each payload has a sample, on the tag that the protocol gives it")
    func tags() throws {
        let tags = try Self.samples.map { sample in
            var bare = WireEnvelope()
            bare.payload = sample.payload
            let bytes: [UInt8] = try bare.serializedBytes()
            // The tag is a varint of one or two bytes for all of ours.
            return (bytes[0] & 0x80 == 0 ? Int(bytes[0]) : Int(bytes[0] & 0x7F) | Int(bytes[1]) << 7) >> 3
        }
        #expect(tags == Array(10...18) + Array(50...54) + [56, 57, 1000, 1010])
    }

    private static func envelope(_ payload: WireEnvelope.OneOf_Payload) -> WireEnvelope {
        .with {
            $0.seq = .max
            $0.tsMs = 1_795_342_527_904
            $0.correlationID = "c-1"
            $0.payload = payload
        }
    }

    private static let agentPayloads: [WireEnvelope.OneOf_Payload] = [
        .register(
            .with {
                $0.agentVersion = "v0.1.0"
                $0.hostname = "lab"
                $0.os = "linux"
                $0.arch = "amd64"
                $0.dockerVersion = "20.10"
                $0.capabilities = ["pg_dump", "mysqldump"]
                $0.lastKnownConfigVersion = 7
            }),
        .heartbeat(
            .with {
                $0.configVersion = 8
                $0.metrics = .with {
                    $0.cpuPercent = 12.5
                    $0.memUsedBytes = 1
                    $0.memTotalBytes = 2
                    $0.diskUsedBytes = 3
                    $0.diskTotalBytes = 4
                    $0.queueDepth = 5
                }
                $0.activeJobIds = ["a", "b"]
            }),
        .discovery(
            .with {
                $0.containers = [
                    .with {
                        $0.containerID = "c0ffee"
                        $0.name = "db"
                        $0.image = "postgres:16"
                        $0.detectedDbType = "postgresql"
                        $0.networks = ["net"]
                        $0.envHints = ["POSTGRES_USER": "set"]
                        $0.ports = [
                            .with {
                                $0.containerPort = 5432
                                $0.hostPort = 15432
                                $0.`protocol` = "tcp"
                            }
                        ]
                    }
                ]
            }),
        .jobUpdate(
            .with {
                $0.jobID = "job"
                $0.status = .failed
                $0.progressPercent = 50
                $0.currentStep = "dump"
                $0.errorMessage = "dump: ü"
                $0.runID = "run"
            }),
        .backupCompleted(
            .with {
                $0.jobID = "job"
                $0.runID = "run"
                $0.s3Key = "key"
                $0.sizeBytes = 1 << 40
                $0.sha256 = "00"
                $0.durationMs = 9
                $0.dekKmsID = "kms"
                $0.encryptedDek = .init(repeating: 0xFF, count: 32)
                $0.compression = "zstd"
                $0.dbEngineVersion = "PostgreSQL 15"
            }),
        .healthResult(
            .with {
                $0.checkID = "check"
                $0.tsMs = 1
                $0.ok = true
                $0.latencyMs = 2
                $0.error = "e"
                $0.statusCode = 200
            }),
        .log(
            .with {
                $0.tsMs = 1
                $0.level = .error
                $0.jobID = "job"
                $0.message = "m"
                $0.fields = ["k": "v"]
            }),
        .restoreUpdate(
            .with {
                $0.restoreID = "r"
                $0.status = .cancelled
                $0.progressPercent = 1
                $0.currentStep = "s"
                $0.errorMessage = "e"
            }),
        .ack(
            .with {
                $0.correlationID = "c-1"
                $0.accepted = true
                $0.reason = "why"
            }),
    ]

    private static let serverPayloads: [WireEnvelope.OneOf_Payload] = [
        .registerAck(
            .with {
                $0.sessionID = "s"
                $0.config = config
                $0.heartbeatIntervalSec = 30
                $0.serverTimeIso = "2026-11-22T12:00:00Z"
            }),
        .configUpdate(.with { $0.config = config }),
        .runBackup(
            .with {
                $0.jobID = "job"
                $0.runID = "run"
                $0.manualTrigger = true
                $0.uploadCreds = .with {
                    $0.presignedPutURL = "https://s3/key?X-Amz-Signature=00"
                    $0.expiresAtMs = 1
                    $0.finalS3Key = "key"
                }
                $0.encryptedDek = .init(repeating: 1, count: 32)
            }),
        .cancelJob(.with { $0.jobID = "job" }),
        .runHealthCheck(.with { $0.checkID = "check" }),
        .selfUpdate(
            .with {
                $0.targetVersion = "v0.2.0"
                $0.binaryURL = "https://x/y"
                $0.sha256 = "00"
                $0.cosignSignature = .init([1, 2])
                $0.force = true
            }),
        .ping(.with { $0.tsMs = 1 }),
        .reportAcknowledged(
            .with {
                $0.runID = "run_7Hq2mZ0aB1c-2"
                $0.seq = 12
            }),
        .healthReport(
            .with {
                $0.result.checkID = "check"
                $0.result.tsMs = 1
                $0.result.error = "e"
                $0.resolveMs = 0
                $0.connectMs = 1
                $0.tlsMs = 2
                $0.firstByteMs = .max
                $0.certificateExpiresAtMs = .max
                $0.failure = 99
            }),
    ]

    private static let config = WireAgentConfig.with {
        $0.version = 3
        $0.targets = [
            .with {
                $0.id = "t"
                $0.type = .sqlite
                $0.displayName = "T"
                $0.connection = .with {
                    $0.host = "h"
                    $0.port = 1
                    $0.database = "d"
                    $0.username = "u"
                    $0.passwordSecretRef = "p"
                    $0.containerID = "c"
                    $0.strategy = .unixSocket
                }
            }
        ]
        $0.jobs = [
            .with {
                $0.id = "j"
                $0.targetID = "t"
                $0.cron = "0 2 * * *"
                $0.retentionDays = 30
                $0.compression = "zstd"
                $0.encryptionEnabled = true
                $0.preHooks = ["true"]
                $0.postHooks = ["false"]
                $0.retry = .with {
                    $0.maxAttempts = 3
                    $0.backoffSeconds = [60, 300]
                }
                $0.timeoutSec = 60
            }
        ]
        $0.healthChecks = [
            .with {
                $0.id = "h"
                $0.name = "n"
                $0.type = .tcpCheck
                $0.target = "x:1"
                $0.intervalSec = 1
                $0.timeoutSec = 2
                $0.expectedStatus = 200
            }
        ]
        $0.maintenance = .with {
            $0.startUtc = "22:00"
            $0.endUtc = "02:00"
        }
        $0.advanced = .with {
            $0.maxParallelJobs = 4
            $0.logLevel = "info"
            $0.autoUpdateEnabled = true
        }
    }
}
