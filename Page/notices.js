// What went wrong, below the frame of the page.
import {element, fill} from "./elements.js";

/** A text as a sentence: "no key" as "No key.". */
export function sentence(text) {
    const end = /[.!?]$/.test(text) ? "" : ".";
    return text.charAt(0).toUpperCase() + text.slice(1) + end;
}

/** What is said to have gone wrong, each by what was tried. */
export class Notices {
    #place;
    #forgetRefusal;
    /** {text, kind, route, retry} by what was tried. */
    #said = new Map();

    /** In `place`; `forgetRefusal(route)` has the person asked again for a key that they did not have. */
    constructor(place, forgetRefusal) {
        this.#place = place;
        this.#forgetRefusal = forgetRefusal;
    }

    /** Says that `error` happened in `about`, in place of what was said of that before; `retry` is offered as a button where it is given. */
    add(about, error, retry) {
        const wait = error.retryAfter ? ` It asks to be asked again in ${error.retryAfter} s.` : "";
        this.#said.set(about, {text: sentence(error.message) + wait, kind: error.kind ?? "page", route: error.route, retry});
        this.#show();
    }

    /** Takes back what was said of `about`. */
    clear(about) {
        if (this.#said.delete(about)) this.#show();
    }

    /** Takes back all that was said of others than `kept`. */
    clearBut(kept) {
        for (const about of [...this.#said.keys()]) if (!kept.includes(about)) this.clear(about);
    }

    /** Those that say the same are one, whose buttons are for all of them. */
    #show() {
        const groups = new Map();
        for (const [about, {text}] of this.#said) groups.set(text, [...(groups.get(text) ?? []), about]);
        fill(this.#place, [...groups].map(([text, abouts]) => this.#notice(text, abouts)));
    }

    #notice(text, abouts) {
        const all = abouts.map((about) => this.#said.get(about));
        const retries = all.map(({retry}) => retry).filter(Boolean);
        const routes = all.map(({route}) => route).filter(Boolean);
        const close = () => abouts.forEach((about) => this.clear(about));
        const again = () => {
            close();
            routes.forEach(this.#forgetRefusal);
            retries.forEach((retry) => retry());
        };
        return element("div", {class: "notice", dataset: {kind: all[0].kind}}, element("p", {}, text),
            element("div", {class: "buttons"},
                retries.length > 0 && element("button", {type: "button", onclick: again}, routes.length ? "Give another key" : "Try again"),
                element("button", {type: "button", onclick: close}, "Dismiss")));
    }
}
