extension ControlPlane {
    /// What a control plane is started with.
    public struct Configuration: Sendable {
        /// Files of a TLS certificate, PEM.
        public struct TLS: Hashable, Sendable {
            /// The chain, the server's own certificate first.
            public var certificateFile: String
            /// Its private key.
            public var keyFile: String

            /// Both files.
            public init(certificateFile: String, keyFile: String) {
                self.certificateFile = certificateFile
                self.keyFile = keyFile
            }
        }

        /// Where everything is kept; made when it is not there.
        public var dataDirectory: String
        /// Where agents and people connect.
        public var listen: ListenAddress
        /// How agents reach this server, such as `https://backup.example`; nil: at the listen address.
        public var publicURL: String?
        /// Where the master key is; nil: `master.key` in the data directory.
        public var masterKeyFile: String?
        /// The certificate; nil serves without TLS.
        public var tls: TLS?
        /// Listen without TLS where other machines can reach it.
        public var allowInsecure = false
        /// Let health checks of the control plane probe addresses of its own host and link.
        public var allowsLocalProbes = false
        /// A PEM file of certificates that probes trust beside the system's.
        public var trustedCertificates: String?
        /// Where figures are shown without a token; nil: only at `/metrics` with one.
        public var metricsListen: ListenAddress?
        /// The most bytes of one backup's object.
        public var maximumObjectByteCount: UInt64 = 5 << 40
        /// What stands in the log as the build.
        public var build = "backupy"

        /// The defaults, for one data directory.
        public init(dataDirectory: String, listen: ListenAddress = ListenAddress(host: "127.0.0.1", port: 8_080)) {
            self.dataDirectory = dataDirectory
            self.listen = listen
        }

        /// Refuses what must not be started, before anything is touched.
        func check() throws(StartError) {
            if !listen.isLoopback, tls == nil, !allowInsecure { throw .insecure(listen) }
            if listen.isWildcard, publicURL == nil { throw .wildcardWithoutPublicURL(listen) }
            if let publicURL {
                let rest = ["https://", "http://"].first { publicURL.hasPrefix($0) }.map {
                    publicURL.dropFirst($0.count)
                }
                guard let rest, let first = rest.first, first != "/", !rest.contains(where: { "?#@ ".contains($0) })
                else { throw .badPublicURL(publicURL) }
            }
        }

        /// How agents reach the server, once its port is known.
        func baseURL(port: Int) -> String {
            publicURL ?? "\(tls == nil ? "http" : "https")://\(ListenAddress(host: listen.host, port: port))"
        }

        var masterKeyPath: String { masterKeyFile ?? dataDirectory + "/master.key" }
    }
}
