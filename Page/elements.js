// Makes elements: the one way in which the views put anything on the page. Text is always text, never HTML.

const svgNames = new Set(["svg", "g", "path", "line", "polyline", "polygon", "rect", "circle", "text", "title", "desc"]);

/**
 * An element with properties and children.
 *
 * `properties`: `class`, `on…` (a listener, as `onclick`), `dataset` (an object); `aria-…`, `role` and what has no property of its name are
 * attributes; false, null and undefined leave an attribute out. `children`: nodes, or anything else as its text; null and false are left out.
 */
export function element(name, properties = {}, ...children) {
    const node = svgNames.has(name) && name !== "title" || properties.svg
        ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
        if (key === "svg" || value === undefined || value === null) continue;
        if (key === "dataset") Object.assign(node.dataset, value);
        else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
        else if (key === "class") node.setAttribute("class", value);
        else if (!key.includes("-") && key in node && !(node instanceof SVGElement)) node[key] = value;
        else if (value !== false) node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return node;
}

/** Puts `children` in place of all that `node` holds. */
export function fill(node, ...children) {
    node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return node;
}

/** A labelled control: its label wraps it. `hint` is a sentence below it. */
export function field(label, control, hint) {
    return element("label", {class: "field"}, element("span", {}, label), control, hint && element("small", {}, hint));
}

/** A number as people read it: `digits` after the point, thousands apart, and "–" for null. */
export function number(value, digits = 0) {
    if (value === null || value === undefined) return "–";
    return value.toLocaleString("en", {minimumFractionDigits: digits, maximumFractionDigits: digits});
}

/** A probability in (0, 1]: two significant digits, and powers of ten below 0.001. */
export function probability(value) {
    if (value === null || value === undefined) return "–";
    if (value >= 0.001) return value.toLocaleString("en", {maximumSignificantDigits: 2});
    return value === 0 ? "0" : value.toExponential(0).replace("e-", " × 10⁻").replace(/⁻(\d+)/, (_, digits) =>
        "⁻" + [...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join(""));
}

/** A probability as how many of how many: "1 in 500"; of common ones "2 of 3". */
export function oneIn(value) {
    if (value <= 0.4) return `1 in ${number(Math.round(1 / value))}`;
    const [count, all] = [[1, 2], [2, 3], [3, 4], [9, 10], [1, 1]].find(([part, whole]) => Math.abs(part / whole - value) <= 0.1);
    return `About ${count} of ${all}`;
}

/** Has the browser save `blob` as a file called `name`. */
export function save(blob, name) {
    const address = URL.createObjectURL(blob);
    element("a", {href: address, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Whether motion was asked to be reduced, asked anew at each call. */
export function prefersLessMotion() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
