// Requests of this page to its service: the key, errors as the service tells them, lines that arrive one by one.

/** What went wrong with a request, in words for the person at the page. */
export class ServiceError extends Error {
    /**
     * `kind`: the last part of a problem's type as in openapi.yaml ("image-size", "queue-full", …), or "offline" where no answer came;
     * `status`: that of the answer, 0 without one; `retryAfter`: seconds after which the service asks to be asked again, or null.
     */
    constructor(message, {kind, status = 0, retryAfter = null}) {
        super(message);
        Object.assign(this, {kind, status, retryAfter});
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

/** The service that this page came from. */
export class Service {
    #key = "";
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
    async request(path, {query, body, type, accept = "application/json", signal, asksForKey = true} = {}) {
        for (;;) {
            const key = this.#key;
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
            if (response.ok) return response;
            const error = await ServiceError.of(response);
            const wantsKey = error.status === 401 || (error.status === 403 && error.kind === "forbidden");
            if (!wantsKey || !asksForKey || !(await this.#newKey(key, error.message))) throw error;
        }
    }

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

    async #read(read) {
        try { return await read(); } catch (error) {
            if (error.name === "AbortError") throw error;
            throw new ServiceError("The service's answer broke off.", {kind: "offline"});
        }
    }

    /** Whether there is a key other than `refused`; asks the person, but one request at a time. */
    async #newKey(refused, reason) {
        if (this.#key !== refused) return true;
        this.#asking ??= this.#askForKey(reason).then((key) => {
            this.#asking = null;
            if (!key) return false;
            this.#key = key;
            return true;
        });
        return await this.#asking;
    }
}
