// A board on which the part of a picture is painted that is to be drawn anew.
import {element} from "../elements.js";
import {pixelsOf} from "../picture.js";

/**
 * The board over `levels`: {node, mask, set(test)}.
 *
 * `mask`: Uint8Array of height · width, 1 where a pixel is to be drawn. With a pointer a brush hides or, where it begins on a hidden pixel, shows again;
 * arrow keys move a cursor and the space bar turns the pixels under the brush. `set(test)` hides those of which `test(row, column)` is true.
 */
export function maskBoard(levels, shape, initial) {
    const mask = initial ? Uint8Array.from(initial) : new Uint8Array(shape.height * shape.width);
    const earlier = [];
    const radius = Math.max(1, Math.round(Math.max(shape.width, shape.height) / 20));
    const cursor = {row: Math.floor(shape.height / 2), column: Math.floor(shape.width / 2), isShown: false};
    const canvas = element("canvas", {
        class: "pixels board", width: shape.width, height: shape.height, tabIndex: 0, role: "application", dataset: {test: "complete-board"},
        "aria-label": "The picture. What is hidden is drawn anew. Arrow keys move, the space bar hides or shows what is there.",
        onpointerdown: begin, onpointermove: move, onpointerup: end, onpointercancel: end, onkeydown: key,
        onfocus: () => { cursor.isShown = canvas.matches(":focus-visible"); draw(); }, onblur: () => { cursor.isShown = false; draw(); },
    });
    const context = canvas.getContext("2d");
    const said = element("p", {class: "hidden", role: "status"});
    const pixels = pixelsOf(levels, shape);
    let brush = null;

    function draw() {
        const shown = new Uint8ClampedArray(pixels);
        for (let place = 0; place < mask.length; place += 1) {
            if (!mask[place]) continue;
            const [row, column] = [Math.floor(place / shape.width), place % shape.width];
            // hatched, so that hidden is not only a colour
            shown.set((row + column) % 4 < 2 ? [31, 95, 139, 255] : [127, 189, 232, 255], 4 * place);
        }
        if (cursor.isShown) shown.set([227, 76, 38, 255], 4 * (cursor.row * shape.width + cursor.column));
        context.putImageData(new ImageData(shown, shape.width, shape.height), 0, 0);
    }

    function keep() {
        earlier.push(Uint8Array.from(mask));
        if (earlier.length > 100) earlier.shift();
    }

    function dab(row, column, value) {
        for (let r = row - radius; r <= row + radius; r += 1) {
            for (let c = column - radius; c <= column + radius; c += 1) {
                const isInside = r >= 0 && r < shape.height && c >= 0 && c < shape.width;
                if (isInside && (r - row) ** 2 + (c - column) ** 2 <= radius ** 2) mask[r * shape.width + c] = value;
            }
        }
        draw();
    }

    function placeOf(event) {
        const box = canvas.getBoundingClientRect();
        const clamp = (value, most) => Math.max(0, Math.min(most - 1, Math.floor(value)));
        return [clamp((event.clientY - box.top) / box.height * shape.height, shape.height),
            clamp((event.clientX - box.left) / box.width * shape.width, shape.width)];
    }

    function begin(event) {
        if (event.button > 0) return;
        const [row, column] = placeOf(event);
        keep();
        brush = {value: mask[row * shape.width + column] ? 0 : 1, row, column};
        canvas.setPointerCapture(event.pointerId);
        dab(row, column, brush.value);
    }

    function move(event) {
        if (!brush) return;
        const [row, column] = placeOf(event);
        const stepCount = Math.max(Math.abs(row - brush.row), Math.abs(column - brush.column), 1);
        for (let step = 1; step <= stepCount; step += 1) {
            dab(Math.round(brush.row + (row - brush.row) * step / stepCount), Math.round(brush.column + (column - brush.column) * step / stepCount), brush.value);
        }
        Object.assign(brush, {row, column});
    }

    function end() { brush = null; }

    function key(event) {
        const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
        if (step) {
            cursor.row = Math.max(0, Math.min(shape.height - 1, cursor.row + step[0]));
            cursor.column = Math.max(0, Math.min(shape.width - 1, cursor.column + step[1]));
        } else if (event.key === " ") {
            keep();
            dab(cursor.row, cursor.column, mask[cursor.row * shape.width + cursor.column] ? 0 : 1);
        } else {
            return;
        }
        event.preventDefault();
        cursor.isShown = true;
        const isHidden = mask[cursor.row * shape.width + cursor.column] === 1;
        said.textContent = `row ${cursor.row + 1}, column ${cursor.column + 1}, ${isHidden ? "hidden" : "shown"}; ${mask.reduce((sum, value) => sum + value, 0)} hidden`;
        draw();
    }

    draw();
    return {
        node: element("div", {}, canvas, said), mask,
        set(test) {
            keep();
            for (let place = 0; place < mask.length; place += 1) mask[place] = test(Math.floor(place / shape.width), place % shape.width) ? 1 : 0;
            draw();
        },
        undo() {
            const last = earlier.pop();
            if (last) mask.set(last);
            draw();
        },
    };
}
