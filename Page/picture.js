// Pictures as the model sees them: levels of [height, width, channels], 0 to levels − 1.

/** Shape of the model's images: {height, width, channels, levels}. */
export function shapeOf(model) {
    return {...model.shape, levels: model.preprocessing.levels};
}

/** Gray value of a colour as the service computes it: ITU-R BT.601, with integers. */
function luma(red, green, blue) {
    return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
}

/**
 * Levels of `source`, a canvas or a bitmap, in the model's shape.
 *
 * `fit` is "contain" (whole, on `background`), "cover" (cut) or "stretch". The browser resizes, halving as often as it can, since one step of
 * its filters looks at few of the pixels of a large picture. What is transparent shows `background`, a CSS colour.
 */
export function levelsOf(source, shape, fit = "contain", background = "#fff") {
    let image = source;
    let {width, height} = source;
    while (width >= 4 * shape.width && height >= 4 * shape.height) {
        const half = canvasOf(Math.ceil(width / 2), Math.ceil(height / 2));
        contextOf(half).drawImage(image, 0, 0, half.width, half.height);
        [image, width, height] = [half, half.width, half.height];
    }
    const scale = fit === "contain" ? Math.min(shape.width / width, shape.height / height)
        : fit === "cover" ? Math.max(shape.width / width, shape.height / height) : null;
    const [toWidth, toHeight] = scale ? [width * scale, height * scale] : [shape.width, shape.height];
    const canvas = canvasOf(shape.width, shape.height);
    const drawing = contextOf(canvas);
    drawing.fillStyle = background;
    drawing.fillRect(0, 0, shape.width, shape.height);
    drawing.drawImage(image, (shape.width - toWidth) / 2, (shape.height - toHeight) / 2, toWidth, toHeight);
    return levelsOfPixels(drawing.getImageData(0, 0, shape.width, shape.height).data, shape);
}

/** Levels of opaque RGBA pixels that have the model's size. */
export function levelsOfPixels(pixels, shape) {
    const levels = new Uint8Array(shape.height * shape.width * shape.channels);
    const reduce = (value) => Math.floor(value * shape.levels / 256);
    for (let pixel = 0; pixel < shape.height * shape.width; pixel += 1) {
        const [red, green, blue] = pixels.subarray(4 * pixel, 4 * pixel + 3);
        const values = shape.channels < 3 ? [luma(red, green, blue)] : [red, green, blue];
        // what is drawn is opaque
        if (shape.channels % 2 === 0) values.push(255);
        for (const [channel, value] of values.entries()) levels[shape.channels * pixel + channel] = reduce(value);
    }
    return levels;
}

/**
 * Levels of `base` under ink: an ImageData of a whole number of points for each pixel of the model, transparent where there is none.
 *
 * A pixel is the mean of its points. One without ink keeps its levels exactly.
 */
export function levelsOfInk(ink, base, shape) {
    const levels = Uint8Array.from(base);
    const fineness = ink.width / shape.width;
    const colours = shape.channels < 3 ? 1 : 3;
    for (let pixel = 0; pixel < shape.height * shape.width; pixel += 1) {
        const [top, left] = [fineness * Math.floor(pixel / shape.width), fineness * (pixel % shape.width)];
        let [red, green, blue, cover] = [0, 0, 0, 0];
        for (let row = top; row < top + fineness; row += 1) {
            for (let at = 4 * (row * ink.width + left), last = at + 4 * fineness; at < last; at += 4) {
                const alpha = ink.data[at + 3];
                if (!alpha) continue;
                red += alpha * ink.data[at];
                green += alpha * ink.data[at + 1];
                blue += alpha * ink.data[at + 2];
                cover += alpha;
            }
        }
        if (!cover) continue;
        const share = cover / (255 * fineness * fineness);
        const means = [red, green, blue].map((sum) => Math.round(sum / cover));
        const drawn = colours === 1 ? [luma(...means)] : means;
        for (const [channel, value] of drawn.entries()) {
            const place = shape.channels * pixel + channel;
            levels[place] = Math.round(base[place] * (1 - share) + value / 255 * (shape.levels - 1) * share);
        }
        // what is drawn is opaque, as far as it covers
        if (shape.channels % 2 === 0) levels[shape.channels * pixel + colours] = Math.round(levels[shape.channels * pixel + colours] * (1 - share) + (shape.levels - 1) * share);
    }
    return levels;
}

