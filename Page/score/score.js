// The view "Score": a picture, drawn here or brought from elsewhere, and what the model says of it.
import {element, field, fill} from "../elements.js";
import {bitmapOf, levelsOf, pixelsOf, shapeOf} from "../picture.js";
import {Latest} from "../service.js";
import {drawingBoard} from "./board.js";
import {exampleButtons, paperOf, samplesOf, showExamples} from "./examples.js";
import {pictureInputs} from "./inputs.js";
import {pixelOverlay} from "./overlay.js";
import {resultPanel} from "./result.js";
import {wall} from "./wall.js";

export const title = "Score";

const styles = element("link", {rel: "stylesheet", href: "page/score/score.css"});
const settle = 150;

/** What a picture that was drawn is called. */
const drawn = {label: "a drawing", bitmap: null};

function hex(colour) {
    return `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

export function create(page) {
    document.head.append(styles);
    let shape = shapeOf(page.model);
    let [board, overlay] = [null, null];
    /** The brush stays as it was chosen whatever the model. */
    const brush = {colour: "#ffffff", size: 2.5, erases: false};
    /** What is scored, as levels; null before the first picture. Its source on the board is {label, bitmap}: where it came from. */
    let levels = null;
    /** The levels that the verdict is of. */
    let judged = null;
    /** Whether an empty board is asked for, of which only samples tell the levels. */
    let wantsEmpty = false;
    let paper = "#000000";

    const drawing = element("div", {});
    const seen = element("div", {});
    const result = resultPanel();
    const examples = element("div", {class: "stack"});
    const many = wall(page, {onChosen: (picture) => { use(picture); scrollTo({top: 0}); }, onClosed: () => inputs.focus()});
    const inputs = pictureInputs({onFiles: take, onBitmap: useBitmap, onError: (error) => page.report(Object.assign(error, {kind: error.kind ?? "camera"}), undefined, "picture")});

    const pen = element("button", {type: "button", "aria-pressed": "true", dataset: {test: "brush"}, onclick: () => tool(false)}, "Brush");
    const eraser = element("button", {type: "button", "aria-pressed": "false", dataset: {test: "eraser"}, onclick: () => tool(true)}, "Eraser");
    const size = element("input", {type: "range", min: 1, max: 8, step: 0.5, value: 2.5, oninput: () => { brush.size = Number(size.value); }});
    const colour = element("input", {type: "color", value: "#ffffff", oninput: () => { brush.colour = colour.value; tool(false); }});
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
                    element("button", {type: "button", dataset: {test: "redo"}, onclick: () => board.redo()}, "Redo"),
                    element("button", {type: "button", dataset: {test: "clear"}, onclick: () => board.clear(drawn)}, "Clear")),
                element("div", {class: "controls"}, field("Brush size", size), colourField),
                inputs.node,
                element("div", {class: "controls"}, field("Of pictures from outside", fit), element("label", {class: "check"}, invert, " Light and dark exchanged"))),
            element("div", {class: "stack"}, result.node,
                element("section", {class: "panel controls", "aria-label": "What is asked"}, alarmField, classField)),
            element("section", {class: "panel stack", "aria-labelledby": "sees-title"}, element("h2", {id: "sees-title"}, "As the model sees it"), seen,
                element("p", {class: "buttons"}, element("button", {type: "button", dataset: {test: "to-complete"}, onclick: complete}, "Complete it")))),
        many.node, element("section", {class: "panel", "aria-label": "Examples"}, examples));

    function tool(erases) {
        brush.erases = erases;
        pen.setAttribute("aria-pressed", String(!erases));
        eraser.setAttribute("aria-pressed", String(erases));
    }

    function changed(how) {
        if (how === "tool") return tool(brush.erases);
        if (!levels && how === "set") board.forget();
        levels = board.levels();
        overlay.show(levels);
        overlay.clear();
        score(settle);
    }

    /** Levels of a picture from outside, as the controls say. */
    function prepare(bitmap) {
        const prepared = levelsOf(bitmap, shape, fit.value, paper);
        return invert.checked ? prepared.map((level) => shape.levels - 1 - level) : prepared;
    }

    function use(picture, bitmap = null) { board.paint(picture.levels, {label: picture.label, bitmap}); }

    function useBitmap(bitmap, label) { use({levels: prepare(bitmap), label}, bitmap); }

    function again() { if (board.source?.bitmap) useBitmap(board.source.bitmap, board.source.label); }

    async function take(files) {
        if (files.length > 1) return many.score(files, {shape, prepare, query: query("verdict")});
        let bitmap;
        try {
            bitmap = await bitmapOf(files[0]);
        } catch {
            return page.report(Object.assign(new Error(`This browser cannot read ${files[0].name} as a picture`), {kind: "file"}), undefined, "picture");
        }
        page.clearReport("picture");
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
    const asked = new Latest();

    function score(wait) {
        clearTimeout(timer);
        timer = setTimeout(ask, wait);
    }

    async function ask() {
        if (!levels) return;
        const signal = asked.begin();
        const body = levels;
        try {
            const answer = await page.service.json("logprob", {query: query("pixels"), body, type: "application/octet-stream", signal});
            if (signal.aborted) return;
            judged = body;
            result.show(page.model, answer);
            if (answer.pixels) overlay.map(answer.pixels);
            page.clearReport("score");
        } catch (error) {
            if (error.name === "AbortError") return;
            result.say("It was not scored.");
            page.report(error, ask, "score");
        }
    }

    function complete() {
        if (!levels) return;
        page.handed = {levels, label: (board.source ?? drawn).label};
        page.go("sample", {use: "complete"});
    }

    /** Everything that depends on the model: the board in its shape and paper, its classes and rates, examples. */
    async function prepareModel() {
        shape = shapeOf(page.model);
        board = drawingBoard(shape, {brush, onChange: changed});
        overlay = pixelOverlay(shape);
        fill(drawing, board.node);
        fill(seen, overlay.node);
        levels = null;
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
            const empty = paperOf(samples, shape);
            const background = [...pixelsOf(empty, {...shape, height: 1, width: 1}).slice(0, 3)];
            paper = hex(background);
            brush.colour = colour.value = background.reduce((sum, value) => sum + value, 0) > 382 ? "#000000" : "#ffffff";
            board.setPaper(empty);
            showExamples(examples, exampleButtons(page, samples, empty, {onChosen: use}));
            // what somebody brought meanwhile stays
            if (levels) return;
            if (wantsEmpty) board.clear(drawn);
            else use(samples[0]);
            wantsEmpty = false;
        }, "examples");
    }

    prepareModel();
    return {
        node,
        modelChanged() {
            many.close();
            clearTimeout(timer);
            asked.stop();
            prepareModel();
        },
        enter(parameters) {
            inputs.listen();
            if (parameters.use === "handed" && page.handed) {
                use(page.handed);
                page.handed = null;
            } else if (parameters.use === "empty") {
                if (levels) board.clear(drawn);
                else wantsEmpty = true;
                page.replaceAddress("score", {});
            } else if (levels && levels !== judged) {
                score(0);
            }
        },
        leave() {
            inputs.unlisten();
            clearTimeout(timer);
            asked.stop();
        },
    };
}
