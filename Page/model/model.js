// The view "Model".
import {element} from "../elements.js";

export const title = "Model";

export function create(page) {
    return {node: element("h1", {}, title)};
}
