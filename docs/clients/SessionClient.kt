/*
 * Client of the REST API of django-refresh-sessions, for Android and the JVM. Copy this file into an
 * app and change its package. docs/clients/README.md describes it.
 *
 *     val client = SessionClient("https://example.com/auth/".toHttpUrl(), storage)
 *     client.login("ada", password)
 *     client.http.newCall(Request.Builder().url("https://example.com/api/orders/").build()).execute()
 *
 * All functions block: call them from a background thread, as with withContext(Dispatchers.IO).
 * Use one SessionClient per storage. A process that does not share the storage, or a Wear OS app,
 * needs a token family of its own: openFamily().
 */
package com.example.sessions

import java.io.IOException
import java.io.InterruptedIOException
import java.time.Instant
import java.util.concurrent.ExecutionException
import java.util.concurrent.FutureTask
import java.util.concurrent.TimeUnit
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.thread
import kotlin.concurrent.withLock
import kotlin.random.Random
import okhttp3.Authenticator
import okhttp3.Call
import okhttp3.Cookie
import okhttp3.CookieJar
import okhttp3.HttpUrl
import okhttp3.Interceptor
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okhttp3.Route
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

// Change these names if the server has FIELD_NAMES.
private const val ACCESS = "access"
private const val ACCESS_EXPIRES_AT = "access_expires_at"
private const val REFRESH = "refresh"

private const val ATTEMPTS = 4
private const val REFRESH_SECONDS = 3L // Below a third of ROTATION_OVERLAP: docs/rotation.md.
private const val PATIENCE_SECONDS = 15L // For passwords, and the longest pause between attempts.

private val JSON = "application/json".toMediaType()
private val STALE = setOf("not_authenticated", "token_not_valid", "session_revoked")
private val FINAL = STALE + setOf("session_expired", "device_proof_required")

/**
 * The storage of the tokens, as text that only this app can read. Encrypt it with a key of the
 * Android Keystore: EncryptedSharedPreferences, or a DataStore with Tink. Exclude it from backups
 * (dataExtractionRules): a copy of the tokens on a second phone is reuse, which ends the session.
 */
interface TokenStorage {
    /** The saved text, or null without one. Throws if the storage cannot be read. */
    fun load(): String?

    /** Save or delete (null) the text. Returns when it is durable: commit() and not apply(). */
    fun save(text: String?)
}

/** LOGIN: show the login. REAUTHENTICATE: ask for the password. RETRY: later. FIX: a bug. */
enum class Action { LOGIN, REAUTHENTICATE, RETRY, FIX }

/** An error that says what to do. An IOException, because OkHttp passes no others on. */
class SessionException(
    val action: Action,
    val code: String,
    detail: String,
    val status: Int = 0,
    val retryAfter: Long? = null, // Seconds.
    val data: JSONObject = JSONObject(), // The body of the answer.
    cause: Throwable? = null,
) : IOException(detail, cause) {
    internal val endsSession get() = status in setOf(401, 403) && code in FINAL
}

