// The page: which view is shown, which model it asks, what went wrong, and the key.
import {element, fill} from "./elements.js";
import {Notices, sentence} from "./notices.js";
import {Service, ServiceError} from "./service.js";

const views = {
    score: () => import("./score/score.js"),
    sample: () => import("./sample/sample.js"),
    model: () => import("./model/model.js"),
    learn: () => import("./learn/learn.js"),
};
const main = document.getElementById("main");
const keyButton = document.getElementById("change-key");
const made = new Map();
const notices = new Notices(document.getElementById("notices"), (route) => page.service.forgetRefusal(route));

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

    /** Address of view `name` with these parameters; it names the model where there are several. */
    address(name, parameters = {}) {
        const query = new URLSearchParams({...parameters, ...(isOneOfSeveral() && {model: this.model.name})}).toString();
        return `#/${name}${query && "?" + query}`;
    },

    /** Shows view `name`; `parameters` go into its address. */
    go(name, parameters) { location.hash = this.address(name, parameters); },

    /** Puts parameters into the address of the view that is shown, without another entry of the history. */
    replaceAddress(name, parameters) { history.replaceState(null, "", this.address(name, parameters)); },

    /**
     * Says that `error` happened in what is called `about`, in place of what was said of that before; `retry` is offered as a button. An aborted
     * request is nothing to say.
     */
    report(error, retry, about = "page") {
        if (error.name === "AbortError") return;
        notices.add(about, error, retry);
        if (!error.kind) console.error(error);
    },

    /** Takes back what `report` said of `about`. */
    clearReport(about = "page") { notices.clear(about); },

    /** Runs `work`, reports what it throws with itself as the retry, and says whether it ended well. */
    async attempt(work, about) {
        try {
            await work();
            this.clearReport(about);
            return true;
        } catch (error) {
            this.report(error, () => this.attempt(work, about), about);
            return false;
        }
    },
};

/** Opens the dialog for a key. */
function askForKey(reason) {
    const dialog = document.getElementById("key-dialog");
    const input = document.getElementById("key");
    keyButton.hidden = false;
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

keyButton.addEventListener("click", () => page.attempt(async () => {
    if (await page.service.changeKey()) await show();
}, "key"));

function readAddress() {
    const [name, query] = location.hash.replace(/^#\//, "").split("?");
    return {name: Object.hasOwn(views, name) ? name : "score", parameters: Object.fromEntries(new URLSearchParams(query ?? ""))};
}

/** Module of view `name`; null, which is reported, where it cannot be fetched. */
async function load(name) {
    try {
        return await views[name]();
    } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        page.report(new ServiceError("This view cannot be fetched. Is the service running, and are you online?", {kind: "offline"}), show, "view");
        return null;
    }
}

let shown = null;
let showing = null;

/** Shows what the address says: its model, then its view. The last address counts, not the last that was fetched. */
async function show() {
    if (location.hash === "#main" && shown) return main.focus();
    const own = showing = {};
    const {name, parameters} = readAddress();
    for (const link of navigation()) {
        if (link.dataset.view === name) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    if (!page.model) return page.attempt(start);
    const {model: wanted, ...rest} = parameters;
    await follow(wanted ?? models.default, own);
    const view = showing === own && (made.get(name) ?? await load(name));
    if (showing !== own || !view) return;
    if (!made.has(name)) made.set(name, {title: view.title, ...view.create(page)});
    enter(made.get(name), rest);
}

function enter(view, parameters) {
    document.title = `${view.title} · Tusk`;
    page.clearReport("view");
    if (shown !== view) {
        shown?.leave?.();
        // what went wrong in a view is its own matter; it says so again where it still is
        notices.clearBut(["page", "model", "key"]);
        const isFirst = shown === null;
        shown = view;
        fill(main, view.node);
        if (!isFirst) main.focus({preventScroll: true});
    }
    view.enter?.(parameters);
}

/** What `GET /models` answered: {default, models}. */
let models = null;

function isOneOfSeveral() { return models.models.length > 1; }

function navigation() { return document.querySelectorAll(".masthead nav a[data-view]"); }

/** Takes up the model `wanted` for `own`, the turn of `show` that asks; where that fails, the one that is taken up stays. */
async function follow(wanted, own) {
    if (wanted === page.model.name) return;
    try {
        // A model may have been loaded since; `models` is asked for by name only then.
        if (!models.models.some((model) => model.name === wanted)) await list();
        if (!models.models.some((model) => model.name === wanted)) {
            throw new ServiceError(`The service has no model “${wanted}”; this is “${page.model.name}”`, {kind: "model-unknown"});
        }
        const model = await page.service.json(`models/${encodeURIComponent(wanted)}`);
        if (showing !== own) return;
        page.model = model;
        page.clearReport("model");
        for (const view of made.values()) view.modelChanged?.();
    } catch (error) {
        if (showing !== own) return;
        page.report(error, error.kind === "model-unknown" ? undefined : () => pick(wanted), "model");
        const {name, parameters: {model: _, ...rest}} = readAddress();
        page.replaceAddress(name, rest);
    }
    offer();
}

/** Puts model `name` into the address of the view that is shown. */
function pick(name) {
    const {name: view, parameters} = readAddress();
    location.hash = `#/${view}?${new URLSearchParams({...parameters, model: name})}`;
}

async function list() { models = await page.service.json("models"); }

/** Shows which model it is, a choice where there are several, and has the links keep to it. */
function offer() {
    const choice = document.getElementById("model-choice");
    const select = isOneOfSeveral() && element("select", {onchange: () => pick(select.value)},
        models.models.map(({name}) => element("option", {value: name, selected: name === page.model.name}, name)));
    const isFocused = choice.contains(document.activeElement);
    fill(choice, select ? element("label", {}, element("span", {}, "Model "), select) : [element("span", {class: "quiet"}, "Model "), page.model.name]);
    if (isFocused) select?.focus?.();
    for (const link of navigation()) link.href = page.address(link.dataset.view);
}

let starting = null;

/** Asks for the models that are served and shows the first view; once, however often it is asked for meanwhile. */
function start() {
    starting ??= (async () => {
        // The view's files come while the models are asked for; what goes wrong with them, show() finds again.
        views[readAddress().name]().catch(() => {});
        await list();
        page.model = models.models.find((model) => model.name === readAddress().parameters.model) ?? models.models.find((model) => model.name === models.default);
        offer();
    })().finally(() => { starting = null; });
    return starting.then(show);
}

addEventListener("hashchange", show);
// A link to where one is already says the same again: where that failed, it is tried once more.
for (const link of navigation()) link.addEventListener("click", () => { if (link.hash === location.hash) show(); });
addEventListener("error", (event) => page.report(event.error ?? event));
addEventListener("unhandledrejection", (event) => page.report(event.reason));
page.attempt(start);
