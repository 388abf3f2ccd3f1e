// Tokens -> logits: a GPT with the layout of Qwen3 (chatbot/model/gpt/numpy_network.py), with the
// keys and values of one conversation. T tokens, C channels, H heads, K heads of keys and values,
// D head width, V vocabulary.

import {openKernel} from './kernel.js';
import {HALVES_AT_ONCE, aligned, layoutOf} from './layout.js';

/**
 * @typedef {import('./kernel.js').Kernel} Kernel
 * @typedef {import('./layout.js').Layer} Layer
 * @typedef {import('./layout.js').Layout} Layout
 * @typedef {import('./layout.js').Matrix} Matrix
 * @typedef {import('./layout.js').Shape} Shape
 * @typedef {import('./layout.js').Tensor} Tensor
 */

const ITEM_BYTES = {int8: 1, fp16: 2, fp32: 4};

/** Reads tokens and remembers them, for one conversation. */
export class Network {
  /**
   * @param {Kernel} kernel
   * @param {Shape} shape
   * @param {Layout} layout
   */
  constructor(kernel, shape, layout) {
    this.shape = shape;
    this.length = 0; // tokens in the cache
    this.last = 0; // where the latest token's channels lie
    this.isFast = kernel.isFast;
    this.kernel = kernel;
    this.floats = new Float32Array(kernel.buffer);
    this.layout = layout;
    this.fillAngles();
  }

  /**
   * Drop everything after the first tokens.
   * @param {number} length
   */
  cut(length) {
    this.length = Math.min(this.length, length);
  }

  /**
   * Read at most TOKENS_AT_ONCE tokens that continue the cache.
   * @param {number[]} tokens
   */
  read(tokens) {
    const {kernel, shape, layout} = this;
    const T = tokens.length;
    tokens.forEach((token, t) => this.embed(token, layout.x + 4 * t * shape.n_embd));
    layout.layers.forEach((layer, number) => {
      kernel.norm(layout.normed, layout.x, layer.inputNorm, T, shape.n_embd, shape.norm_eps);
      this.product(layout.qkv, layout.normed, layer.qkv, T);
      for (let t = 0; t < T; t += 1) {
        this.attend(layer, number, t);
      }
      this.product(layout.normed, layout.attended, layer.o, T);
      kernel.addTo(layout.x, layout.normed, T * shape.n_embd);
      kernel.norm(layout.normed, layout.x, layer.mlpNorm, T, shape.n_embd, shape.norm_eps);
      this.product(layout.gates, layout.normed, layer.gateUp, T);
      kernel.swiglu(layout.hidden, layout.gates, T, shape.n_hidden);
      this.product(layout.normed, layout.hidden, layer.down, T);
      kernel.addTo(layout.x, layout.normed, T * shape.n_embd);
    });
    this.length += T;
    this.last = layout.x + 4 * (T - 1) * shape.n_embd;
  }

  /**
   * @returns {Float32Array} logits (V,) of the token after those read, until the next call
   */
  logits() {
    const {kernel, shape, layout} = this;
    kernel.norm(layout.normed, this.last, layout.norm, 1, shape.n_embd, shape.norm_eps);
    this.product(layout.logits, layout.normed, layout.embedding, 1);
    return this.floats.subarray(layout.logits >> 2, (layout.logits >> 2) + shape.vocab_size);
  }

  /**
   * @param {number} token
   * @param {number} out
   */
  embed(token, out) {
    const {w, scale, nIn} = this.layout.embedding;
    if (scale === null) {
      this.floats.copyWithin(out >> 2, (w >> 2) + token * nIn, (w >> 2) + (token + 1) * nIn);
      return;
    }
    const row = new Int8Array(this.kernel.buffer, w + token * nIn, nIn);
    const factor = this.floats[(scale >> 2) + token];
    for (let i = 0; i < nIn; i += 1) {
      this.floats[(out >> 2) + i] = row[i] * factor;
    }
  }

  /**
   * @param {number} out
   * @param {number} x
   * @param {Matrix} matrix
   * @param {number} T
   */
  product(out, x, {w, scale, nIn, nOut}, T) {
    if (scale === null) {
      this.kernel.linearFloat(out, x, w, T, nIn, nOut);
    } else {
      this.kernel.linearInt8(out, x, w, scale, T, nIn, nOut);
    }
  }

