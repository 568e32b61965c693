// Client of the REST API of django-refresh-sessions, for iOS 15, macOS 12 and newer. Copy this file
// into an app. docs/clients/README.md describes it. This file was parsed, but not compiled.
//
//     let client = SessionClient(baseURL: URL(string: "https://example.com/auth/")!)
//     try await client.login(username: "ada", password: password)
//     let (data, response) = try await client.data(for: URLRequest(url: ordersURL))
//
// Use one SessionClient per storage. An app extension, a widget or a watch app is another process,
// and does not share the lock of the actor: give it a token family of its own, with openFamily()
// in the app and a second KeychainStorage, whose accessGroup both have. (A lock file in the app
// group is not suitable: iOS ends an app that holds one while it is suspended.)

import Foundation
import Security

private let attempts = 4
private let refreshSeconds: TimeInterval = 3 // Below a third of ROTATION_OVERLAP: docs/rotation.md.
private let patienceSeconds: TimeInterval = 15 // For passwords, and the longest pause.
private let refreshField = TokenAnswer.CodingKeys.refresh.rawValue

private let staleCodes: Set = ["not_authenticated", "token_not_valid", "session_revoked"]
private let finalCodes = staleCodes.union(["session_expired", "device_proof_required"])

/// The storage of the tokens.
protocol TokenStorage: Sendable {
    /// The saved tokens, or nil if there are none. Throws if the storage cannot be read.
    func load() throws -> Tokens?
    /// Save or delete (nil) the tokens. Returns when they are durable.
    func save(_ tokens: Tokens?) throws
}

/// The stored tokens. Their description does not contain them.
struct Tokens: Codable, Sendable, CustomStringConvertible {
    let access: String
    let refresh: String
    let receivedAt: Date // Clock of the device.
    let lifetime: TimeInterval? // nil: unknown.
    var description: String { "Tokens" }
}

/// An error that says what to do.
struct SessionError: LocalizedError, Sendable {
    /// login: show the login. reauthenticate: ask for the password. retry: later. fix: a bug.
    enum Action: Sendable { case login, reauthenticate, retry, fix }

    let action: Action
    let code: String
    let detail: String
    var status = 0
    var retryAfter: TimeInterval?
    var methods: [String] = []
    fileprivate var ticket: String?
    var errorDescription: String? { detail }
    fileprivate var endsSession: Bool { [401, 403].contains(status) && finalCodes.contains(code) }
}

/// One device session of the user.
struct DeviceSession: Decodable, Sendable, Identifiable {
    let id, name, device, kind: String
    let isCurrent: Bool
    enum CodingKeys: String, CodingKey {
        case id, name, device, kind
        case isCurrent = "is_current"
    }
}

