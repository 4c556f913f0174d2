import HTTPTypes

/// Fields of every file of the web page.
///
/// Sources: Content Security Policy Level 3 (W3C), sections 6.1 to 6.4; Permissions Policy (W3C), section 5.2; Referrer Policy (W3C), section 3;
/// Fetch (WHATWG), section 3.6, `X-Content-Type-Options`; HTML (WHATWG), section 7.1.3, `Cross-Origin-Opener-Policy`.
enum PagePolicy {
    /// Scripts, styles and requests of this service alone, nothing inline, nothing evaluated, and no other page around it. Pictures may
    /// be ones that the page made (`blob:`, `data:`), and the camera's stream is one that it has.
    static let contentSecurity = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; \
        media-src 'self' blob:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """

    static let fields: HTTPFields = [
        .contentSecurityPolicy: contentSecurity,
        .xContentTypeOptions: "nosniff",
        HTTPField.Name("Permissions-Policy")!: "camera=(self), microphone=(), geolocation=(), usb=(), payment=()",
        HTTPField.Name("Referrer-Policy")!: "no-referrer",
        HTTPField.Name("Cross-Origin-Opener-Policy")!: "same-origin",
        HTTPField.Name("Cross-Origin-Resource-Policy")!: "same-origin",
    ]
}
