// Small plots as SVG: lines over two axes, with what they show as text for those who do not see them.
import {element, number} from "./elements.js";

const [width, height, left, right, top, bottom] = [360, 200, 48, 12, 26, 34];

/** At most `count` round numbers from `low` to `high`. */
export function ticks(low, high, count = 5) {
    const step = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(step));
    const size = power * [1, 2, 5, 10].find((factor) => factor * power >= step);
    const first = Math.ceil(low / size);
    return Array.from({length: Math.max(0, Math.floor(high / size) - first + 1)}, (_, index) => (first + index) * size);
}

/**
 * Lines over two axes.
 *
 * `series`: a list of {name, points: [[x, y], …]}, of which the second is dashed; `mark`: {x, label}, a line across; `dots`: points, [[x, y], …];
 * `x`, `y`: {label, low, high, digits}, the bounds those of the points where they are left out; `summary`: the plot in a sentence.
 */
export function linePlot({series, x = {}, y = {}, mark, dots = [], summary}) {
    const points = series.flatMap((one) => one.points).concat(dots);
    const bounds = (axis, values) => {
        const finite = values.filter(Number.isFinite);
        const low = axis.low ?? Math.min(...finite);
        const high = axis.high ?? Math.max(...finite);
        return low < high ? [low, high] : axis.low === undefined ? [low - 0.5, low + 0.5] : [low, low + 1];
    };
    const [lowX, highX] = points.length || mark ? bounds(x, points.map((point) => point[0]).concat(mark ? [mark.x] : [])) : [0, 1];
    const [lowY, highY] = points.length ? bounds(y, points.map((point) => point[1])) : [0, 1];
    const placeX = (value) => left + (value - lowX) / (highX - lowX) * (width - left - right);
    const placeY = (value) => height - bottom - (value - lowY) / (highY - lowY) * (height - top - bottom);
    const digits = (axis, low, high) => axis.digits ?? Math.max(0, Math.min(4, 1 - Math.floor(Math.log10((high - low) / 4))));
    const label = (value, axis, low, high) => number(value, Math.abs(high) < 100 ? digits(axis, low, high) : axis.digits ?? 0);
    return element("svg", {class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summary},
        ticks(lowX, highX, 4).map((value) => element("text", {x: placeX(value), y: height - bottom + 14, "text-anchor": "middle"},
            label(value, x, lowX, highX))),
        ticks(lowY, highY, 4).filter((value) => y.digits !== 0 || Number.isInteger(value)).flatMap((value) => [
            element("line", {class: "axis", x1: left, x2: width - right, y1: placeY(value), y2: placeY(value)}),
            element("text", {x: left - 6, y: placeY(value) + 4, "text-anchor": "end"}, label(value, y, lowY, highY)),
        ]),
        element("line", {class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom}),
        x.label && element("text", {x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle"}, x.label),
        y.label && element("text", {x: 4, y: 12, "text-anchor": "start"}, y.label),
        series.map((one, index) => element("polyline", {
            class: index === 1 ? "series second" : "series",
            points: one.points.filter((point) => point.every(Number.isFinite)).map(([a, b]) => `${placeX(a).toFixed(1)},${placeY(b).toFixed(1)}`).join(" "),
        })),
        dots.map(([a, b]) => element("circle", {class: "dot", cx: placeX(a), cy: placeY(b), r: 4})),
        mark && element("line", {class: "mark", x1: placeX(mark.x), x2: placeX(mark.x), y1: top, y2: height - bottom}),
        mark && element("text", {x: placeX(mark.x) + (placeX(mark.x) > width * .7 ? -5 : 5), y: top + 8,
            "text-anchor": placeX(mark.x) > width * .7 ? "end" : "start"}, mark.label));
}

/** Names of a plot's lines, in their colours. */
export function legend(series) {
    return element("p", {class: "legend"}, series.map((one, index) => element("span", {class: index === 1 ? "second" : ""}, one.name, " ")));
}
