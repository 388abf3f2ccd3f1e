// The operations of kernel.c in plain JavaScript, for browsers without WebAssembly or its SIMD.
// Pointers are offsets in bytes into one ArrayBuffer, as in the memory of the other.

/** @typedef {import('./kernel.js').Kernel} Kernel */

/**
 * @param {number} nBytes  size of the memory
 * @returns {Kernel}
 */
export function fallbackKernel(nBytes) {
  const buffer = new ArrayBuffer(nBytes);
  const floats = new Float32Array(buffer);
  const bytes = new Int8Array(buffer);
  const halves = new Uint16Array(buffer);
  /** @type {Float32Array|null} of all halves, by their bits */
  let values = null;
  return {
    buffer,
    start: 16, // 0 is no address
    isFast: false,
    linearInt8: (out, x, w, scale, T, nIn, nOut) => {
      for (let t = 0; t < T; t += 1) {
        for (let r = 0; r < nOut; r += 1) {
          const sum = product(floats, (x >> 2) + t * nIn, bytes, w + r * nIn, nIn);
          floats[(out >> 2) + t * nOut + r] = sum * floats[(scale >> 2) + r];
        }
      }
    },
    linearFloat: (out, x, w, T, nIn, nOut) => {
      for (let t = 0; t < T; t += 1) {
        for (let r = 0; r < nOut; r += 1) {
          const sum = floatProduct(floats, (x >> 2) + t * nIn, (w >> 2) + r * nIn, nIn);
          floats[(out >> 2) + t * nOut + r] = sum;
        }
      }
    },
    widenHalf: (out, input, n) => {
      values ??= Float32Array.from({length: 65536}, (_, half) => halfValue(half));
      for (let i = 0; i < n; i += 1) {
        floats[(out >> 2) + i] = values[halves[(input >> 1) + i]];
      }
    },
    norm: (out, x, weight, nRows, n, eps) => {
      for (let r = 0; r < nRows; r += 1) {
        const [source, target] = [(x >> 2) + r * n, (out >> 2) + r * n];
        const factor = 1 / Math.sqrt(floatProduct(floats, source, source, n) / n + eps);
        for (let i = 0; i < n; i += 1) {
          floats[target + i] = floats[source + i] * factor * floats[(weight >> 2) + i];
        }
      }
    },
    rotate: (x, cosines, sines, H, D) => {
      rotateHeads(floats, x >> 2, cosines >> 2, sines >> 2, H, D);
    },
    attend: (out, query, keys, values, scores, H, K, D, n, capacity) => {
      for (let h = 0; h < H; h += 1) {
        const shared = Math.floor(h / (H / K)) * capacity * D;
        attendHead(floats, {
          out: (out >> 2) + h * D, query: (query >> 2) + h * D, scores: scores >> 2,
          key: (keys >> 2) + shared, value: (values >> 2) + shared,
        }, D, n);
      }
    },
    swiglu: (out, x, T, n) => {
      for (let t = 0; t < T; t += 1) {
        const [source, target] = [(x >> 2) + 2 * t * n, (out >> 2) + t * n];
        for (let i = 0; i < n; i += 1) {
          const gate = floats[source + i];
          floats[target + i] = gate / (1 + Math.exp(-gate)) * floats[source + n + i];
        }
      }
    },
    addTo: (x, y, n) => {
      for (let i = 0; i < n; i += 1) {
        floats[(x >> 2) + i] += floats[(y >> 2) + i];
      }
    },
  };
}

/**
 * @param {Float32Array} floats
 * @param {number} x  index of n floats
 * @param {Int8Array} bytes
 * @param {number} w  index of n int8
 * @param {number} n
 * @returns {number} their scalar product
 */
function product(floats, x, bytes, w, n) {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    first += floats[x + i] * bytes[w + i];
    second += floats[x + i + 1] * bytes[w + i + 1];
    third += floats[x + i + 2] * bytes[w + i + 2];
    fourth += floats[x + i + 3] * bytes[w + i + 3];
  }
  for (; i < n; i += 1) {
    first += floats[x + i] * bytes[w + i];
  }
  return first + second + third + fourth;
}

/**
 * @param {Float32Array} floats
 * @param {number} a  index of n floats
 * @param {number} b  index of n floats
 * @param {number} n
 * @returns {number} their scalar product
 */
function floatProduct(floats, a, b, n) {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    first += floats[a + i] * floats[b + i];
    second += floats[a + i + 1] * floats[b + i + 1];
    third += floats[a + i + 2] * floats[b + i + 2];
    fourth += floats[a + i + 3] * floats[b + i + 3];
  }
  for (; i < n; i += 1) {
    first += floats[a + i] * floats[b + i];
  }
  return first + second + third + fourth;
}

/**
 * @param {number} half  the bits of an IEEE 754 binary16
 * @returns {number}
 */
function halfValue(half) {
  const [sign, exponent, fraction] = [half & 0x8000 ? -1 : 1, (half >> 10) & 31, half & 1023];
  if (exponent === 31) {
    return fraction ? NaN : sign * Infinity;
  }
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24);
}

/**
 * @param {Float32Array} floats
 * @param {number} x
 * @param {number} cosines
 * @param {number} sines
 * @param {number} H
 * @param {number} D
 */
function rotateHeads(floats, x, cosines, sines, H, D) {
  const half = D / 2;
  for (let h = 0; h < H; h += 1) {
    for (let i = x + h * D, j = 0; j < half; i += 1, j += 1) {
      const [first, second] = [floats[i], floats[i + half]];
      const [cosine, sine] = [floats[cosines + j], floats[sines + j]];
      floats[i] = first * cosine - second * sine;
      floats[i + half] = second * cosine + first * sine;
    }
  }
}

/**
 * @param {Float32Array} floats
 * @param {{out: number, query: number, key: number, value: number, scores: number}} at  indices
 * @param {number} D
 * @param {number} n
 */
function attendHead(floats, at, D, n) {
  let highest = -Infinity;
  for (let i = 0; i < n; i += 1) {
    floats[at.scores + i] = floatProduct(floats, at.query, at.key + i * D, D);
    highest = Math.max(highest, floats[at.scores + i]);
  }
  let total = 0;
  floats.fill(0, at.out, at.out + D);
  for (let i = 0; i < n; i += 1) {
    const share = Math.exp(floats[at.scores + i] - highest);
    total += share;
    for (let d = 0; d < D; d += 1) {
      floats[at.out + d] += share * floats[at.value + i * D + d];
    }
  }
  for (let d = 0; d < D; d += 1) {
    floats[at.out + d] /= total;
  }
}
