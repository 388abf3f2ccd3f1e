// The kernel that this browser can run: WebAssembly with SIMD, else plain JavaScript.

import {BackendError} from '../ui/backend.js';
import {fallbackKernel} from './kernel_fallback.js';

/**
 * Operations on one memory; pointers are offsets in bytes, described in kernel.c.
 * @typedef {Object} Kernel
 * @property {ArrayBuffer} buffer
 * @property {number} start  the first free byte
 * @property {boolean} isFast  whether it is the WebAssembly
 * @property {(out: number, x: number, w: number, scale: number, T: number, nIn: number,
 *   nOut: number) => void} linearInt8
 * @property {(out: number, x: number, w: number, T: number, nIn: number, nOut: number) => void
 *   } linearFloat
 * @property {(out: number, input: number, n: number) => void} widenHalf
 * @property {(out: number, x: number, weight: number, nRows: number, n: number, eps: number)
 *   => void} norm
 * @property {(x: number, cosines: number, sines: number, H: number, D: number) => void} rotate
 * @property {(out: number, query: number, keys: number, values: number, scores: number, H: number,
 *   K: number, D: number, n: number, capacity: number) => void} attend
 * @property {(out: number, x: number, T: number, n: number) => void} swiglu
 * @property {(x: number, y: number, n: number) => void} addTo
 */

const PAGE_BYTES = 65536;
const SPARE_BYTES = 64; // what aligning the first address may cost

/**
 * Open the kernel with a memory for nBytes; throws BackendError "memory" if there is too little.
 * @param {Uint8Array<ArrayBuffer>|null} code  kernel.wasm; null: use plain JavaScript
 * @param {number} nBytes
 * @returns {Promise<Kernel>}
 */
export async function openKernel(code, nBytes) {
  const instance = code && await instantiated(code);
  try {
    if (!instance) {
      return fallbackKernel(4 * Math.ceil((nBytes + SPARE_BYTES) / 4));
    }
    const {memory, __heap_base: heapBase, ...operations} = /** @type {any} */ (instance.exports);
    const lacking = heapBase.value + nBytes + SPARE_BYTES - memory.buffer.byteLength;
    memory.grow(Math.max(0, Math.ceil(lacking / PAGE_BYTES)));
    return {buffer: memory.buffer, start: heapBase.value, isFast: true, ...operations};
  } catch (error) {
    if (error instanceof RangeError) {
      throw new BackendError('memory');
    }
    throw error;
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} code
 * @returns {Promise<WebAssembly.Instance|null>} null where WebAssembly or its SIMD is unavailable
 */
async function instantiated(code) {
  try {
    return await WebAssembly.instantiate(await WebAssembly.compile(code), {});
  } catch {
    // A policy that forbids it, a browser without it (ReferenceError), or without SIMD.
    return null;
  }
}
