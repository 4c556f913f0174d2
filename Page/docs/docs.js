// The API reference: openapi.json of the service that this page came from, shown by swagger-ui.
import {parts} from "./parts.js";

const reference = document.getElementById("reference");
const dark = matchMedia("(prefers-color-scheme: dark)");

/** swagger-ui has its dark colours under a class. */
function followColours() {
    document.documentElement.classList.toggle("dark-mode", dark.matches);
}

/** swagger-ui's bundle, which is a plain script and leaves a global name behind. */
function loadBundle() {
    return new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = new URL("swagger-ui-bundle.js", import.meta.url);
        script.onload = () => resolve(globalThis.SwaggerUIBundle);
        script.onerror = () => reject(new Error("a part of this page could not be loaded"));
        document.head.append(script);
    });
}

/** The contract, with requests going to where this page came from, whatever servers it names. */
async function loadContract() {
    const response = await fetch("openapi.json", {cache: "no-cache", credentials: "omit"});
    if (!response.ok) throw new Error(`openapi.json was answered with status ${response.status}`);
    return {...await response.json(), servers: [{url: new URL(".", document.baseURI).href.replace(/\/$/, "")}]};
}

/** Names the controls of `root` that swagger-ui leaves without a name: after their parameter, or the heading above them. */
function nameControls(root) {
    for (const control of root.querySelectorAll("select:not([aria-label]), textarea:not([aria-label]), input:not([aria-label])")) {
        const name = control.closest("tr")?.dataset.paramName
            ?? control.closest(".response-control-examples, .opblock-section, .auth-container")?.querySelector("small, h4")?.textContent;
        if (name) control.setAttribute("aria-label", name);
    }
}

async function start() {
    followColours();
    dark.addEventListener("change", followColours);
    const progress = document.getElementById("progress");
    try {
        const [bundle, spec] = await Promise.all([loadBundle(), loadContract()]);
        new MutationObserver(() => nameControls(reference)).observe(reference, {childList: true, subtree: true});
        bundle({
            domNode: reference, spec, plugins: [parts], layout: "Reference",
            deepLinking: true, docExpansion: "list", defaultModelsExpandDepth: 0, displayRequestDuration: true,
            persistAuthorization: false, queryConfigEnabled: false, validatorUrl: null, syntaxHighlight: {theme: "obsidian"},
            onComplete() { progress.hidden = true; },
        });
    } catch (error) {
        progress.textContent = `The reference cannot be shown: ${error.message}. Is the service running, and are you online?`;
    }
}

start();
