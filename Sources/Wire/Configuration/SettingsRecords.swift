import Core

extension RecordFleetMaintenance {
    init(_ start: Text, _ end: Text) {
        self.init()
        startUtc = start.string
        endUtc = end.string
    }
}

extension RecordFleetSettings {
    init(_ agent: AgentID, _ settings: AgentSettings) {
        self.init()
        self.agent = agent.text.string
        maintenance = RecordFleetMaintenance(settings.maintenanceStart, settings.maintenanceEnd)
        maxParallelJobs = settings.maxParallelJobs
        logLevel = settings.logLevel.string
        autoUpdate = settings.autoUpdate
    }
}

extension AgentSettings {
    init(_ record: RecordFleetSettings) {
        self.init()
        maintenanceStart = Text(record.maintenance.startUtc)
        maintenanceEnd = Text(record.maintenance.endUtc)
        maxParallelJobs = record.maxParallelJobs
        logLevel = Text(record.logLevel)
        autoUpdate = record.autoUpdate
    }
}

extension RecordFleetSettingsField {
    init(_ field: SettingsField) {
        self.init()
        self.field =
            switch field {
            case .maintenance(let start, let end): .maintenance(RecordFleetMaintenance(start, end))
            case .maxParallelJobs(let value): .maxParallelJobs(value)
            case .logLevel(let value): .logLevel(value.string)
            case .autoUpdate(let value): .autoUpdate(value)
            }
    }
}

extension SettingsField {
    init(_ record: RecordFleetSettingsField) throws(RecordProblem) {
        switch record.field {
        case .maintenance(let it): self = .maintenance(start: Text(it.startUtc), end: Text(it.endUtc))
        case .maxParallelJobs(let value): self = .maxParallelJobs(value)
        case .logLevel(let value): self = .logLevel(Text(value))
        case .autoUpdate(let value): self = .autoUpdate(value)
        case nil: throw .unknown("field of settings")
        }
    }
}
