// Turns -> the tokens of a prompt, as chatbot/corpus/template.py renders and trims them.

/** @typedef {import('./tokenizer.js').BpeTokenizer} BpeTokenizer */

/**
 * Render the history and the begin of the next speaker's turn. If longer than maxTokens, the oldest
 * turns are dropped; the latest is kept, truncated at its start if necessary.
 * @param {{speaker: number, text: string}[]} turns
 * @param {number} nextSpeaker
 * @param {BpeTokenizer} tokenizer
 * @param {number} maxTokens
 * @returns {number[]}
 */
export function renderPrompt(turns, nextSpeaker, tokenizer, maxTokens) {
  /** @type {number[][]} */
  const pieces = [];
  let room = maxTokens - 2; // the first token, and the last
  for (const {speaker, text} of [...turns].reverse()) {
    const head = tokenizer.head(speaker);
    const piece = [head, ...tokenizer.encode(text), tokenizer.eosId];
    if (piece.length > room) {
      if (pieces.length === 0) {
        pieces.push([head, ...piece.slice(piece.length - Math.max(0, room - 1))]);
      }
      break;
    }
    pieces.push(piece);
    room -= piece.length;
  }
  return [tokenizer.bosId, ...pieces.reverse().flat(), tokenizer.head(nextSpeaker)];
}