class SessionClient(
    private val baseUrl: HttpUrl,
    private val storage: TokenStorage,
    base: OkHttpClient = OkHttpClient(),
    /** Asks the user for a step-up: the fields, such as "password", or null. It may block. */
    private val askIdentity: ((SessionException) -> Map<String, String>?)? = null,
    /** The server has ended the session, and the tokens are deleted. On a background thread. */
    private val onLoggedOut: (SessionException) -> Unit = {},
) {
    /** For the calls of the app. Only requests to the origin of baseUrl get the access token. */
    val http: OkHttpClient = base.newBuilder()
        .addInterceptor(TokenInterceptor())
        .authenticator(TokenAuthenticator())
        .followSslRedirects(false)
        .build()

    private val plain = base.newBuilder().cookieJar(CompanionJar()).followRedirects(false).build()
    private val lock = ReentrantLock() // Held by each request that changes the tokens.
    private val identityLock = ReentrantLock()
    private var running: FutureTask<String>? = null
    private var ticket: String? = null
    private var companion: String? = null
    private var unsaved: Pair<String?, Tokens>? = null // Behind the refresh token that they replace.
    @Volatile private var nextAttempt = System.nanoTime()
    @Volatile private var lastFailure: SessionException? = null

    init {
        require(baseUrl.encodedPath.endsWith("/")) { "baseUrl must end with a slash." }
    }

    /** Start a session. Returns the second factors, one of which verify() needs, or an empty list. */
    fun login(username: String, password: String, deviceName: String? = null): List<String> {
        val body = JSONObject().put("username", username).put("password", password)
        return try {
            start("login/", body.putOpt("device_name", deviceName))
            emptyList()
        } catch (error: SessionException) {
            if (error.code != "mfa_required") throw error
            ticket = error.data.getString("ticket")
            val methods = error.data.getJSONArray("methods")
            List(methods.length()) { methods.getJSONObject(it).getString("name") }
        }
    }

    /** The second step of a login: verify(mapOf("otp" to code)). */
    fun verify(fields: Map<String, String>) =
        start("login/verify/", JSONObject(fields).put("ticket", ticket ?: throw noSession()))

    /** Refresh, unless the storage has another access token than the refused one; returns it. */
    fun refresh(refused: String? = load()?.access): String = try {
        startRefresh(refused).get()
    } catch (error: ExecutionException) {
        throw error.cause ?: error
    } catch (error: InterruptedException) {
        throw InterruptedIOException("interrupted").initCause(error)
    }

    /** Verify the identity of the user once more: reauthenticate(mapOf("password" to password)). */
    fun reauthenticate(fields: Map<String, String>) {
        for (attempt in 1..ATTEMPTS) {
            val access = accessToken() ?: throw noSession()
            try {
                return lock.withLock {
                    val before = load() ?: throw noSession()
                    val body = JSONObject(fields)
                    val answer = post("reauthenticate/", body, PATIENCE_SECONDS, before.access)
                    keep(answer, before)
                }
            } catch (error: SessionException) {
                when (error.code) {
                    in STALE -> refresh(access)
                    "no_answer" -> pause(backoff(attempt)) // The server accepts it once more.
                    else -> throw error
                }
            }
        }
        throw SessionException(Action.RETRY, "no_answer", "The server did not answer. Try again.")
    }

    /** End the session. Without an answer, the tokens are deleted, and the session may be active. */
    fun logout() {
        lock.withLock {
            val tokens = load() ?: return
            try {
                post("logout/", JSONObject().put(REFRESH, tokens.refresh), REFRESH_SECONDS)
            } catch (error: SessionException) {
                if (!error.endsSession) throw error
            } finally {
                if (load()?.refresh == tokens.refresh) save(null)
            }
        }
    }

    fun isLoggedIn(): Boolean = load() != null

    /** The sessions of the user, the current one first. */
    fun sessions(): JSONArray = JSONArray(manage("GET", "sessions/"))

    fun revokeSession(id: String) { manage("DELETE", "sessions/$id/") }

    fun revokeOtherSessions(): Int =
        JSONObject(manage("POST", "sessions/revoke-others/")).getInt("revoked")

    /** Open a family for another process; returns the text that its TokenStorage has to load. */
    fun openFamily(): String {
        accessToken()
        return lock.withLock {
            val before = load() ?: throw noSession()
            val body = JSONObject().put(REFRESH, before.refresh)
            val answer = post("sessions/branch/", body, PATIENCE_SECONDS, before.access)
            keep(Answer(answer.json.getJSONObject("current"), answer.serverTime), before)
            Tokens.of(answer, null, before.companion).text
        }
    }

    private fun start(path: String, body: JSONObject) = lock.withLock {
        companion = null
        keep(post(path, body, PATIENCE_SECONDS), null)
        nextAttempt = System.nanoTime()
        ticket = null
    }

    /** Parallel calls share one refresh. It has its own thread: a cancelled call does not stop it. */
    @Synchronized
    private fun startRefresh(refused: String?): FutureTask<String> {
        running?.let { if (!it.isDone) return it }
        val task = FutureTask { refreshWithRetries(refused) }
        thread(isDaemon = true, name = "session-refresh") { task.run() }
        return task.also { running = it }
    }

    private fun refreshWithRetries(refused: String?): String {
        for (attempt in 1..ATTEMPTS) {
            val wait = nextAttempt - System.nanoTime()
            if (wait > TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS)) throw lastFailure!!
            pause(wait)
            try {
                return lock.withLock { exchange(refused) }
            } catch (error: SessionException) {
                if (error.endsSession) onLoggedOut(error)
                if (error.action != Action.RETRY) throw error
                lastFailure = error
                nextAttempt = System.nanoTime() +
                    (error.retryAfter?.let(TimeUnit.SECONDS::toNanos) ?: backoff(attempt))
            }
        }
        throw lastFailure!!
    }

    private fun exchange(refused: String?): String {
        val before = load() ?: throw noSession()
        if (before.access != refused) return before.access // Another thread or process has refreshed.
        unsaved?.let { (sent, tokens) -> if (sent == before.refresh) return store(sent, tokens).access }
        nextAttempt = System.nanoTime() + TimeUnit.SECONDS.toNanos(1) // Whatever the server answers.
        var failure: SessionException? = null
        val answer = try {
            post("refresh/", JSONObject().put(REFRESH, before.refresh), REFRESH_SECONDS)
        } catch (error: SessionException) {
            failure = error
            null
        }
        val now = load()
        // A login, a logout or another process has replaced the tokens: discard the answer.
        if (now?.refresh != before.refresh) return now?.access ?: throw noSession()
        if (answer != null) return keep(answer, before).access
        if (failure!!.endsSession) save(null)
        throw failure
    }

    /** Save the tokens of an answer before their first use. */
    private fun keep(answer: Answer, before: Tokens?): Tokens {
        if (before != null && load()?.refresh != before.refresh) {
            throw SessionException(Action.RETRY, "replaced", "Another process has replaced the tokens.")
        }
        return store(before?.refresh, Tokens.of(answer, before, companion))
    }

    private fun store(sent: String?, tokens: Tokens): Tokens {
        unsaved = sent to tokens // If this fails, the next refresh saves them and sends no request.
        save(tokens.text)
        unsaved = null
        return tokens
    }

    private fun save(text: String?) = try {
        storage.save(text)
    } catch (error: Exception) {
        throw SessionException(Action.FIX, "storage", "The tokens cannot be saved.", cause = error)
    }

    private fun load(): Tokens? = try {
        storage.load()?.let(::Tokens)
    } catch (error: Exception) {
        throw SessionException(Action.FIX, "storage", "The tokens cannot be read.", cause = error)
    }

    /** A usable access token. Shortly before it expires, it is refreshed in the background. */
    private fun accessToken(): String? {
        val tokens = load() ?: return null
        val lifetime = tokens.lifetime ?: return tokens.access
        val age = System.currentTimeMillis() - tokens.receivedAt // Only differences of this clock count.
        if (age !in 0 until lifetime) return refresh(tokens.access)
        if (lifetime - age < lifetime / 6) startRefresh(tokens.access)
        return tokens.access
    }

    private fun isTrusted(url: HttpUrl) =
        url.scheme == baseUrl.scheme && url.host == baseUrl.host && url.port == baseUrl.port

    private inner class TokenInterceptor : Interceptor {
        override fun intercept(chain: Interceptor.Chain): Response {
            val request = chain.request()
            if (!isTrusted(request.url) || request.header("Authorization") != null) {
                return chain.proceed(request)
            }
            val marked = request.newBuilder().tag(SessionClient::class.java, this@SessionClient)
            accessToken()?.let { marked.header("Authorization", "Bearer $it") }
            return chain.proceed(marked.build())
        }
    }

    private inner class TokenAuthenticator : Authenticator {
        override fun authenticate(route: Route?, response: Response): Request? {
            val request = response.request
            val isOurs = request.tag(SessionClient::class.java) === this@SessionClient
            val tries = generateSequence(response) { it.priorResponse }.count { it.code == 401 }
            if (!isOurs || !isTrusted(request.url) || tries > 3) return null
            val sent = request.header("Authorization")?.removePrefix("Bearer ")
            val error = errorOf(response)
            val access = when {
                sent == null -> if (error.code == "not_authenticated") throw noSession() else return null
                error.code == "reauthentication_required" -> stepUp(sent, error)
                error.code in STALE -> refresh(sent)
                else -> return null
            }
            return request.newBuilder().header("Authorization", "Bearer $access").build()
        }
    }

    /** Ask the user once for all parallel calls. */
    private fun stepUp(refused: String, required: SessionException): String {
        identityLock.withLock {
            var error = required
            while (load()?.access == refused) {
                val fields = askIdentity?.invoke(error) ?: throw error
                try {
                    reauthenticate(fields)
                } catch (failure: SessionException) {
                    if (failure.action != Action.REAUTHENTICATE) throw failure
                    error = failure // Wrong password, or another factor is missing.
                }
            }
        }
        return load()?.access ?: throw noSession()
    }

    private fun post(path: String, body: JSONObject, seconds: Long, access: String? = null): Answer {
        val request = Request.Builder().url(url(path)).post(body.toString().toRequestBody(JSON))
        if (access != null) request.header("Authorization", "Bearer $access")
        val call = plain.newCall(request.build())
        call.timeout().timeout(seconds, TimeUnit.SECONDS) // With the body of the answer.
        return execute(call) { text, serverTime ->
            val json = if (text.isEmpty()) JSONObject() else parse(text)
            Answer(json ?: throw notJson(), serverTime)
        }
    }

    private fun manage(method: String, path: String): String {
        val body = if (method == "POST") "{}".toRequestBody(JSON) else null
        val request = Request.Builder().url(url(path)).method(method, body).build()
        return execute(http.newCall(request)) { text, _ -> text }
    }

    private fun <T> execute(call: Call, read: (String, Long?) -> T): T = try {
        call.execute().use { response ->
            if (!response.isSuccessful) throw errorOf(response)
            read(textOf(response), response.headers.getDate("Date")?.time)
        }
    } catch (error: SessionException) {
        throw error
    } catch (error: IOException) {
        throw SessionException(Action.RETRY, "no_answer", "The server did not answer.", cause = error)
    }

    private fun url(path: String) = baseUrl.resolve(path)!!

    /** Sends the companion cookie of the login: docs/rotation.md. It is stored with the tokens. */
    private inner class CompanionJar : CookieJar {
        override fun loadForRequest(url: HttpUrl): List<Cookie> =
            listOfNotNull(load()?.companion?.let { Cookie.parse(url, it) })

        override fun saveFromResponse(url: HttpUrl, cookies: List<Cookie>) {
            cookies.find { it.name.endsWith("refresh_companion") }?.let { companion = it.toString() }
        }
    }
}

