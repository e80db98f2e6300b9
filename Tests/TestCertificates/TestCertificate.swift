public import NIOSSL

/// A self-signed certificate for localhost, valid until 2126, that nothing but tests trusts.
public enum TestCertificate {
    /// PEM.
    public static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBmzCCAUGgAwIBAgIUe5h1PZsR5ghUQxqeDruTBqnOJZ0wCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjEzMjgyOFoYDzIxMjYxMDI5
        MTMyODI4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAASN+gLG0qSiJOupbW4ZsIar+mTS74PeDrIIzv5i8TufGp3/RFZixbXz
        NUwbp2ClsopUengxEKpXewD0je1MYWt0o28wbTAdBgNVHQ4EFgQUjbB15qDk6Y3D
        O++Hunker61adA0wHwYDVR0jBBgwFoAUjbB15qDk6Y3DO++Hunker61adA0wDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDSAAwRQIgB0xxlme3HruUv32/XD5OKtR5JrfusUsNDNMfT1SqUCoCIQDg
        R5oRw8FECP9GmhpwV5e4GuTA79/1w69fYJ6kgknFKQ==
        -----END CERTIFICATE-----
        """

    /// Its private key, PEM.
    public static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBBp6SxXMXKf++HBi
        tfn/Hrq21W5okT23JqvuJCMeLOmhRANCAASN+gLG0qSiJOupbW4ZsIar+mTS74Pe
        DrIIzv5i8TufGp3/RFZixbXzNUwbp2ClsopUengxEKpXewD0je1MYWt0
        -----END PRIVATE KEY-----
        """

    /// A server's context.
    public static func context() throws -> NIOSSLContext {
        let certificates = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key)))
    }
}