actor SessionClient {
    typealias AskIdentity = @Sendable (SessionError) async -> [String: String]?

    private let baseURL: URL
    private let storage: any TokenStorage
    private let askIdentity: AskIdentity?
    private let onLoggedOut: @Sendable (SessionError) -> Void
    private let session: URLSession
    private let quick: URLSession
    private let patient: URLSession

    private var isLocked = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var refreshing: Task<String, any Error>?
    private var asking: Task<Void, any Error>?
    private var ticket: String?
    private var unsaved: (sent: String?, tokens: Tokens)?
    private var nextAttempt: TimeInterval = 0
    private var lastFailure: SessionError?

    /// - Parameters:
    ///   - configuration: its cookie storage keeps the companion cookie of the login.
    ///   - askIdentity: asks the user for a step-up: the fields, such as "password", or nil.
    ///   - onLoggedOut: the server has ended the session, and the tokens are deleted.
    init(
        baseURL: URL,
        storage: any TokenStorage = KeychainStorage(service: "refresh_sessions"),
        configuration: URLSessionConfiguration = .default,
        askIdentity: AskIdentity? = nil,
        onLoggedOut: @escaping @Sendable (SessionError) -> Void = { _ in }
    ) {
        precondition(baseURL.absoluteString.hasSuffix("/"), "baseURL must end with a slash.")
        self.baseURL = baseURL
        self.storage = storage
        self.askIdentity = askIdentity
        self.onLoggedOut = onLoggedOut
        session = URLSession(configuration: configuration)
        quick = limited(configuration, seconds: refreshSeconds)
        patient = limited(configuration, seconds: patienceSeconds)
    }

    /// Start a session. Returns the second factors, one of which verify() needs, or an empty list.
    @discardableResult
    func login(username: String, password: String, deviceName: String? = nil) async throws -> [String] {
        var body = ["username": username, "password": password]
        body["device_name"] = deviceName
        do {
            try await start("login/", body)
            return []
        } catch let error as SessionError where error.code == "mfa_required" {
            ticket = error.ticket
            return error.methods
        }
    }

    /// The second step of a login: verify(["otp": code]).
    func verify(_ fields: [String: String]) async throws {
        guard let ticket else { throw noSession }
        var body = fields
        body["ticket"] = ticket
        try await start("login/verify/", body)
    }

    /// Refresh, unless the storage has another access token than the refused one; returns it.
    @discardableResult
    func refresh(refused: String? = nil) async throws -> String {
        let stored = try load()?.access
        return try await startRefresh(refused ?? stored).value
    }

    /// Verify the identity of the user once more: reauthenticate(["password": password]).
    func reauthenticate(_ fields: [String: String]) async throws {
        for attempt in 0..<attempts {
            guard let access = try await accessToken() else { throw noSession }
            do {
                try await verifyIdentity(fields)
                return
            } catch let error as SessionError where staleCodes.contains(error.code) {
                try await refresh(refused: access)
            } catch let error as SessionError where error.code == "no_answer" {
                try await pause(backoff(attempt)) // The server accepts it once more.
            }
        }
        throw SessionError(action: .retry, code: "no_answer", detail: "The server did not answer.")
    }

    /// End the session. Without an answer, the tokens are deleted, and the session may be active.
    func logout() async throws {
        await lock()
        defer { unlock() }
        guard let tokens = try load() else { return }
        var failure: SessionError?
        do {
            _ = try await post("logout/", [refreshField: tokens.refresh], with: quick)
        } catch let error as SessionError {
            failure = error.endsSession ? nil : error
        }
        if try load()?.refresh == tokens.refresh { try save(nil) }
        if let failure { throw failure }
    }

    func isLoggedIn() throws -> Bool { try load() != nil }

    /// As URLSession: with the access token, if the request goes to the origin of baseURL. Refreshes,
    /// asks for a step-up, and repeats the call. A call with the token follows no redirect.
    func data(for request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        guard isTrusted(request.url), request.value(forHTTPHeaderField: "Authorization") == nil else {
            return try await send(request, with: session, delegate: nil)
        }
        var access = try await accessToken()
        for attempt in 0..<attempts {
            var call = request
            if let access { call.setValue("Bearer \(access)", forHTTPHeaderField: "Authorization") }
            let (data, response) = try await send(call, with: session, delegate: NoRedirects())
            if (300..<400).contains(response.statusCode), response.statusCode != 304 {
                throw makeError(response, data)
            }
            guard response.statusCode == 401, attempt < attempts - 1 else { return (data, response) }
            let error = makeError(response, data)
            if let sent = access, error.code == "reauthentication_required" {
                access = try await stepUp(sent, error)
            } else if let sent = access, staleCodes.contains(error.code) {
                access = try await refresh(refused: sent)
            } else if access == nil, error.code == "not_authenticated" {
                throw noSession
            } else {
                return (data, response)
            }
        }
        throw noSession // Not reached.
    }

    /// The sessions of the user, the current one first.
    func sessions() async throws -> [DeviceSession] {
        try decode([DeviceSession].self, from: await manage("GET", "sessions/"))
    }

    func revokeSession(id: String) async throws {
        _ = try await manage("DELETE", "sessions/\(id)/")
    }

    func revokeOtherSessions() async throws -> Int {
        try decode(RevokeAnswer.self, from: await manage("POST", "sessions/revoke-others/")).revoked
    }

    /// Open a family for another process: save the result in the storage of that process.
    func openFamily() async throws -> Tokens {
        _ = try await accessToken()
        await lock()
        defer { unlock() }
        guard let before = try load() else { throw noSession }
        let body = [refreshField: before.refresh]
        let answer = try await post("sessions/branch/", body, with: patient, access: before.access)
        let current = try decode(FamilyAnswer.self, from: answer.data).current
        try keep(makeTokens(current, at: answer.serverTime, before: before), before: before)
        return try makeTokens(answer, before: nil)
    }

    // MARK: - Tokens

    private func start(_ path: String, _ body: [String: String]) async throws {
        await lock()
        defer { unlock() }
        let answer = try await post(path, body, with: patient)
        try keep(makeTokens(answer, before: nil), before: nil)
        nextAttempt = 0
        ticket = nil
    }

    /// Parallel calls share one refresh. A cancelled call does not stop it.
    private func startRefresh(_ refused: String?) -> Task<String, any Error> {
        if let refreshing { return refreshing }
        let task = Task<String, any Error> {
            defer { self.refreshing = nil }
            return try await self.refreshWithRetries(refused)
        }
        refreshing = task
        return task
    }

    private func refreshWithRetries(_ refused: String?) async throws -> String {
        for attempt in 0..<attempts {
            let wait = nextAttempt - uptime
            if wait > patienceSeconds, let lastFailure { throw lastFailure }
            try await pause(wait)
            do {
                return try await exchange(refused)
            } catch let error as SessionError {
                if error.endsSession { onLoggedOut(error) }
                guard error.action == .retry else { throw error }
                lastFailure = error
                nextAttempt = uptime + (error.retryAfter ?? backoff(attempt))
            }
        }
        throw lastFailure ?? noSession
    }

    private func exchange(_ refused: String?) async throws -> String {
        await lock()
        defer { unlock() }
        guard let before = try load() else { throw noSession }
        if before.access != refused { return before.access } // Another task or process has refreshed.
        if let unsaved, unsaved.sent == before.refresh {
            return try keep(unsaved.tokens, before: before).access
        }
        nextAttempt = uptime + 1 // Whatever the server answers.
        var answer: Answer?
        var failure = noSession
        do {
            answer = try await post("refresh/", [refreshField: before.refresh], with: quick)
        } catch let error as SessionError {
            failure = error
        }
        let now = try load()
        if now?.refresh != before.refresh {
            // A login, a logout or another process has replaced the tokens: discard the answer.
            guard let now else { throw noSession }
            return now.access
        }
        if let answer { return try keep(makeTokens(answer, before: before), before: before).access }
        if failure.endsSession { try save(nil) }
        throw failure
    }

    private func verifyIdentity(_ fields: [String: String]) async throws {
        await lock()
        defer { unlock() }
        guard let before = try load() else { throw noSession }
        let answer = try await post("reauthenticate/", fields, with: patient, access: before.access)
        try keep(makeTokens(answer, before: before), before: before)
    }

    /// Save tokens before their first use.
    @discardableResult
    private func keep(_ tokens: Tokens, before: Tokens?) throws -> Tokens {
        if let before, try load()?.refresh != before.refresh {
            throw SessionError(action: .retry, code: "replaced", detail: "The tokens were replaced.")
        }
        unsaved = (before?.refresh, tokens) // If this fails, the next refresh saves them.
        try save(tokens)
        unsaved = nil
        return tokens
    }

    private func save(_ tokens: Tokens?) throws {
        do {
            try storage.save(tokens)
        } catch {
            throw SessionError(action: .fix, code: "storage", detail: "Cannot save tokens: \(error)")
        }
    }

    private func load() throws -> Tokens? {
        do {
            return try storage.load()
        } catch {
            throw SessionError(action: .fix, code: "storage", detail: "Cannot read tokens: \(error)")
        }
    }

    /// A usable access token. Shortly before it expires, it is refreshed in the background.
    private func accessToken() async throws -> String? {
        guard let tokens = try load() else { return nil }
        guard let lifetime = tokens.lifetime else { return tokens.access }
        let age = Date().timeIntervalSince(tokens.receivedAt) // Only differences of this clock count.
        if age < 0 || age >= lifetime { return try await refresh(refused: tokens.access) }
        if lifetime - age < lifetime / 6 { _ = startRefresh(tokens.access) }
        return tokens.access
    }

    // MARK: - Step-up

    /// Ask the user once for all parallel calls.
    private func stepUp(_ refused: String, _ required: SessionError) async throws -> String {
        if try load()?.access == refused { try await startAsking(required).value }
        guard let access = try load()?.access else { throw noSession }
        return access
    }

    private func startAsking(_ required: SessionError) -> Task<Void, any Error> {
        if let asking { return asking }
        let task = Task<Void, any Error> {
            defer { self.asking = nil }
            try await self.askUntilVerified(required)
        }
        asking = task
        return task
    }

    private func askUntilVerified(_ required: SessionError) async throws {
        var reason = required
        while true {
            guard let askIdentity, let fields = await askIdentity(reason) else { throw reason }
            do {
                try await reauthenticate(fields)
                return
            } catch let failure as SessionError where failure.action == .reauthenticate {
                reason = failure // Wrong password, or another factor is missing.
            }
        }
    }

    // MARK: - Requests

    /// The lock that each request holds that changes the tokens: an actor alone is re-entrant.
    private func lock() async {
        if !isLocked {
            isLocked = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func unlock() {
        if waiting.isEmpty { isLocked = false } else { waiting.removeFirst().resume() }
    }

    private func post(
        _ path: String, _ body: [String: String], with session: URLSession, access: String? = nil
    ) async throws -> Answer {
        var request = makeRequest("POST", path)
        request.httpBody = try JSONEncoder().encode(body)
        if let access { request.setValue("Bearer \(access)", forHTTPHeaderField: "Authorization") }
        let data: Data, response: HTTPURLResponse
        do {
            (data, response) = try await send(request, with: session, delegate: NoRedirects())
        } catch {
            throw SessionError(action: .retry, code: "no_answer", detail: "No answer: \(error)")
        }
        guard (200..<300).contains(response.statusCode) else { throw makeError(response, data) }
        let date = response.value(forHTTPHeaderField: "Date")
        return Answer(data: data, serverTime: date.flatMap(parseHTTPDate))
    }

    private func manage(_ method: String, _ path: String) async throws -> Data {
        let (data, response) = try await self.data(for: makeRequest(method, path))
        guard (200..<300).contains(response.statusCode) else { throw makeError(response, data) }
        return data
    }

    private func makeRequest(_ method: String, _ path: String) -> URLRequest {
        var request = URLRequest(url: URL(string: path, relativeTo: baseURL)!)
        request.httpMethod = method
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        return request
    }

    private func send(
        _ request: URLRequest, with session: URLSession, delegate: NoRedirects?
    ) async throws -> (Data, HTTPURLResponse) {
        let (data, response) = try await session.data(for: request, delegate: delegate)
        guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        return (data, response)
    }

    private func isTrusted(_ url: URL?) -> Bool {
        url?.scheme == baseURL.scheme && url?.host == baseURL.host && url?.port == baseURL.port
    }

    private var uptime: TimeInterval { ProcessInfo.processInfo.systemUptime }
}

/// The Keychain of this device: not in backups, since a copy of the tokens on a second phone is
/// reuse, which ends the session. Readable while the screen is locked, for background tasks.
struct KeychainStorage: TokenStorage {
    let service: String
    var accessGroup: String?

    func load() throws -> Tokens? {
        var query = item
        query[kSecReturnData as String] = true
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &found)
        if status == errSecItemNotFound { return nil }
        try check(status)
        return try (found as? Data).map { try JSONDecoder().decode(Tokens.self, from: $0) }
    }

    func save(_ tokens: Tokens?) throws {
        guard let tokens else {
            let status = SecItemDelete(item as CFDictionary)
            return try check(status == errSecItemNotFound ? errSecSuccess : status)
        }
        let data = try JSONEncoder().encode(tokens)
        let values: [String: Any] = [
            kSecValueData as String: data,
            kSecAttrAccessible as String: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
        ]
        var status = SecItemUpdate(item as CFDictionary, values as CFDictionary)
        if status == errSecItemNotFound {
            status = SecItemAdd(item.merging(values) { $1 } as CFDictionary, nil)
        }
        try check(status)
    }

    private var item: [String: Any] {
        var item: [String: Any] = [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: service,
            kSecAttrAccount as String: "tokens",
            kSecUseDataProtectionKeychain as String: true,
        ]
        if let accessGroup { item[kSecAttrAccessGroup as String] = accessGroup }
        return item
    }

    private func check(_ status: OSStatus) throws {
        if status != errSecSuccess { throw NSError(domain: NSOSStatusErrorDomain, code: Int(status)) }
    }
}

// MARK: - Answers

private struct Answer: Sendable {
    let data: Data
    let serverTime: Date?
}

private struct TokenAnswer: Decodable {
    let access: String
    let refresh: String?
    let expiresAt: String
    enum CodingKeys: String, CodingKey { // Change these names if the server has FIELD_NAMES.
        case access = "access"
        case refresh = "refresh"
        case expiresAt = "access_expires_at"
    }
}

private struct FamilyAnswer: Decodable {
    let current: TokenAnswer
}

private struct RevokeAnswer: Decodable {
    let revoked: Int
}

private struct ErrorAnswer: Decodable {
    let code: String?
    let detail: String?
    let ticket: String?
    let methods: [FactorAnswer]?
}

private struct FactorAnswer: Decodable {
    let name: String
}

private let noSession = SessionError(
    action: .login, code: "logged_out", detail: "There is no session. Log in."
)

private func decode<T: Decodable>(_ type: T.Type, from data: Data) throws -> T {
    do {
        return try JSONDecoder().decode(type, from: data)
    } catch {
        // No tokens, or the page of a hotspot.
        let isJSON = (try? JSONSerialization.jsonObject(with: data)) != nil
        throw SessionError(
            action: isJSON ? .fix : .retry,
            code: isJSON ? "no_token" : "not_json",
            detail: "Unexpected answer: compare baseURL, FIELD_NAMES and TRANSPORT."
        )
    }
}

private func makeTokens(_ answer: Answer, before: Tokens?) throws -> Tokens {
    let decoded = try decode(TokenAnswer.self, from: answer.data)
    return try makeTokens(decoded, at: answer.serverTime, before: before)
}

/// Only an answer with a refresh token replaces the stored one.
private func makeTokens(_ answer: TokenAnswer, at now: Date?, before: Tokens?) throws -> Tokens {
    guard let refresh = answer.refresh ?? before?.refresh else {
        throw SessionError(action: .fix, code: "no_token", detail: "No refresh token in the answer.")
    }
    let expiresAt = ISO8601DateFormatter().date(from: String(answer.expiresAt.prefix(19)) + "Z")
    var lifetime: TimeInterval?
    if let now, let expiresAt, expiresAt > now { lifetime = expiresAt.timeIntervalSince(now) }
    return Tokens(access: answer.access, refresh: refresh, receivedAt: Date(), lifetime: lifetime)
}

private func makeError(_ response: HTTPURLResponse, _ data: Data) -> SessionError {
    let status = response.statusCode
    let answer = try? JSONDecoder().decode(ErrorAnswer.self, from: data)
    let code = answer?.code ?? "http_\(status)"
    let action: SessionError.Action
    switch (status, code) {
    case (_, "reauthentication_required"), (_, "reauthentication_failed"), (_, "proof_incomplete"):
        action = .reauthenticate
    case (500..., _), (408, _), (409, _), (425, _), (429, _):
        action = .retry
    case (401, _) where answer?.code != nil, (_, "reauthentication_unavailable"):
        action = .login
    default:
        action = code.hasPrefix("session_") ? .login : .fix
    }
    return SessionError(
        action: action,
        code: code,
        detail: answer?.detail ?? "The server answered \(status).",
        status: status,
        retryAfter: response.value(forHTTPHeaderField: "Retry-After").flatMap { TimeInterval($0) },
        methods: (answer?.methods ?? []).map(\.name),
        ticket: answer?.ticket
    )
}

private func parseHTTPDate(_ text: String) -> Date? {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    return formatter.date(from: text)
}

private func limited(_ configuration: URLSessionConfiguration, seconds: TimeInterval) -> URLSession {
    let copy = configuration.copy() as! URLSessionConfiguration
    copy.timeoutIntervalForResource = seconds // With the body of the answer.
    copy.timeoutIntervalForRequest = seconds
    copy.waitsForConnectivity = false
    return URLSession(configuration: copy)
}

private final class NoRedirects: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest
    ) async -> URLRequest? {
        nil
    }
}

/// Random, so that clients do not return all at once.
private func backoff(_ attempt: Int) -> TimeInterval {
    pow(2, Double(attempt)) * Double.random(in: 0.5...1.5)
}

private func pause(_ seconds: TimeInterval) async throws {
    if seconds > 0 { try await Task.sleep(nanoseconds: UInt64(seconds * 1_000_000_000)) }
}
