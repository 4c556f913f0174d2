// Pictures from outside: files that are chosen or dropped, what is pasted, and the camera.
import {element, fill} from "../elements.js";
import {canvasOf, contextOf} from "../picture.js";

/** Controls for pictures from outside; `onFiles(files)` is told of them, `onError(error)` of what failed. {node, listen, unlisten, focus}. */
export function pictureInputs({onFiles, onBitmap, onError}) {
    const chooser = element("input", {type: "file", accept: "image/*", multiple: true, class: "hidden", id: "files", tabIndex: -1, dataset: {test: "files"},
        "aria-label": "Pictures", onchange: () => {
            if (chooser.files.length) onFiles([...chooser.files]);
            chooser.value = "";
        }});
    const view = element("div", {});
    const choose = element("button", {type: "button", onclick: () => chooser.click()}, "Choose pictures");
    const node = element("div", {class: "stack"}, element("p", {class: "buttons"}, chooser, choose,
        element("button", {type: "button", dataset: {test: "camera"}, onclick: openCamera}, "Camera")), view);
    let stream = null;

    function drop(event) {
        if (![...event.dataTransfer.types].includes("Files")) return;
        event.preventDefault();
        document.body.classList.remove("dropping");
        if (event.type === "drop" && event.dataTransfer.files.length) onFiles([...event.dataTransfer.files]);
        if (event.type === "dragover") document.body.classList.add("dropping");
    }

    function leaveDrag() { document.body.classList.remove("dropping"); }

    function paste(event) {
        const files = [...(event.clipboardData?.files ?? [])];
        if (files.length) {
            event.preventDefault();
            onFiles(files);
        }
    }

    async function openCamera() {
        closeCamera();
        if (!navigator.mediaDevices?.getUserMedia) {
            return onError(new Error("The browser gives a camera only to pages over HTTPS or from this machine."));
        }
        try {
            stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}});
        } catch (error) {
            const reasons = {NotAllowedError: "The camera was not allowed.", NotFoundError: "There is no camera.", NotReadableError: "The camera is in use by another program."};
            return onError(Object.assign(new Error(reasons[error.name] ?? `The camera cannot be used: ${error.message}`), {kind: "camera"}));
        }
        const video = element("video", {autoplay: true, muted: true, playsInline: true, srcObject: stream, "aria-label": "What the camera sees"});
        const shutter = element("button", {type: "button", class: "primary", disabled: true, onclick: take}, "Take the picture");
        // there is no picture to take before the first has come
        video.addEventListener("loadeddata", () => { shutter.disabled = false; }, {once: true});
        fill(view, element("div", {class: "stack"}, video, element("p", {class: "buttons"},
            shutter,
            element("button", {type: "button", onclick: closeCamera}, "Close the camera"))));

        function take() {
            const picture = canvasOf(video.videoWidth, video.videoHeight);
            contextOf(picture).drawImage(video, 0, 0);
            closeCamera();
            onBitmap(picture, "the camera's picture");
        }
    }

    function closeCamera() {
        for (const track of stream?.getTracks() ?? []) track.stop();
        stream = null;
        fill(view);
    }

    return {
        node,
        focus() { choose.focus(); },
        listen() {
            for (const type of ["dragover", "drop"]) document.addEventListener(type, drop);
            document.addEventListener("dragleave", leaveDrag);
            document.addEventListener("paste", paste);
        },
        unlisten() {
            for (const type of ["dragover", "drop"]) document.removeEventListener(type, drop);
            document.removeEventListener("dragleave", leaveDrag);
            document.removeEventListener("paste", paste);
            closeCamera();
        },
    };
}
