// The page: which view is shown, which model it asks, what went wrong, and the key.
import {element, fill} from "./elements.js";
import {Service, ServiceError} from "./service.js";

const views = {
    score: () => import("./score/score.js"),
    sample: () => import("./sample/sample.js"),
    model: () => import("./model/model.js"),
    learn: () => import("./learn/learn.js"),
};
const main = document.getElementById("main");
const made = new Map();

/**
 * What a view is given.
 *
 * A view is a module with `title` and `create(page)`, which makes it once: `{node, enter(parameters), leave(), modelChanged()}`, of which only
 * `node` must be there. `enter` comes each time that it is shown, with the parameters behind `?` of the address, and `leave` when another is.
 */
const page = {
    service: new Service(askForKey),
    /** Description of the chosen model, as `GET /models/{model}` answers. */
    model: null,
    /** Pictures that one view hands to another, as {levels, label}. */
    handed: null,

    /** Shows view `name`; `parameters` go into its address. */
    go(name, parameters = {}) {
        const query = new URLSearchParams(parameters).toString();
        location.hash = `#/${name}${query && "?" + query}`;
    },

    /** Puts parameters into the address of the view that is shown, without another entry of the history. */
    replaceAddress(name, parameters) {
        history.replaceState(null, "", `#/${name}?${new URLSearchParams(parameters)}`);
    },

    /** Says that `error` happened; `retry` is offered as a button. An aborted request is nothing to say. */
    report(error, retry) {
        if (error.name === "AbortError") return;
        const wait = error.retryAfter ? ` It asks to be asked again in ${error.retryAfter} s.` : "";
        const notice = element("div", {class: "notice", dataset: {kind: error.kind ?? "page"}},
            element("p", {}, sentence(error.message) + wait),
            element("div", {class: "buttons"},
                retry && element("button", {type: "button", onclick: () => { notice.remove(); retry(); }}, "Try again"),
                element("button", {type: "button", onclick: () => notice.remove()}, "Dismiss")));
        fill(document.getElementById("notices"), notice);
        if (!error.kind) console.error(error);
    },

    /** Takes back what `report` said. */
    clearReport() { fill(document.getElementById("notices")); },

    /** Runs `work`, reports what it throws with itself as the retry, and says whether it ended well. */
    async attempt(work) {
        try {
            await work();
            this.clearReport();
            return true;
        } catch (error) {
            this.report(error, () => this.attempt(work));
            return false;
        }
    },
};

function sentence(text) {
    const end = /[.!?]$/.test(text) ? "" : ".";
    return text.charAt(0).toUpperCase() + text.slice(1) + end;
}

/** Opens the dialog for a key. */
function askForKey(reason) {
    const dialog = document.getElementById("key-dialog");
    const input = document.getElementById("key");
    document.getElementById("key-reason").textContent = sentence(reason);
    input.value = "";
    dialog.returnValue = "cancel";
    dialog.showModal();
    return new Promise((resolve) => dialog.addEventListener("close", () => {
        const key = dialog.returnValue === "use" ? input.value.trim() : "";
        input.value = "";
        resolve(key || null);
    }, {once: true}));
}

function readAddress() {
    const [name, query] = location.hash.replace(/^#\//, "").split("?");
    return {name: Object.hasOwn(views, name) ? name : "score", parameters: Object.fromEntries(new URLSearchParams(query ?? ""))};
}

/** Module of view `name`; null, which is reported, where it cannot be fetched. */
async function load(name) {
    try {
        const view = await views[name]();
        page.clearReport();
        return view;
    } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        page.report(new ServiceError("This view cannot be fetched. Is the service running, and are you online?", {kind: "offline"}), show);
        return null;
    }
}

let shown = null;

async function show() {
    if (location.hash === "#main" && shown) return main.focus();
    const {name, parameters} = readAddress();
    for (const link of document.querySelectorAll(".masthead nav a")) {
        if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    if (!made.has(name)) {
        const view = await load(name);
        if (!view) return;
        if (!made.has(name)) made.set(name, {title: view.title, ...view.create(page)});
    }
    if (readAddress().name !== name) return;
    const view = made.get(name);
    document.title = `${view.title} · Tusk`;
    if (shown !== view) {
        shown?.leave?.();
        const first = shown === null;
        shown = view;
        fill(main, view.node);
        if (!first) main.focus({preventScroll: true});
    }
    view.enter?.(parameters);
}

let choosing = null;

async function choose(name) {
    const own = choosing = {};
    const model = await page.service.json(`models/${encodeURIComponent(name)}`);
    // the last one that was chosen, not the last that was answered
    if (choosing !== own) return;
    page.model = model;
    for (const view of made.values()) view.modelChanged?.();
}

/** Offers the models that are served; one is chosen by the address's `model`, or is the service's default. */
async function start() {
    // The view's files come while the models are asked for; what goes wrong with them, show() finds again.
    views[readAddress().name]().catch(() => {});
    const list = await page.service.json("models");
    const wanted = readAddress().parameters.model;
    const name = list.models.some((model) => model.name === wanted) ? wanted : list.default;
    const choice = document.getElementById("model-choice");
    if (list.models.length > 1) {
        const select = element("select", {onchange: () => page.attempt(() => choose(select.value))},
            list.models.map((model) => element("option", {value: model.name, selected: model.name === name}, model.name)));
        fill(choice, element("label", {}, element("span", {}, "Model "), select));
    } else {
        fill(choice, element("span", {class: "quiet"}, "Model "), name);
    }
    page.model = list.models.find((model) => model.name === name);
    addEventListener("hashchange", show);
    await show();
}

addEventListener("error", (event) => page.report(event.error ?? event));
addEventListener("unhandledrejection", (event) => page.report(event.reason));
page.attempt(start);