  /**
   * Store the keys and values of the t-th new token, and attend from it.
   * @param {Layer} layer
   * @param {number} number
   * @param {number} t
   */
  attend(layer, number, t) {
    const {kernel, layout, floats} = this;
    const {n_head: H, n_kv_head: K, n_embd: C, block_size: capacity, norm_eps: eps} = this.shape;
    const [D, place] = [C / H, this.length + t];
    const query = layout.qkv + 4 * t * D * (H + 2 * K);
    const key = query + 4 * H * D;
    const angle = 4 * place * (D / 2);
    kernel.norm(query, query, layer.qNorm, H, D, eps);
    kernel.norm(key, key, layer.kNorm, K, D, eps);
    kernel.rotate(query, layout.cosines + angle, layout.sines + angle, H + K, D);
    const layerStart = 4 * number * K * capacity * D;
    const [keys, values] = [layout.keys + layerStart, layout.values + layerStart];
    for (let k = 0; k < K; k += 1) {
      const [source, target] = [(key >> 2) + k * D, (k * capacity + place) * D];
      floats.copyWithin((keys >> 2) + target, source, source + D);
      floats.copyWithin((values >> 2) + target, source + K * D, source + (K + 1) * D);
    }
    const out = layout.attended + 4 * t * C;
    kernel.attend(out, query, keys, values, layout.scores, H, K, D, place + 1, capacity);
  }

  /** Fill the cosines and sines (block_size, D/2) of positions. */
  fillAngles() {
    const {block_size: capacity, n_embd: C, n_head: H, rope_theta: theta} = this.shape;
    const D = C / H;
    const {floats, layout} = this;
    for (let place = 0; place < capacity; place += 1) {
      for (let i = 0; i < D / 2; i += 1) {
        // Rounded to fp32 where numpy rounds, because far positions amplify differences.
        const exponent = Math.fround(Math.fround(2 * i) / Math.fround(D));
        const frequency = Math.fround(Math.fround(theta) ** -exponent);
        const angle = Math.fround(place * frequency);
        floats[(layout.cosines >> 2) + place * (D / 2) + i] = Math.cos(angle);
        floats[(layout.sines >> 2) + place * (D / 2) + i] = Math.sin(angle);
      }
    }
  }
}

/**
 * Copy stored weights into a kernel; fp16 becomes fp32.
 * @param {Uint8Array<ArrayBuffer>|null} code  kernel.wasm, or null for plain JavaScript
 * @param {Shape} shape
 * @param {Tensor[]} tensors
 * @param {Uint8Array} content  what the tensors' offsets count in
 * @returns {Promise<Network>}
 */
export async function openNetwork(code, shape, tensors, content) {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const kernel = await openKernel(code, layoutOf(shape, byName, 0).end);
  const start = aligned(kernel.start);
  const layout = layoutOf(shape, byName, start);
  for (const [name, at] of layout.places) {
    copyTensor(kernel, /** @type {Tensor} */ (byName.get(name)), at, content, layout.gates);
  }
  foldScale(kernel, layout, shape);
  return new Network(kernel, shape, layout);
}

/**
 * Attention divides by sqrt(D); as in numpy this is folded into the norm of the queries.
 * @param {Kernel} kernel
 * @param {Layout} layout
 * @param {Shape} shape
 */
function foldScale(kernel, layout, shape) {
  const D = shape.n_embd / shape.n_head;
  for (const {qNorm} of layout.layers) {
    new Float32Array(kernel.buffer, qNorm, D).forEach((weight, i, weights) => {
      weights[i] = weight * Math.fround(D ** -0.5);
    });
  }
}

/**
 * @param {Kernel} kernel
 * @param {Tensor} tensor
 * @param {number} at
 * @param {Uint8Array} content
 * @param {number} scratch  space for HALVES_AT_ONCE halves
 */
function copyTensor(kernel, tensor, at, content, scratch) {
  const n = tensor.shape.reduce((product, size) => product * size, 1);
  const bytes = content.subarray(tensor.offset, tensor.offset + n * ITEM_BYTES[tensor.dtype]);
  const memory = new Uint8Array(kernel.buffer);
  if (tensor.dtype !== 'fp16') {
    memory.set(bytes, at);
    return;
  }
  for (let begin = 0; begin < n; begin += HALVES_AT_ONCE) {
    const end = Math.min(n, begin + HALVES_AT_ONCE);
    memory.set(bytes.subarray(2 * begin, 2 * end), scratch);
    kernel.widenHalf(at + 4 * begin, scratch, end - begin);
  }
}
