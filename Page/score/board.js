// A board to draw on, with brush, eraser, undo and a cursor for the keyboard.
import {element} from "../elements.js";
import {canvasOf, contextOf, levelsOfInk, paint, pixelsOf} from "../picture.js";

const mostSteps = 50;

/** Points of the board for each pixel of the model, so that lines are smooth before they become pixels; fewer of large models. */
function finenessOf(shape) {
    return Math.max(2, Math.min(10, Math.floor(1024 / Math.max(shape.height, shape.width))));
}

/**
 * The board: {node, brush, levels, source, setPaper, clear, paint, undo, redo, forget}.
 *
 * It has a picture of the model's levels and over it what was drawn, the ink: pixels that no stroke has touched keep their levels exactly.
 * `levels()` has both; `source` is what `paint` was told that the picture is, null once somebody has drawn on it. `brush` has colour, size in pixels of
 * the model, and whether it erases. `paint(levels, source)` shows a picture, `clear(source)` an empty one; `setPaper(levels)` says which levels of one
 * pixel are empty. `onChange(how)` is told "drawn" after each stroke and while one is made, "set" after what the page put there, "tool" when a key
 * changed to the eraser or back.
 */
export function drawingBoard(shape, {brush, onChange}) {
    const fineness = finenessOf(shape);
    const [width, height] = [fineness * shape.width, fineness * shape.height];
    const canvas = element("canvas", {
        class: "board", width, height, tabIndex: 0, role: "application",
        "aria-label": "Drawing board. Arrow keys move the brush, the space bar draws, E changes between brush and eraser.", dataset: {test: "board"},
        onpointerdown: begin, onpointermove: move, onpointerup: end, onpointercancel: end, onkeydown: key, onkeyup: lift,
        onfocus: () => { cursor.hidden = !canvas.matches(":focus-visible"); showCursor(); },
        onblur: () => { cursor.hidden = true; isDown = false; },
    });
    const seen = canvas.getContext("2d");
    const ink = contextOf(canvasOf(width, height));
    const small = canvasOf(shape.width, shape.height);
    const cursor = element("div", {class: "board-cursor", hidden: true});
    const node = element("div", {class: "board-frame"}, canvas, cursor);
    const place = {row: Math.floor(shape.height / 2), column: Math.floor(shape.width / 2)};
    const size = shape.height * shape.width * shape.channels;
    let paper = new Uint8Array(shape.channels);
    let [base, source] = [new Uint8Array(size), null];
    let [earlier, later] = [[], []];
    let stroke = null;
    let isDown = false;

    function state() { return {base, source, ink: ink.getImageData(0, 0, width, height)}; }

    function keep() {
        earlier.push(state());
        if (earlier.length > mostSteps) earlier.shift();
        later = [];
    }

    function show() {
        paint(small, base, shape);
        seen.imageSmoothingEnabled = false;
        seen.drawImage(small, 0, 0, width, height);
        seen.drawImage(ink.canvas, 0, 0);
    }

    function line(from, to) {
        source = null;
        for (const drawing of [ink, seen]) {
            drawing.strokeStyle = brush.erases ? `rgb(${pixelsOf(paper, {...shape, height: 1, width: 1}).slice(0, 3).join()})` : brush.colour;
            drawing.lineWidth = brush.size * fineness;
            drawing.lineCap = drawing.lineJoin = "round";
            drawing.beginPath();
            drawing.moveTo(...from);
            drawing.lineTo(to[0] + 0.01, to[1]);
            drawing.stroke();
        }
    }

    function placeOf(event) {
        const box = canvas.getBoundingClientRect();
        return [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height];
    }

    function begin(event) {
        if (event.button > 0) return;
        keep();
        stroke = placeOf(event);
        canvas.setPointerCapture(event.pointerId);
        line(stroke, stroke);
        onChange("drawn");
    }

    function move(event) {
        if (!stroke) return;
        for (const point of event.getCoalescedEvents?.() ?? [event]) {
            const next = placeOf(point);
            line(stroke, next);
            stroke = next;
        }
        onChange("drawn");
    }

    function end() { stroke = null; }

    function showCursor() {
        cursor.style.left = `${100 * (place.column + 0.5) / shape.width}%`;
        cursor.style.top = `${100 * (place.row + 0.5) / shape.height}%`;
    }

    function lift(event) { if (event.key === " ") isDown = false; }

    function key(event) {
        const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
        const at = () => [(place.column + 0.5) * fineness, (place.row + 0.5) * fineness];
        const isCommand = event.ctrlKey || event.metaKey;
        const letter = event.key.toLowerCase();
        if (step) {
            const from = at();
            place.row = Math.max(0, Math.min(shape.height - 1, place.row + step[0]));
            place.column = Math.max(0, Math.min(shape.width - 1, place.column + step[1]));
            if (isDown) {
                line(from, at());
                onChange("drawn");
            }
        } else if (event.key === " ") {
            if (!isDown) keep();
            isDown = true;
            line(at(), at());
            onChange("drawn");
        } else if (isCommand && (letter === "y" || (letter === "z" && event.shiftKey))) {
            board.redo();
        } else if (isCommand && letter === "z") {
            board.undo();
        } else if (letter === "e" && !isCommand) {
            brush.erases = !brush.erases;
            onChange("tool");
        } else {
            return;
        }
        event.preventDefault();
        cursor.hidden = false;
        showCursor();
    }

    function restore(from, to) {
        const before = from.pop();
        if (!before) return;
        to.push(state());
        ({base, source} = before);
        ink.putImageData(before.ink, 0, 0);
        show();
        onChange("set");
    }

    const board = {
        node, brush,
        get source() { return source; },
        levels() { return levelsOfInk(ink.getImageData(0, 0, width, height), base, shape); },
        setPaper(levels) { paper = Uint8Array.from(levels); },
        clear(what) { board.paint(Uint8Array.from({length: size}, (_, index) => paper[index % shape.channels]), what); },
        paint(levels, what) {
            keep();
            [base, source] = [Uint8Array.from(levels), what];
            ink.clearRect(0, 0, width, height);
            show();
            onChange("set");
        },
        undo() { restore(earlier, later); },
        redo() { restore(later, earlier); },
        /** Has nothing to undo any more: what is shown is where one begins. */
        forget() { [earlier, later] = [[], []]; },
    };
    show();
    return board;
}
