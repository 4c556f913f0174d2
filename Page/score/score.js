// The view "Score": a picture, drawn here or brought from elsewhere, and what the model says of it.
import {element, field, fill} from "../elements.js";
import {bitmapOf, levelsOf, shapeOf} from "../picture.js";
import {drawingBoard} from "./board.js";
import {exampleButtons, paperOf, samplesOf, showExamples} from "./examples.js";
import {pictureInputs} from "./inputs.js";
import {pixelOverlay} from "./overlay.js";
import {resultPanel} from "./result.js";
import {wall} from "./wall.js";

export const title = "Score";

const styles = element("link", {rel: "stylesheet", href: "page/score/score.css"});
const settle = 150;

function hex(colour) {
    return `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

export function create(page) {
    document.head.append(styles);
    let shape = shapeOf(page.model);
    let [board, overlay] = [null, null];
    /** What is scored: `levels`, and the picture from outside that they are of, until somebody draws on it. */
    let current = {levels: null, label: "a drawing", bitmap: null};
    let paper = "#000000";
    let handedFirst = false;

    const drawing = element("div", {});
    const seen = element("div", {});
    const result = resultPanel();
    const examples = element("div", {class: "stack"});
    const many = wall(page, {onChosen: (picture) => { use(picture); scrollTo({top: 0}); }});
    const inputs = pictureInputs({onFiles: take, onBitmap: useBitmap, onError: (error) => page.report(Object.assign(error, {kind: error.kind ?? "camera"}))});

    const pen = element("button", {type: "button", "aria-pressed": "true", dataset: {test: "brush"}, onclick: () => tool(false)}, "Brush");
    const eraser = element("button", {type: "button", "aria-pressed": "false", dataset: {test: "eraser"}, onclick: () => tool(true)}, "Eraser");
    const size = element("input", {type: "range", min: 1, max: 8, step: 0.5, value: 2.5, oninput: () => { board.brush.size = Number(size.value); }});
    const colour = element("input", {type: "color", value: "#ffffff", oninput: () => { board.brush.colour = colour.value; tool(false); }});
    const colourField = field("Colour", colour);
    const fit = element("select", {onchange: again, dataset: {test: "fit"}}, element("option", {value: "contain"}, "whole picture"), element("option", {value: "cover"}, "fill, cut the rest"),
        element("option", {value: "stretch"}, "stretch"));
    const invert = element("input", {type: "checkbox", onchange: again});
    const alarm = element("select", {onchange: () => score(0), dataset: {test: "alarm"}});
    const alarmField = field("False alarms that are all right", alarm);
    const classes = element("select", {onchange: () => score(0)});
    const classField = field("As", classes);

    const node = element("div", {class: "stack"},
        element("div", {}, element("h1", {}, "How probable is this picture?"),
            element("p", {}, "Draw, drop a picture anywhere, paste one, or take one. It is made as small as the model's own pictures and scored while you draw.")),
        element("div", {class: "score-columns"},
            element("section", {class: "panel stack", "aria-label": "Picture"}, drawing, result.summary,
                element("p", {class: "buttons"}, pen, eraser,
                    element("button", {type: "button", dataset: {test: "undo"}, onclick: () => board.undo()}, "Undo"),
                    element("button", {type: "button", onclick: () => board.redo()}, "Redo"),
                    element("button", {type: "button", dataset: {test: "clear"}, onclick: () => { reset(); board.clear(); }}, "Clear")),
                element("div", {class: "controls"}, field("Brush size", size), colourField),
                inputs.node,
                element("div", {class: "controls"}, field("Of pictures from outside", fit), element("label", {class: "check"}, invert, " Light and dark exchanged"))),
            element("div", {class: "stack"}, result.node,
                element("section", {class: "panel controls", "aria-label": "What is asked"}, alarmField, classField)),
            element("section", {class: "panel stack", "aria-labelledby": "sees-title"}, element("h2", {id: "sees-title"}, "As the model sees it"), seen,
                element("p", {class: "buttons"}, element("button", {type: "button", dataset: {test: "to-complete"}, onclick: complete}, "Complete it")))),
        many.node, element("section", {class: "panel", "aria-label": "Examples"}, examples));

    function tool(erases) {
        board.brush.erases = erases;
        pen.setAttribute("aria-pressed", String(!erases));
        eraser.setAttribute("aria-pressed", String(erases));
    }

    function reset() { current = {levels: null, label: "a drawing", bitmap: null}; }

    function changed(how) {
        if (how === "tool") return tool(board.brush.erases);
        if (how === "drawn") {
            reset();
            current.levels = levelsOf(board.canvas, shape, "stretch", paper);
        } else if (!current.levels) {
            current.levels = levelsOf(board.canvas, shape, "stretch", paper);
        }
        overlay.show(current.levels);
        overlay.clear();
        score(settle);
    }

    /** Levels of a picture from outside, as the controls say. */
    function prepare(bitmap) {
        const levels = levelsOf(bitmap, shape, fit.value, paper);
        return invert.checked ? levels.map((level) => shape.levels - 1 - level) : levels;
    }

    function use({levels, label}, bitmap = null) {
        current = {levels: Uint8Array.from(levels), label, bitmap};
        board.paint(current.levels);
    }

    function useBitmap(bitmap, label) { use({levels: prepare(bitmap), label}, bitmap); }

    function again() { if (current.bitmap) useBitmap(current.bitmap, current.label); }

    async function take(files) {
        if (files.length > 1) return many.score(files, {shape, prepare, query: query("verdict")});
        let bitmap;
        try {
            bitmap = await bitmapOf(files[0]);
        } catch {
            return page.report(Object.assign(new Error(`This browser cannot read ${files[0].name} as a picture`), {kind: "file"}));
        }
        page.clearReport();
        useBitmap(bitmap, files[0].name);
    }

    function query(detail) {
        // what is tried out here is no part of the stream that is watched
        const asked = {model: page.model.name, detail, drift: "false"};
        if (page.model.decision && alarm.value) asked.alarm = alarm.value;
        if (page.model.class_prior) Object.assign(asked, classes.value ? {class: classes.value} : detail === "pixels" && {posterior: "true"});
        return asked;
    }

    let timer = 0;
    let asked = null;

    function score(wait) {
        clearTimeout(timer);
        timer = setTimeout(ask, wait);
    }

    async function ask() {
        if (!current.levels) return;
        asked?.abort();
        const own = asked = new AbortController();
        try {
            const answer = await page.service.json("logprob", {query: query("pixels"), body: current.levels, type: "application/octet-stream", signal: own.signal});
            if (own.signal.aborted) return;
            result.show(page.model, answer);
            if (answer.pixels) overlay.map(answer.pixels);
            page.clearReport();
        } catch (error) {
            if (error.name === "AbortError") return;
            result.say("It was not scored.");
            page.report(error, ask);
        }
    }

    function complete() {
        if (!current.levels) return;
        page.handed = {levels: current.levels, label: current.label};
        page.go("sample", {use: "complete"});
    }

    /** Everything that depends on the model: the board in its shape and paper, its classes and rates, examples. */
    async function prepareModel() {
        shape = shapeOf(page.model);
        board = drawingBoard(shape, {onChange: changed});
        overlay = pixelOverlay(shape);
        fill(drawing, board.node);
        fill(seen, overlay.node);
        reset();
        result.say("Draw something, or choose a picture.");
        const {decision} = page.model;
        alarmField.hidden = !decision;
        const rates = decision ? [0.001, 0.01, 0.05, 0.1, decision.alarm].filter((rate) => rate >= 1 / (decision.count + 1)) : [];
        fill(alarm, [...new Set(rates)].sort((a, b) => a - b).map((rate) => element("option", {value: String(rate), selected: rate === decision.alarm}, `1 of ${Math.round(1 / rate)}`)));
        const named = page.model.class_prior ? page.model.classes : [];
        classField.hidden = named.length === 0;
        fill(classes, element("option", {value: ""}, "any of its classes"), named.map((name) => element("option", {value: name}, name)));
        classField.parentElement.hidden = alarmField.hidden && classField.hidden;
        colourField.hidden = shape.channels === 1;
        const {model} = page;
        await page.attempt(async () => {
            const samples = await samplesOf(page);
            if (model !== page.model) return;
            const levels = paperOf(samples, shape);
            const spread = (level) => Math.round(255 * level / (shape.levels - 1));
            const background = levels.length === 1 ? Array(3).fill(spread(levels[0])) : levels.map(spread);
            paper = hex(background);
            const ink = background.reduce((sum, value) => sum + value, 0) > 382 ? "#000000" : "#ffffff";
            board.setPaper(paper, ink);
            colour.value = ink;
            showExamples(examples, exampleButtons(page, samples, levels, {onChosen: use}));
            // what somebody brought meanwhile stays
            if (handedFirst || current.levels) return;
            board.clear();
            use(samples[0]);
        });
    }

    prepareModel();
    return {
        node,
        modelChanged() {
            many.close();
            clearTimeout(timer);
            asked?.abort();
            handedFirst = false;
            prepareModel();
        },
        enter(parameters) {
            inputs.listen();
            if (parameters.use === "handed" && page.handed) {
                const handed = page.handed;
                page.handed = null;
                handedFirst = true;
                use(handed);
            }
        },
        leave() {
            inputs.unlisten();
            clearTimeout(timer);
            asked?.abort();
        },
    };
}
