/* Process with tabs of SessionClient.kt; accepts the commands of tests/clients/javascript/host.mjs. */
package com.example.sessions

import java.io.IOException
import java.util.concurrent.Callable
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.Executors
import kotlin.concurrent.thread
import okhttp3.HttpUrl.Companion.toHttpUrl
import okhttp3.OkHttpClient
import okhttp3.Request
import org.json.JSONArray
import org.json.JSONObject

/** The storage of one run, which all of its tabs share. */
class Memory : TokenStorage {
    @Volatile var text: String? = null
    @Volatile var broken = false
    @Volatile var saves = 0

    override fun load(): String? = text

    @Synchronized
    override fun save(text: String?) {
        if (broken) throw IOException("The storage is broken.")
        this.text = text
        saves++
    }
}

class Tab(val origin: String, val storage: Memory, jar: Boolean) {
    val ended = java.util.concurrent.CopyOnWriteArrayList<String>()
    val asked = java.util.concurrent.CopyOnWriteArrayList<String>()
    val answers = java.util.concurrent.ConcurrentLinkedQueue<String>()

    private val base = OkHttpClient.Builder()
        .addNetworkInterceptor { chain ->
            val request = chain.request()
            chain.proceed(if (jar) request else request.newBuilder().removeHeader("Cookie").build())
        }
        .build()

    val client = SessionClient(
        "$origin/auth/".toHttpUrl(),
        storage,
        base,
        askIdentity = { error ->
            asked += error.code
            answers.poll()?.let { mapOf("password" to it) }
        },
        onLoggedOut = { ended += it.code },
    )

    fun get(path: String, header: String? = null): JSONObject {
        val url = if (path.startsWith("http")) path else origin + path
        val request = Request.Builder().url(url)
        if (header != null) request.header("Authorization", header)
        client.http.newCall(request.build()).execute().use {
            return JSONObject().put("status", it.code).put("text", it.peekBody(100_000).string())
        }
    }
}

object Host {
    private val storages = ConcurrentHashMap<String, Memory>()
    private val tabs = ConcurrentHashMap<String, Tab>()

    fun execute(command: JSONObject): JSONObject {
        val run = command.getString("run")
        val storage = storages.computeIfAbsent(run) { Memory() }
        val name = command.optString("tab", "a")
        if (command.getString("op") == "open") {
            tabs["$run $name"] = Tab(command.getString("origin"), storage, command.getBoolean("jar"))
            return JSONObject()
        }
        val tab = tabs.getValue("$run $name")
        val client = tab.client
        return when (command.getString("op")) {
            "login" -> JSONObject().put(
                "methods",
                JSONArray(client.login(command.getString("username"), command.getString("password"))),
            )
            "call" -> atOnce(command.getInt("times")) { expectOk(tab) }
            "start" -> atOnce(command.getInt("times")) { client.refresh(); expectOk(tab) }
            "get" -> tab.get(command.getString("path"), command.opt("header") as? String)
            "refresh" -> JSONObject().put("access", client.refresh())
            "logout" -> JSONObject().also { client.logout() }
            "reauthenticate" -> JSONObject().also {
                client.reauthenticate(mapOf("password" to command.getString("password")))
            }
            "answer" -> JSONObject().also { tab.answers += command.getString("password") }
            "sessions" -> JSONObject().put("sessions", client.sessions())
            "revokeOthers" -> JSONObject().put("revoked", client.revokeOtherSessions())
            "family" -> JSONObject().also {
                storages.getOrPut(command.getString("to")) { Memory() }.text = client.openFamily()
            }
            "break" -> JSONObject().also { storage.broken = command.getBoolean("broken") }
            "put" -> JSONObject().also { storage.text = command.getString("text") }
            "look" -> JSONObject()
                .put("signedOut", storage.text == null)
                .put("stored", storage.text?.let(::JSONObject))
                .put("saves", storage.saves)
                .put("ended", JSONArray(tab.ended))
                .put("asked", JSONArray(tab.asked))
            else -> error("unknown command")
        }
    }

    private fun expectOk(tab: Tab) {
        val answer = tab.get("/who-am-i/")
        check(answer.getInt("status") == 200) { answer.toString() }
    }

    private fun atOnce(times: Int, work: () -> Unit): JSONObject {
        val pool = Executors.newFixedThreadPool(times)
        try {
            val outcomes = pool.invokeAll(List(times) { Callable { runCatching(work).exceptionOrNull() } })
            return JSONObject().put("failures", JSONArray(outcomes.mapNotNull { it.get()?.toString() }))
        } finally {
            pool.shutdown()
        }
    }
}

fun main() {
    for (line in generateSequence(::readLine)) {
        thread(isDaemon = true) {
            val command = JSONObject(line)
            val answer = try {
                Host.execute(command)
            } catch (error: SessionException) {
                JSONObject()
                    .put("action", error.action.name.lowercase())
                    .put("code", error.code)
                    .putOpt("retryAfter", error.retryAfter)
                    .put("text", error.toString())
            } catch (error: Throwable) {
                JSONObject().put("error", error.stackTraceToString())
            }
            synchronized(Host) { println(answer.put("id", command.getInt("id"))) }
        }
    }
}