/** RGBA pixels of levels, spread over 0 to 255. */
export function pixelsOf(levels, shape) {
    const pixels = new Uint8ClampedArray(4 * shape.height * shape.width);
    const spread = (level) => Math.round(255 * level / (shape.levels - 1));
    for (let pixel = 0; pixel < shape.height * shape.width; pixel += 1) {
        for (let channel = 0; channel < 3; channel += 1) {
            pixels[4 * pixel + channel] = spread(levels[pixel * shape.channels + (shape.channels < 3 ? 0 : channel)]);
        }
        pixels[4 * pixel + 3] = 255;
    }
    return pixels;
}

/** Paints levels on a canvas, a pixel of the model each, which CSS enlarges; `label` is what a screen reader says. */
export function paint(canvas, levels, shape, label) {
    [canvas.width, canvas.height] = [shape.width, shape.height];
    contextOf(canvas).putImageData(new ImageData(pixelsOf(levels, shape), shape.width, shape.height), 0, 0);
    if (label) {
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", label);
    }
    canvas.classList.add("pixels");
    return canvas;
}

/** Canvas that shows levels. */
export function pictureOf(levels, shape, label) {
    return paint(document.createElement("canvas"), levels, shape, label);
}

/** Longest side of a bitmap: larger pictures are made smaller off the page's own thread, which would stand still for them. */
const longestSide = 1024;

/** Bitmap of a file, turned as its Exif data says. Throws where it is none that the browser reads. */
export async function bitmapOf(file) {
    if (file.type === "image/svg+xml") return await bitmapOfDrawing(file);
    const bitmap = await createImageBitmap(file, {imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "none"});
    const scale = longestSide / Math.max(bitmap.width, bitmap.height);
    if (scale >= 1) return bitmap;
    const smaller = await createImageBitmap(bitmap, {
        resizeWidth: Math.max(1, Math.round(scale * bitmap.width)), resizeHeight: Math.max(1, Math.round(scale * bitmap.height)), resizeQuality: "high",
    });
    bitmap.close();
    return smaller;
}

/** Bitmap of an SVG, of which browsers make one only by an image. */
async function bitmapOfDrawing(file) {
    const address = URL.createObjectURL(file);
    try {
        const image = new Image();
        image.src = address;
        await image.decode();
        // a drawing without a size has 0 in some browsers
        const [width, height] = [image.naturalWidth || longestSide, image.naturalHeight || longestSide];
        const scale = longestSide / Math.max(width, height);
        const canvas = canvasOf(Math.max(1, Math.round(scale * width)), Math.max(1, Math.round(scale * height)));
        contextOf(canvas).drawImage(image, 0, 0, canvas.width, canvas.height);
        return await createImageBitmap(canvas);
    } finally {
        URL.revokeObjectURL(address);
    }
}

/** A PNG with all of `pictures` (levels), `columns` beside one another, each pixel of the model as `scale` points. */
export function sheetOf(pictures, shape, columns = Math.ceil(Math.sqrt(pictures.length)), scale = Math.max(1, Math.round(112 / Math.max(shape.height, shape.width)))) {
    const gap = 4;
    const [width, height] = [scale * shape.width, scale * shape.height];
    const sheet = canvasOf(columns * (width + gap) + gap, Math.ceil(pictures.length / columns) * (height + gap) + gap);
    const drawing = contextOf(sheet);
    drawing.fillStyle = "#fff";
    drawing.fillRect(0, 0, sheet.width, sheet.height);
    drawing.imageSmoothingEnabled = false;
    const one = document.createElement("canvas");
    for (const [index, levels] of pictures.entries()) {
        drawing.drawImage(paint(one, levels, shape), gap + index % columns * (width + gap), gap + Math.floor(index / columns) * (height + gap), width, height);
    }
    return new Promise((resolve) => sheet.toBlob(resolve));
}

/** Levels of a PNG in base64, as answers of the service have them; the picture has the model's size. */
export async function levelsOfAnswer(base64, shape) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const bitmap = await bitmapOf(new Blob([bytes], {type: "image/png"}));
    const canvas = canvasOf(shape.width, shape.height);
    contextOf(canvas).drawImage(bitmap, 0, 0);
    const pixels = contextOf(canvas).getImageData(0, 0, shape.width, shape.height).data;
    return levelsOfPixels(pixels, shape);
}

/** An empty canvas. */
export function canvasOf(width, height) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    return canvas;
}

/** Context of a canvas whose pixels are read. */
export function contextOf(canvas) {
    const drawing = canvas.getContext("2d", {willReadFrequently: true});
    drawing.imageSmoothingQuality = "high";
    return drawing;
}