private class Answer(val json: JSONObject, val serverTime: Long?)

/** The stored text and its fields. */
private class Tokens(val text: String) {
    private val json = JSONObject(text)
    val access: String = json.getString("access")
    val refresh: String = json.getString("refresh")
    val receivedAt = json.getLong("received_at") // Clock of the device.
    val lifetime = json.optLong("lifetime", 0).takeIf { it > 0 } // Milliseconds; null: unknown.
    val companion = json.optString("companion", "").takeIf { it.isNotEmpty() }

    companion object {
        /** Only an answer with a refresh token replaces the stored one. */
        fun of(answer: Answer, before: Tokens?, companion: String?): Tokens {
            val access = answer.json.optString(ACCESS, "")
            val refresh = answer.json.optString(REFRESH, "").ifEmpty { before?.refresh.orEmpty() }
            if (access.isEmpty() || refresh.isEmpty()) throw noToken()
            val expiresAt = Instant.parse(answer.json.getString(ACCESS_EXPIRES_AT)).toEpochMilli()
            val json = JSONObject()
                .put("access", access)
                .put("refresh", refresh)
                .put("received_at", System.currentTimeMillis())
                .putOpt("lifetime", answer.serverTime?.let { expiresAt - it })
                .putOpt("companion", if (before == null) companion else before.companion)
            return Tokens(json.toString())
        }
    }
}

