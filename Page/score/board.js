// A board to draw on, with brush, eraser, undo and a cursor for the keyboard.
import {element} from "../elements.js";
import {pixelsOf} from "../picture.js";

/** Points of the board's canvas for each pixel of the model, so that lines are smooth before they are resized. */
const fineness = 10;
const mostSteps = 50;

/**
 * The board: {node, canvas, brush, setPaper, clear, paint, undo, redo}; `brush` has colour, paper, size in pixels of the model, and whether it erases.
 *
 * `onChange(how)` is told "drawn" after each stroke and while one is made, "set" after what the page put there, "tool" when a key changed to the eraser or
 * back. `setPaper(paper, colour)` says which colour is empty and which one draws; `paint(levels)` shows levels of the model's shape.
 */
export function drawingBoard(shape, {onChange}) {
    const canvas = element("canvas", {
        class: "board", width: fineness * shape.width, height: fineness * shape.height, tabIndex: 0, role: "application",
        "aria-label": "Drawing board. Arrow keys move the brush, the space bar draws, E changes between brush and eraser.", dataset: {test: "board"},
        onpointerdown: begin, onpointermove: move, onpointerup: end, onpointercancel: end, onkeydown: key,
    });
    const context = canvas.getContext("2d", {willReadFrequently: true});
    const cursor = element("div", {class: "board-cursor", hidden: true});
    const node = element("div", {class: "board-frame"}, canvas, cursor);
    const place = {row: Math.floor(shape.height / 2), column: Math.floor(shape.width / 2)};
    const brush = {colour: "#fff", paper: "#000", size: 2.5, erases: false};
    let [earlier, later] = [[], []];
    let stroke = null;

    canvas.addEventListener("focus", () => { cursor.hidden = !canvas.matches(":focus-visible"); showCursor(); });
    canvas.addEventListener("blur", () => { cursor.hidden = true; });

    function keep() {
        earlier.push(context.getImageData(0, 0, canvas.width, canvas.height));
        if (earlier.length > mostSteps) earlier.shift();
        later = [];
    }

    function line(from, to) {
        context.strokeStyle = brush.erases ? brush.paper : brush.colour;
        context.lineWidth = brush.size * fineness;
        context.lineCap = context.lineJoin = "round";
        context.beginPath();
        context.moveTo(...from);
        context.lineTo(to[0] + 0.01, to[1]);
        context.stroke();
    }

    function placeOf(event) {
        const box = canvas.getBoundingClientRect();
        return [(event.clientX - box.left) / box.width * canvas.width, (event.clientY - box.top) / box.height * canvas.height];
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

    let isDown = false;
    canvas.addEventListener("keyup", (event) => { if (event.key === " ") isDown = false; });

    function key(event) {
        const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
        const at = () => [(place.column + 0.5) * fineness, (place.row + 0.5) * fineness];
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
        } else if (event.key === "e" || event.key === "E") {
            brush.erases = !brush.erases;
            onChange("tool");
        } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
            board.undo();
        } else {
            return;
        }
        event.preventDefault();
        cursor.hidden = false;
        showCursor();
    }

    function restore(from, to) {
        const image = from.pop();
        if (!image) return;
        to.push(context.getImageData(0, 0, canvas.width, canvas.height));
        context.putImageData(image, 0, 0);
        onChange("drawn");
    }

    const board = {
        node, canvas, brush,
        setPaper(paper, colour) { Object.assign(brush, {paper, colour}); },
        clear() {
            keep();
            context.fillStyle = brush.paper;
            context.fillRect(0, 0, canvas.width, canvas.height);
            onChange("set");
        },
        paint(levels) {
            keep();
            const small = element("canvas", {width: shape.width, height: shape.height});
            small.getContext("2d").putImageData(new ImageData(pixelsOf(levels, shape), shape.width, shape.height), 0, 0);
            context.imageSmoothingEnabled = false;
            context.drawImage(small, 0, 0, canvas.width, canvas.height);
            onChange("set");
        },
        undo() { restore(earlier, later); },
        redo() { restore(later, earlier); },
    };
    context.fillStyle = brush.paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    return board;
}
