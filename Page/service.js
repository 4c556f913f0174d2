// Requests of this page to its service: the key, errors as the service tells them, lines that arrive one by one.

/** What went wrong with a request, in words for the person at the page. */
export class ServiceError extends Error {
    /**
     * `kind`: the last part of a problem's type as in openapi.yaml ("image-size", "queue-full", …), or "offline" where no answer came;
     * `status`: that of the answer, 0 without one; `retryAfter`: seconds after which the service asks to be asked again, or null;
     * `route`: where a key was refused or is missing, what it was for, as `Service.forgetRefusal` takes it.
     */
    constructor(message, {kind, status = 0, retryAfter = null, route = null}) {
        super(message);
        Object.assign(this, {kind, status, retryAfter, route});
    }

    static async of(response) {
        const after = Number(response.headers.get("Retry-After") ?? NaN);
        let problem = {};
        try { problem = await response.json(); } catch { /* an answer of a proxy may be anything */ }
        return new ServiceError(problem.error ?? problem.detail ?? `the service answered with status ${response.status}`, {
            kind: problem.type?.split(":").pop() ?? `status-${response.status}`, status: response.status,
            retryAfter: Number.isFinite(after) ? after : null,
        });
    }
}

/**
 * Requests of which each takes the place of the one before: a stroke's score that of the stroke before it.
 *
 * `begin` gives the signal of a new request and aborts the one before; what holds a signal may ask it whether it was overtaken.
 */
export class Latest {
    #controller = null;
    #signal = null;

    /** Signal of a new request, which also ends with `outer`. */
    begin(...outer) {
        this.#controller?.abort();
        this.#controller = new AbortController();
        return this.#signal = AbortSignal.any([this.#controller.signal, ...outer]);
    }

    /** Gives up what is under way. */
    stop() { this.#controller?.abort(); }

    /** Whether no other request has begun since the one of `signal`; one that was stopped is still the last. */
    isLast(signal) { return signal === this.#signal; }
}

/** The service that this page came from. */
export class Service {
    /** Keys that were taken, by what they are for: the first part of a path. */
    #keys = new Map();
    /** The key for all else: the first that was taken. */
    #key = "";
    /** The last key that the person gave, while it is not known whether the service takes it. */
    #given = "";
    /** Routes for which the person has no key. */
    #refused = new Set();
    #asking = null;
    #askForKey;

    /** `askForKey(reason)` gives a key, or null where the person has none; asked once for all requests that wait for it. */
    constructor(askForKey) { this.#askForKey = askForKey; }

    /** Address of `path`, relative to the page, so that a proxy may put the service anywhere. */
    address(path, query = {}) {
        const address = new URL(path, document.baseURI);
        address.hash = "";
        for (const [name, value] of Object.entries(query)) {
            if (value !== undefined && value !== null && value !== "") address.searchParams.set(name, value);
        }
        return address;
    }

    /**
     * The answer to a request, once its head is there.
     *
     * `query`: an object, of which what is undefined, null or empty is left out; `body` with `type`, its media type (FormData brings its own);
     * `asksForKey`: whether a person is asked for a key where the service wants one.
     * Throws a ServiceError, or the signal's AbortError.
     */
    async request(path, {asksForKey = true, ...options} = {}) {
        const route = path.split("/")[0];
        const tried = new Set();
        for (let key = this.#keyFor(route);;) {
            tried.add(key);
            try {
                const response = await this.#send(path, key, options);
                this.#keep(route, key);
                return response;
            } catch (error) {
                if (!wantsKey(error)) throw error;
                error.route = route;
                if (key === this.#given) this.#given = "";
                key = await this.#otherKey(route, tried, asksForKey ? error.message : null);
                if (key === null) throw error;
            }
        }
    }

    /** Asks for a key that takes the place of all; only one that the service takes does. Says whether there is one. */
    async changeKey() {
        for (let reason = "It takes the place of the keys that this page has, once the service has taken it.";;) {
            const key = await this.#ask(reason);
            if (!key) return false;
            try {
                await this.#send("models", key);
                this.#keys.clear();
                this.#refused.clear();
                this.#key = key;
                return true;
            } catch (error) {
                if (!wantsKey(error)) throw error;
                reason = error.message;
            } finally {
                this.#given = "";
            }
        }
    }

    /** Has the person asked again for a key that they did not have, at the next request of this `route` of a ServiceError. */
    forgetRefusal(route) { this.#refused.delete(route); }

    /** The answer's JSON. */
    async json(path, options) {
        const response = await this.request(path, options);
        return await this.#read(() => response.json());
    }

    /** The answer's lines of JSON, each as it arrives. */
    async *lines(path, options) {
        const response = await this.request(path, {...options, accept: "application/x-ndjson"});
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        try {
            for (;;) {
                const {value, done} = await this.#read(() => reader.read());
                if (done) break;
                const lines = (text + value).split("\n");
                text = lines.pop();
                for (const line of lines) if (line) yield JSON.parse(line);
            }
            if (text) yield JSON.parse(text);
        } finally {
            reader.cancel().catch(() => { /* it has ended */ });
        }
    }

    /** One request with one key. */
    async #send(path, key, {query, body, type, accept = "application/json", signal} = {}) {
        const headers = {Accept: accept};
        if (type) headers["Content-Type"] = type;
        if (key) headers.Authorization = `Bearer ${key}`;
        let response;
        try {
            response = await fetch(this.address(path, query), {
                method: body === undefined ? "GET" : "POST", headers, body, signal, cache: "no-cache", credentials: "omit",
            });
        } catch (error) {
            if (error.name === "AbortError") throw error;
            throw new ServiceError("The service cannot be reached. Is it running, and are you online?", {kind: "offline"});
        }
        if (!response.ok) throw await ServiceError.of(response);
        return response;
    }

    async #read(read) {
        try { return await read(); } catch (error) {
            if (error.name === "AbortError") throw error;
            throw new ServiceError("The service's answer broke off.", {kind: "offline"});
        }
    }

    #keyFor(route) { return this.#keys.get(route) ?? this.#key; }

    /** Keeps a key for what it was taken for, so that one that can do less never takes the place of one that can do more. */
    #keep(route, key) {
        if (!key || key === this.#keyFor(route)) return;
        this.#keys.set(route, key);
        this.#key ||= key;
    }

    /** A key for `route` that was not tried: one that another request learned, or one that the person gives for `reason`; null where there is none. */
    async #otherKey(route, tried, reason) {
        const known = [this.#keyFor(route), this.#given].find((key) => key && !tried.has(key));
        if (known) return known;
        if (reason === null || this.#refused.has(route)) return null;
        const key = await this.#ask(reason);
        if (!key) this.#refused.add(route);
        return key;
    }

    /** Asks the person, for all requests that wait together. */
    #ask(reason) {
        this.#asking ??= this.#askForKey(reason).then((key) => {
            this.#asking = null;
            this.#given = key ?? "";
            return key;
        });
        return this.#asking;
    }
}

/** Whether the service refused a request for its key, or for having none. */
function wantsKey(error) {
    return error.status === 401 || (error.status === 403 && error.kind === "forbidden");
}
