// The view "Learn".
import {element} from "../elements.js";

export const title = "Learn";

export function create(page) {
    return {node: element("h1", {}, title)};
}
