// The view "Sample".
import {element} from "../elements.js";

export const title = "Sample";

export function create(page) {
    return {node: element("h1", {}, title)};
}
