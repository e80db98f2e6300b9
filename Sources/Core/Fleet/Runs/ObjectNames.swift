/// The names of backup objects. Made here alone, whoever needs one: never taken from what an agent says.
public enum ObjectNames {
    /// The name of the object that an attempt of a run of our own makes: `AGENT/JOB/RUN-ATTEMPT.enc`.
    public static func name(agent: AgentID, job: JobID, run: RunID, attempt: Attempt) -> Text {
        Text("\(agent)/\(job)/\(WireRunID(run, attempt).text).enc")
    }
}
