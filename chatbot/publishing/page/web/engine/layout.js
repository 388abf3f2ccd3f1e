// Where weights, keys and values, and results lie in the kernel's memory.

/**
 * The dimensions of a GPT, as chatbot/model/gpt/config.py names them.
 * @typedef {Object} Shape
 * @property {number} vocab_size
 * @property {number} block_size
 * @property {number} n_layer
 * @property {number} n_head
 * @property {number} n_kv_head
 * @property {number} n_embd
 * @property {number} n_hidden
 * @property {number} rope_theta
 * @property {number} norm_eps
 *
 * A stored tensor: its bytes lie at an offset of the content.
 * @typedef {{name: string, dtype: 'int8'|'fp16'|'fp32', shape: number[], offset: number}} Tensor
 *
 * A matrix in memory: several stored ones with their rows in succession.
 * @typedef {{w: number, scale: number|null, nIn: number, nOut: number}} Matrix
 *
 * @typedef {{inputNorm: number, mlpNorm: number, qNorm: number, kNorm: number, qkv: Matrix,
 *   o: Matrix, gateUp: Matrix, down: Matrix}} Layer
 *
 * Addresses; `places`: of the stored tensors by name, `end`: the first free byte.
 * @typedef {{places: Map<string, number>, end: number, layers: Layer[], embedding: Matrix,
 *   norm: number, keys: number, values: number, cosines: number, sines: number, x: number,
 *   normed: number, qkv: number, attended: number, gates: number, hidden: number, scores: number,
 *   logits: number}} Layout
 */

export const TOKENS_AT_ONCE = 32; // of a prompt, between two looks at the clock
export const HALVES_AT_ONCE = 1 << 15; // widened through the space of the gates
const ALIGNMENT = 16;
const SCALE = '.scale'; // chatbot/model/tensors.py

/**
 * @param {number} address
 * @returns {number} the next address that every type can have
 */
export function aligned(address) {
  return ALIGNMENT * Math.ceil(address / ALIGNMENT);
}

/** Gives out addresses, one after the other. */
class Plan {
  /**
   * @param {Map<string, Tensor>} tensors
   * @param {number} start
   */
  constructor(tensors, start) {
    this.tensors = tensors;
    this.end = start;
    /** @type {Map<string, number>} */
    this.places = new Map();
  }

  /**
   * @param {number} n
   * @param {number} itemBytes
   * @returns {number} an address for n items
   */
  take(n, itemBytes = 4) {
    const at = this.end;
    this.end += aligned(n * itemBytes);
    return at;
  }

  /**
   * @param {string} name
   * @returns {Tensor}
   */
  tensor(name) {
    return /** @type {Tensor} */ (this.tensors.get(name));
  }

  /**
   * @param {string} name
   * @returns {number}
   */
  vector(name) {
    const at = this.take(this.tensor(name).shape[0]);
    this.places.set(name, at);
    return at;
  }

  /**
   * @param {string[]} names
   * @returns {Matrix}
   */
  matrix(...names) {
    const parts = names.map((name) => this.tensor(name));
    const [nIn, isInt8] = [parts[0].shape[1], parts[0].dtype === 'int8'];
    const nOut = parts.reduce((n, part) => n + part.shape[0], 0);
    const itemBytes = isInt8 ? 1 : 4;
    const w = this.take(nIn * nOut, itemBytes);
    const scale = isInt8 ? this.take(nOut) : null;
    let row = 0;
    for (const {name, shape} of parts) {
      this.places.set(name, w + row * nIn * itemBytes);
      if (scale !== null) {
        this.places.set(name + SCALE, scale + 4 * row);
      }
      row += shape[0];
    }
    return {w, scale, nIn, nOut};
  }

  /**
   * @param {number} number
   * @returns {Layer}
   */
  layer(number) {
    const of = (/** @type {string} */ name) => `layers.${number}.${name}.weight`;
    return {
      inputNorm: this.vector(of('input_layernorm')),
      mlpNorm: this.vector(of('post_attention_layernorm')),
      qNorm: this.vector(of('self_attn.q_norm')),
      kNorm: this.vector(of('self_attn.k_norm')),
      qkv: this.matrix(...['q', 'k', 'v'].map((name) => of(`self_attn.${name}_proj`))),
      o: this.matrix(of('self_attn.o_proj')),
      gateUp: this.matrix(of('mlp.gate_proj'), of('mlp.up_proj')),
      down: this.matrix(of('mlp.down_proj')),
    };
  }
}

/**
 * @param {Shape} shape
 * @param {Map<string, Tensor>} tensors  by name
 * @param {number} start
 * @returns {Layout}
 */
export function layoutOf(shape, tensors, start) {
  const {n_embd: C, n_hidden, n_head, n_kv_head: K, block_size, vocab_size, n_layer} = shape;
  const [D, T] = [C / n_head, TOKENS_AT_ONCE];
  const plan = new Plan(tensors, start);
  const addresses = {
    embedding: plan.matrix('embed_tokens.weight'),
    layers: Array.from({length: n_layer}, (_, number) => plan.layer(number)),
    norm: plan.vector('norm.weight'),
    keys: plan.take(n_layer * K * block_size * D),
    values: plan.take(n_layer * K * block_size * D),
    cosines: plan.take(block_size * (D / 2)),
    sines: plan.take(block_size * (D / 2)),
    x: plan.take(T * C),
    normed: plan.take(T * C),
    qkv: plan.take(T * (C + 2 * K * D)),
    attended: plan.take(T * C),
    gates: plan.take(Math.max(2 * T * n_hidden, HALVES_AT_ONCE / 2)),
    hidden: plan.take(T * n_hidden),
    scores: plan.take(block_size + 3),
    logits: plan.take(vocab_size),
  };
  return {...addresses, places: plan.places, end: plan.end};
}