private fun errorOf(response: Response): SessionException {
    val status = response.code
    val data = parse(textOf(response)) ?: JSONObject()
    val code = data.optString("code", "").ifEmpty { "http_$status" }
    val action = when {
        code in setOf("reauthentication_required", "reauthentication_failed", "proof_incomplete") ->
            Action.REAUTHENTICATE
        status >= 500 || status in setOf(408, 409, 425, 429) -> Action.RETRY
        status == 401 && data.has("code") -> Action.LOGIN
        code.startsWith("session_") || code == "reauthentication_unavailable" -> Action.LOGIN
        else -> Action.FIX
    }
    val retryAfter = response.header("Retry-After")?.toLongOrNull()
    val detail = data.optString("detail", "").ifEmpty { "The server answered $status." }
    return SessionException(action, code, detail, status, retryAfter, data)
}

private fun noSession() = SessionException(Action.LOGIN, "logged_out", "There is no session. Log in.")

private fun noToken() =
    SessionException(Action.FIX, "no_token", "The answer has no tokens: compare FIELD_NAMES, TRANSPORT.")

private fun notJson() =
    SessionException(Action.RETRY, "not_json", "The answer is not JSON: check baseUrl, the network.")

private fun textOf(response: Response): String = response.peekBody(1_048_576).string()

private fun parse(text: String): JSONObject? = try {
    JSONObject(text)
} catch (error: JSONException) {
    null
}

/** Nanoseconds before the next attempt; random, so that clients do not return all at once. */
private fun backoff(attempt: Int): Long =
    ((1L shl (attempt - 1)) * TimeUnit.SECONDS.toNanos(1) * Random.nextDouble(0.5, 1.5)).toLong()

private fun pause(nanos: Long) = try {
    if (nanos > 0) TimeUnit.NANOSECONDS.sleep(nanos) else Unit
} catch (error: InterruptedException) {
    throw InterruptedIOException("interrupted").initCause(error)
}
