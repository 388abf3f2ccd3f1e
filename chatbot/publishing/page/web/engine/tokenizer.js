// Text <-> tokens: the byte-level BPE of chatbot/corpus/tokenizer.py. Text never becomes a control
// token: those have no entry that a merge could make.

const [EOS, N_FIXED, MAX_CACHED] = [2, 3, 20000];
// GPT-2's words. Rust's \s is the property White_Space, which JavaScript's \s is not.
const WORDS = new RegExp(
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+"
    + '|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+',
  'gu',
);
const SPACES = new Set([9, 10, 11, 12, 13, 32]);

export class BpeTokenizer {
  /**
   * @param {{entries: string[], merges: [string, string][], n_speakers: number}} vocabulary
   */
  constructor({entries, merges, n_speakers: nSpeakers}) {
    this.nSpeakers = nSpeakers;
    this.nControl = N_FIXED + nSpeakers;
    this.bosId = 1;
    this.eosId = EOS;
    const byteOf = bytesOfCharacters();
    /** @type {Uint8Array[]} */
    this.bytes = entries.map((entry, token) => Uint8Array.from(
      token < this.nControl ? [] : entry,
      (char) => /** @type {number} */ (byteOf.get(String(char))),
    ));
    const ids = new Map(entries.map((entry, token) => [entry, token]));
    const idOf = (/** @type {string} */ entry) => /** @type {number} */ (ids.get(entry));
    this.ofByte = [...byteOf].reduce((table, [char, byte]) => {
      table[byte] = idOf(char);
      return table;
    }, new Uint32Array(256));
    /** @type {Map<number, number>} rank of a pair of tokens */
    this.ranks = new Map();
    /** @type {number[]} token that a merge makes, by rank */
    this.merged = merges.map(([left, right], rank) => {
      this.ranks.set(pairKey(idOf(left), idOf(right)), rank);
      return idOf(left + right);
    });
    /** @type {Map<string, number[]>} */
    this.cache = new Map();
    const textIds = entries.map((_, token) => token).slice(this.nControl);
    this.spaceIds = textIds.filter((token) => SPACES.has(this.bytes[token][0]));
    const isBlank = (/** @type {number} */ token) => this.bytes[token].every((b) => SPACES.has(b));
    this.blankIds = new Set(textIds.filter(isBlank));
  }

  /**
   * @param {string} text
   * @returns {number[]}
   */
  encode(text) {
    return (text.match(WORDS) ?? []).flatMap((word) => this.encodeWord(word));
  }

  /**
   * @param {number[]} tokens
   * @returns {string}
   */
  decode(tokens) {
    const decoder = new TextDecoder('utf-8', {ignoreBOM: true});
    return tokens.map((token) => decoder.decode(this.bytes[token], {stream: true})).join('')
      + decoder.decode();
  }

  /**
   * @param {number} speaker
   * @returns {number} the control token before the text of a speaker's turn
   */
  head(speaker) {
    return N_FIXED + speaker;
  }

  /**
   * @param {string} word
   * @returns {number[]}
   */
  encodeWord(word) {
    let tokens = this.cache.get(word);
    if (tokens === undefined) {
      const bytes = new TextEncoder().encode(word);
      tokens = this.mergedTokens(Array.from(bytes, (byte) => this.ofByte[byte]));
      if (this.cache.size < MAX_CACHED) {
        this.cache.set(word, tokens);
      }
    }
    return tokens;
  }

  /**
   * Apply merges, always the one learned first, and of equal ones the leftmost.
   * @param {number[]} tokens
   * @returns {number[]}
   */
  mergedTokens(tokens) {
    const rankAt = (/** @type {number} */ i) => (
      this.ranks.get(pairKey(tokens[i], tokens[i + 1])) ?? Infinity
    );
    const ranks = tokens.map((_, i) => rankAt(i)); // of each token and the next
    for (;;) {
      const place = leastPlace(ranks);
      if (place < 0) {
        return tokens;
      }
      tokens.splice(place, 2, this.merged[ranks[place]]);
      ranks.splice(place, 1);
      ranks[place] = rankAt(place);
      if (place > 0) {
        ranks[place - 1] = rankAt(place - 1);
      }
    }
  }
}

/**
 * @param {number[]} ranks
 * @returns {number} the place of the first of the least ones; -1 if all are infinite
 */
function leastPlace(ranks) {
  let least = Infinity;
  let place = -1;
  for (let i = 0; i < ranks.length; i += 1) {
    if (ranks[i] < least) {
      least = ranks[i];
      place = i;
    }
  }
  return place;
}

/**
 * @param {number} left
 * @param {number} right
 * @returns {number}
 */
function pairKey(left, right) {
  return left * 65536 + right; // vocabularies have at most 65,536 entries
}

/**
 * @returns {Map<string, number>} the byte for each of GPT-2's printable characters
 */
function bytesOfCharacters() {
  const isPlain = (/** @type {number} */ byte) => (
    (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
  );
  const table = new Map();
  let nOdd = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    table.set(String.fromCharCode(isPlain(byte) ? byte : 256 + nOdd), byte);
    nOdd += isPlain(byte) ? 0 : 1;
  }
  return table;
}
