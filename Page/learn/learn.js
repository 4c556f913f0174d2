// The view "Learn": five steps from "how many images are there" to "why drawing one need not be slow", with the real model.
import {element, fill} from "../elements.js";
import {Latest} from "../service.js";
import {bell} from "./bell.js";
import {density} from "./density.js";
import {keys} from "./keys.js";
import {sampling} from "./sampling.js";
import {universe} from "./universe.js";

export const title = "Learn";

/** Each is a function of (page, signal) to {heading, text: [paragraph, …], node}; the signal says that the step is left. */
const steps = [universe, density, bell, keys, sampling];
const styles = element("link", {rel: "stylesheet", href: "page/learn/learn.css"});

export function create(page) {
    document.head.append(styles);
    const place = element("section", {class: "panel stack"});
    const previous = element("button", {type: "button", dataset: {test: "learn-previous"}, onclick: () => go(at - 1)}, "Previous");
    const next = element("button", {type: "button", class: "primary", dataset: {test: "learn-next"}, onclick: () => go(at + 1)}, "Next");
    const dots = element("ol", {class: "dots", "aria-label": "Steps"});
    const node = element("div", {class: "stack", onkeydown: key},
        element("h1", {}, "The density of images, in five steps"), place,
        element("nav", {class: "between-ends", "aria-label": "Tour"}, previous, dots, next));
    let at = 0;
    const leaving = new Latest();

    function key(event) {
        const isBusy = event.target.closest("input, select, textarea, canvas, [role=application]");
        if (isBusy || event.altKey || event.ctrlKey || event.metaKey) return;
        if (event.key === "ArrowRight") go(at + 1);
        if (event.key === "ArrowLeft") go(at - 1);
    }

    function go(step) {
        if (step >= 1 && step <= steps.length) page.go("learn", {step});
    }

    function show(step) {
        const signal = leaving.begin();
        page.clearReport("step");
        const isNew = step !== at;
        at = step;
        const {heading, text, node: hands} = steps[step - 1](page, signal);
        const title = element("h2", {tabIndex: -1}, `${step}. ${heading}`);
        place.dataset.test = `learn-step-${step}`;
        fill(place, title, text.map((paragraph) => element("p", {}, paragraph)), hands);
        previous.disabled = step === 1;
        next.disabled = step === steps.length;
        fill(dots, steps.map((_, index) => element("li", {}, element("a", {
            href: page.address("learn", {step: index + 1}), "aria-label": `Step ${index + 1}`, "aria-current": index + 1 === step ? "step" : null,
        }, String(index + 1)))));
        if (isNew && shownBefore) title.focus({preventScroll: true});
        shownBefore = true;
    }

    let shownBefore = false;
    let isShown = false;

    return {
        node,
        enter({step}) {
            isShown = true;
            show(Math.max(1, Math.min(steps.length, Math.floor(Number(step)) || 1)));
        },
        leave() {
            leaving.stop();
            isShown = false;
        },
        modelChanged() { if (isShown) show(at); },
    };
}
