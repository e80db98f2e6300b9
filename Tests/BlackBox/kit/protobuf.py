"""The wire's messages as dictionaries, encoded by the tables of the protocol's description."""
import struct

UINT, TEXT, BYTES, BOOL, FLOAT = "uint", "text", "bytes", "bool", "float"


def many(kind):
    return ("many", kind)


def mapping():
    return ("map",)


MESSAGES = {
    "Envelope": {
        1: ("seq", UINT), 2: ("ts_ms", UINT), 3: ("correlation_id", TEXT),
        10: ("register", "Register"), 11: ("heartbeat", "Heartbeat"), 12: ("discovery", "DiscoveryReport"),
        13: ("job_update", "JobUpdate"), 14: ("backup_completed", "BackupCompleted"),
        15: ("health_result", "HealthCheckResult"), 16: ("log", "LogEvent"), 17: ("restore_update", "RestoreUpdate"),
        18: ("ack", "Ack"), 50: ("register_ack", "RegisterAck"), 51: ("config_update", "ConfigUpdate"),
        52: ("run_backup", "RunBackup"), 53: ("cancel_job", "CancelJob"), 54: ("run_health_check", "RunHealthCheck"),
        56: ("self_update", "SelfUpdate"), 57: ("ping", "Ping"),
        1000: ("report_acknowledged", "ReportAcknowledged"),  # only where the extension report-ack was agreed on
    },
    "AgentMetrics": {
        1: ("cpu_percent", FLOAT), 2: ("mem_used_bytes", UINT), 3: ("mem_total_bytes", UINT),
        4: ("disk_used_bytes", UINT), 5: ("disk_total_bytes", UINT), 6: ("queue_depth", UINT),
    },
    "PortBinding": {1: ("container_port", UINT), 2: ("host_port", UINT), 3: ("protocol", TEXT)},
    "S3UploadCreds": {1: ("presigned_put_url", TEXT), 2: ("expires_at_ms", UINT), 3: ("final_s3_key", TEXT)},
    "RetryPolicy": {1: ("max_attempts", UINT), 2: ("backoff_seconds", many(UINT))},
    "MaintenanceWindow": {1: ("start_utc", TEXT), 2: ("end_utc", TEXT)},
    "AdvancedSettings": {1: ("max_parallel_jobs", UINT), 2: ("log_level", TEXT), 3: ("auto_update_enabled", BOOL)},
    "Register": {
        1: ("agent_version", TEXT), 2: ("hostname", TEXT), 3: ("os", TEXT), 4: ("arch", TEXT),
        5: ("docker_version", TEXT), 6: ("capabilities", many(TEXT)), 7: ("last_known_config_version", UINT),
    },
    "Heartbeat": {1: ("config_version", UINT), 2: ("metrics", "AgentMetrics"), 3: ("active_job_ids", many(TEXT))},
    "DiscoveryReport": {1: ("containers", many("DiscoveredContainer"))},
    "DiscoveredContainer": {
        1: ("container_id", TEXT), 2: ("name", TEXT), 3: ("image", TEXT), 4: ("detected_db_type", TEXT),
        5: ("networks", many(TEXT)), 6: ("env_hints", mapping()), 7: ("ports", many("PortBinding")),
    },
    "JobUpdate": {
        1: ("job_id", TEXT), 2: ("status", UINT), 3: ("progress_percent", UINT), 4: ("current_step", TEXT),
        5: ("error_message", TEXT), 6: ("run_id", TEXT),
    },
    "BackupCompleted": {
        1: ("job_id", TEXT), 2: ("run_id", TEXT), 3: ("s3_key", TEXT), 4: ("size_bytes", UINT), 5: ("sha256", TEXT),
        6: ("duration_ms", UINT), 7: ("dek_kms_id", TEXT), 8: ("encrypted_dek", BYTES), 9: ("compression", TEXT),
        10: ("db_engine_version", TEXT),
    },
    "HealthCheckResult": {
        1: ("check_id", TEXT), 2: ("ts_ms", UINT), 3: ("ok", BOOL), 4: ("latency_ms", UINT), 5: ("error", TEXT),
        6: ("status_code", UINT),
    },
    "LogEvent": {
        1: ("ts_ms", UINT), 2: ("level", UINT), 3: ("job_id", TEXT), 4: ("message", TEXT), 5: ("fields", mapping()),
    },
    "RestoreUpdate": {
        1: ("restore_id", TEXT), 2: ("status", UINT), 3: ("progress_percent", UINT), 4: ("current_step", TEXT),
        5: ("error_message", TEXT),
    },
    "Ack": {1: ("correlation_id", TEXT), 2: ("accepted", BOOL), 3: ("reason", TEXT)},
    "RegisterAck": {
        1: ("session_id", TEXT), 2: ("config", "AgentConfig"), 3: ("heartbeat_interval_sec", UINT),
        4: ("server_time_iso", TEXT),
    },
    "AgentConfig": {
        1: ("version", UINT), 2: ("targets", many("Target")), 3: ("jobs", many("BackupJobSpec")),
        4: ("health_checks", many("HealthCheckSpec")), 5: ("maintenance", "MaintenanceWindow"),
        6: ("advanced", "AdvancedSettings"),
    },
    "Target": {1: ("id", TEXT), 2: ("type", UINT), 3: ("display_name", TEXT), 4: ("connection", "ConnectionConfig")},
    "ConnectionConfig": {
        1: ("host", TEXT), 2: ("port", UINT), 3: ("database", TEXT), 4: ("username", TEXT),
        5: ("password_secret_ref", TEXT), 6: ("container_id", TEXT), 7: ("strategy", UINT),
    },
    "BackupJobSpec": {
        1: ("id", TEXT), 2: ("target_id", TEXT), 3: ("cron", TEXT), 4: ("retention_days", UINT),
        5: ("compression", TEXT), 6: ("encryption_enabled", BOOL), 7: ("pre_hooks", many(TEXT)),
        8: ("post_hooks", many(TEXT)), 9: ("retry", "RetryPolicy"), 10: ("timeout_sec", UINT),
    },
    "HealthCheckSpec": {
        1: ("id", TEXT), 2: ("name", TEXT), 3: ("type", UINT), 4: ("target", TEXT), 5: ("interval_sec", UINT),
        6: ("timeout_sec", UINT), 7: ("expected_status", UINT),
    },
    "ConfigUpdate": {1: ("config", "AgentConfig")},
    "RunBackup": {
        1: ("job_id", TEXT), 2: ("run_id", TEXT), 3: ("manual_trigger", BOOL), 4: ("upload_creds", "S3UploadCreds"),
        5: ("encrypted_dek", BYTES),
    },
    "CancelJob": {1: ("job_id", TEXT)},
    "RunHealthCheck": {1: ("check_id", TEXT)},
    "SelfUpdate": {
        1: ("target_version", TEXT), 2: ("binary_url", TEXT), 3: ("sha256", TEXT), 4: ("cosign_signature", BYTES),
        5: ("force", BOOL),
    },
    "Ping": {1: ("ts_ms", UINT)},
    "ReportAcknowledged": {1: ("run_id", TEXT), 2: ("seq", UINT)},
}
DEFAULTS = {UINT: 0, TEXT: "", BYTES: b"", BOOL: False, FLOAT: 0.0}


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, payload):
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def encode(message, values):
    out = bytearray()
    known = {name: (number, kind) for number, (name, kind) in MESSAGES[message].items()}
    for name, value in values.items():
        number, kind = known[name]
        if isinstance(kind, tuple) and kind[0] == "map":
            for key, text in value.items():
                out += field(number, field(1, key.encode()) + field(2, text.encode()))
        elif isinstance(kind, tuple) and kind[1] == UINT:
            out += field(number, b"".join(varint(item) for item in value))
        elif isinstance(kind, tuple):
            for item in value:
                out += _encode_one(number, kind[1], item)
        else:
            out += _encode_one(number, kind, value)
    return bytes(out)


