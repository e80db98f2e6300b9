import NIOSSL

/// An authority that nothing but these tests trusts, and two certificates of it for localhost and 127.0.0.1: one good until
/// the first day of 2126, one that ended with 2020.
enum ProbeCertificates {
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBZjCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAhMR8wHQYDVQQDDBZiYWNrdXB5
        IHRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjYwMTAxMDAwMDAw
        WjAhMR8wHQYDVQQDDBZiYWNrdXB5IHRlc3QgYXV0aG9yaXR5MFkwEwYHKoZIzj0C
        AQYIKoZIzj0DAQcDQgAErsqBu492XQUFyGLR8BZvw+F5XnJeKtiFzQoD+YRxLwc/
        MYKa/ZMDmsBEYYbbnB3vjo62DzUn1w9GCaNeon0AIqMyMDAwDwYDVR0TAQH/BAUw
        AwEB/zAdBgNVHQ4EFgQUcjlKdsCgT1WaYY6bVul6kPATa98wCgYIKoZIzj0EAwID
        SQAwRgIhANwcuMnl3XEA7PXP83VDYtn/zWmZxkirj5pQs0A6Hn4UAiEA43P9pSBT
        +861s5ZfFEdwzZahZDvwxL69YpEv1xD7FBI=
        -----END CERTIFICATE-----
        """

    private static let good = """
        -----BEGIN CERTIFICATE-----
        MIIBUDCB+KADAgECAgECMAoGCCqGSM49BAMCMCExHzAdBgNVBAMMFmJhY2t1cHkg
        dGVzdCBhdXRob3JpdHkwIBcNMjAwMTAxMDAwMDAwWhgPMjEyNjAxMDEwMDAwMDBa
        MBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
        BJyyys5+zT3Ryv7dY6PzudWl2SwwTrItDmjVVunCnawRfyWh+F+zY3m4N46Pboy2
        ePWH8kCOn+VVPysnnHFCYo2jLDAqMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAA
        ATAMBgNVHRMBAf8EAjAAMAoGCCqGSM49BAMCA0cAMEQCIGkYo57dNkmYeHL+WDOG
        xIA6z8Ckr34bqNlG+7stQiWaAiBwxd7hu6BlgcAop2aPVvsvSF4aKms7G5YWYGgD
        jtyK1Q==
        -----END CERTIFICATE-----
        """

    private static let expired = """
        -----BEGIN CERTIFICATE-----
        MIIBTzCB9qADAgECAgEDMAoGCCqGSM49BAMCMCExHzAdBgNVBAMMFmJhY2t1cHkg
        dGVzdCBhdXRob3JpdHkwHhcNMjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAU
        MRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASc
        ssrOfs090cr+3WOj87nVpdksME6yLQ5o1Vbpwp2sEX8lofhfs2N5uDeOj26Mtnj1
        h/JAjp/lVT8rJ5xxQmKNoywwKjAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEw
        DAYDVR0TAQH/BAIwADAKBggqhkjOPQQDAgNIADBFAiEA2kFo+3+ozyq/FILkOxkT
        awGhE5PJ8b7TYH83j93qwJ4CIDGG6fY2g0oc+IbesEmqXvoDK0VJehaD7pJ8IOse
        Xbsm
        -----END CERTIFICATE-----
        """

    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrpeM5qGzL/qT3gG7
        pFkfC0SbtMsE3+u/n6BX4Vo3SIKhRANCAAScssrOfs090cr+3WOj87nVpdksME6y
        LQ5o1Vbpwp2sEX8lofhfs2N5uDeOj26Mtnj1h/JAjp/lVT8rJ5xxQmKN
        -----END PRIVATE KEY-----
        """

    /// When the good one ends, in milliseconds since 1970.
    static let end: Int64 = 4922899200000

    /// A server's context.
    static func context(isExpired: Bool = false) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array((isExpired ? expired : good).utf8))
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))))
    }
}
