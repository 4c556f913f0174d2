// Standard normal numbers by a seed, so that what was drawn here can be named and drawn again.

/** A generator of uniform numbers in (0, 1): the counter-based mixing of SplitMix32, from `seed`. */
function uniforms(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x9e3779b9) >>> 0;
        let mixed = state;
        mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
        mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
        return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32 + 2 ** -33;
    };
}

/** `count` standard normal numbers of `seed` (Box and Muller 1958). */
export function normals(seed, count) {
    const uniform = uniforms(seed);
    const values = new Float32Array(count);
    for (let index = 0; index < count; index += 2) {
        const radius = Math.sqrt(-2 * Math.log(uniform()));
        const angle = 2 * Math.PI * uniform();
        values[index] = radius * Math.cos(angle);
        if (index + 1 < count) values[index + 1] = radius * Math.sin(angle);
    }
    return values;
}
