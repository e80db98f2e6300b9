import ControlPlane

/// What this build is.
enum Build {
    static let version = ControlPlane.version
}