def _encode_one(number, kind, value):
    if kind == UINT or kind == BOOL:
        return varint(number << 3) + varint(int(value))
    if kind == FLOAT:
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if kind == TEXT:
        return field(number, value.encode() if isinstance(value, str) else value)
    if kind == BYTES:
        return field(number, value)
    return field(number, encode(kind, value))


def decode(message, data):
    """All fields of a message, absent scalars with their default, absent messages None. Unknown fields are kept
    under "unknown". Raises ValueError."""
    values = {}
    for name, kind in MESSAGES[message].values():
        values[name] = [] if isinstance(kind, tuple) and kind[0] == "many" else (
            {} if isinstance(kind, tuple) else DEFAULTS.get(kind))
    unknown = []
    place = 0
    while place < len(data):
        tag, place = _read_varint(data, place)
        value, place = _read_value(data, place, tag & 7)
        if tag >> 3 not in MESSAGES[message]:
            unknown.append((tag >> 3, value))
            continue
        name, kind = MESSAGES[message][tag >> 3]
        if isinstance(kind, tuple) and kind[0] == "map":
            pair = _fields(value)
            values[name][pair.get(1, b"").decode()] = pair.get(2, b"").decode()
        elif isinstance(kind, tuple) and kind[1] == UINT and tag & 7 == 2:
            inner = 0
            while inner < len(value):
                number, inner = _read_varint(value, inner)
                values[name].append(number)
        elif isinstance(kind, tuple):
            values[name].append(_decode_one(kind[1], value))
        else:
            values[name] = _decode_one(kind, value)
    if unknown:
        values["unknown"] = unknown
    return values


def _fields(data):
    found, place = {}, 0
    while place < len(data):
        tag, place = _read_varint(data, place)
        found[tag >> 3], place = _read_value(data, place, tag & 7)
    return found


def _decode_one(kind, value):
    if kind == UINT:
        return value
    if kind == BOOL:
        return value != 0
    if kind == FLOAT:
        return struct.unpack("<f", value)[0]
    if kind == TEXT:
        return value.decode()
    if kind == BYTES:
        return bytes(value)
    return decode(kind, value)


def _read_varint(data, place):
    number, shift = 0, 0
    while True:
        if place >= len(data) or shift > 63:
            raise ValueError("a varint without end")
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7


def _read_value(data, place, wire_type):
    if wire_type == 0:
        return _read_varint(data, place)
    count = {1: 8, 5: 4}.get(wire_type)
    if wire_type == 2:
        count, place = _read_varint(data, place)
    if count is None or place + count > len(data):
        raise ValueError(f"a field that does not fit (wire type {wire_type})")
    return data[place:place + count], place + count


def payload(envelope):
    """The kind of an envelope's payload and the payload; (None, None) when it has none that is known."""
    for number, (name, _) in MESSAGES["Envelope"].items():
        if number >= 10 and envelope[name] is not None:
            return name, envelope[name]
    return None, None
