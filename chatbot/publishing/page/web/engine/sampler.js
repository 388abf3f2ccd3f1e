// Logits -> the next token, as in chatbot/inference/sampling.py. V vocabulary.

/**
 * @typedef {Object} SamplingSettings
 * @property {number} temperature
 * @property {number} top_k
 * @property {number} top_p
 * @property {number} min_p
 * @property {number} repetition_penalty
 * @property {number} no_repeat_ngram
 * @property {number} min_new_tokens
 * @property {number} max_new_tokens
 * @property {number} candidates
 * @property {string[]} forbidden_words
 * @property {number|null} seed
 */

/** Draws tokens by the settings, and records their probability. */
export class Sampler {
  /**
   * @param {SamplingSettings} settings
   * @param {() => number} random
   */
  constructor(settings, random) {
    this.settings = settings;
    this.random = random;
    this.logProbability = 0;
    this.nDrawn = 0;
  }

  /**
   * @returns {number} mean log-probability of the drawn tokens under the unmodified network
   */
  confidence() {
    return this.logProbability / Math.max(1, this.nDrawn);
  }

  /**
   * Draw a token from logits (V,); null if every token is forbidden.
   * @param {Float32Array} logits
   * @param {number[]} previous
   * @param {Iterable<number>} forbidden
   * @returns {number|null}
   */
  draw(logits, previous, forbidden) {
    const scores = allowedScores(logits, previous, forbidden, this.settings);
    if (!scores.some(Number.isFinite)) {
      return null;
    }
    const {tokens, probabilities} = distribution(scores, this.settings);
    let rest = this.random();
    let place = 0;
    while (place < tokens.length - 1 && rest >= probabilities[place]) {
      rest -= probabilities[place];
      place += 1;
    }
    this.count(logits, tokens[place]);
    return tokens[place];
  }

  /**
   * @param {Float32Array} logits
   * @param {number} token
   */
  count(logits, token) {
    const highest = maximum(logits);
    let total = 0;
    for (const logit of logits) {
      total += Math.exp(logit - highest);
    }
    this.logProbability += logits[token] - highest - Math.log(total);
    this.nDrawn += 1;
  }
}

/**
 * Return logits (V,) without forbidden tokens, and with repeated ones penalized.
 * @param {Float32Array} logits
 * @param {number[]} previous
 * @param {Iterable<number>} forbidden
 * @param {SamplingSettings} settings
 * @returns {Float64Array}
 */
export function allowedScores(logits, previous, forbidden, settings) {
  const scores = Float64Array.from(logits);
  for (const token of forbidden) {
    scores[token] = -Infinity;
  }
  const repeated = repeating(previous, settings.no_repeat_ngram);
  if (repeated.size && scores.some((score, i) => Number.isFinite(score) && !repeated.has(i))) {
    repeated.forEach((token) => { scores[token] = -Infinity; });
  }
  const penalty = settings.repetition_penalty;
  for (const token of new Set(penalty === 1 ? [] : previous)) {
    // A negative logit is multiplied: dividing would favour it.
    scores[token] = scores[token] > 0 ? scores[token] / penalty : scores[token] * penalty;
  }
  return scores;
}

/**
 * Return the tokens that can be drawn, most likely first, and their probabilities.
 * @param {Float64Array} scores
 * @param {SamplingSettings} settings
 * @returns {{tokens: number[], probabilities: number[]}}
 */
export function distribution(scores, settings) {
  const highest = maximum(scores);
  if (settings.temperature === 0) {
    return {tokens: [scores.indexOf(highest)], probabilities: [1]};
  }
  const weights = scores.map((score) => Math.exp((score - highest) / settings.temperature));
  // Rounding may leave a little to be reached by tokens that are forbidden.
  const likely = mostLikely(scores, settings.top_k).filter((token) => scores[token] > -Infinity);
  const total = likely.reduce((sum, token) => sum + weights[token], 0);
  // Only those that min_p leaves need an order: the first of them has the weight 1.
  const order = likely.filter((token) => weights[token] >= settings.min_p);
  order.sort((a, b) => scores[b] - scores[a] || a - b);
  let [nKept, reached] = [0, 0];
  while (nKept < order.length && reached < settings.top_p) {
    reached += weights[order[nKept]] / total;
    nKept += 1;
  }
  const tokens = order.slice(0, nKept);
  const kept = tokens.reduce((sum, token) => sum + weights[token], 0);
  return {tokens, probabilities: tokens.map((token) => weights[token] / kept)};
}

/**
 * @param {Float64Array} scores
 * @param {number} topK  0: all
 * @returns {number[]} the tokens with the highest scores, of equal ones the first
 */
function mostLikely(scores, topK) {
  const all = Array.from(scores.keys());
  if (topK <= 0 || topK >= scores.length) {
    return all;
  }
  const least = Float64Array.from(scores).sort()[scores.length - topK];
  const above = all.filter((token) => scores[token] > least);
  const equal = all.filter((token) => scores[token] === least);
  return [...above, ...equal.slice(0, topK - above.length)];
}

/**
 * @param {number[]} previous
 * @param {number} n
 * @returns {Set<number>} the tokens that would repeat an n-gram
 */
export function repeating(previous, n) {
  const tokens = new Set();
  if (n < 1) {
    return tokens;
  }
  const last = previous.slice(previous.length - n + 1);
  for (let i = 0; i + n <= previous.length; i += 1) {
    if (n === 1 || last.every((token, k) => previous[i + k] === token)) {
      tokens.add(previous[i + n - 1]);
    }
  }
  return tokens;
}

/**
 * @param {Float32Array|Float64Array} numbers
 * @returns {number}
 */
function maximum(numbers) {
  let highest = -Infinity;
  for (const number of numbers) {
    highest = number > highest ? number : highest;
  }
  return highest;
}

/**
 * Return a generator of numbers in [0, 1): the same ones for a seed, others for null.
 * @param {number|null} seed
 * @returns {() => number}
 */
export function randomNumbers(seed) {
  // sfc32 of PractRand, whose period is at least 2^32.
  const start = seed === null ? crypto.getRandomValues(new Uint32Array(3)) : [seed, 0, 0];
  let [a, b, c, counter] = [start[0] | 0, start[1] | 0, start[2] | 0, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i += 1) {
    next();
  }
  return next;
}
