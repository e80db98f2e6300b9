import Agent

/// The agent's configuration, by a name that the wire does not use too.
typealias AgentSetup = AgentConfiguration
