// What the page and whatever answers it agree on.

/**
 * One speaker's messages in a row; persona is null for the person at this page.
 * @typedef {{persona: string|null, text: string}} Turn
 *
 * A piece of a reply; in its text "\n" separates bubbles.
 * @typedef {{kind: 'reading', done: number, total: number}
 *   | {kind: 'text', text: string}
 *   | {kind: 'end', reason: 'stop'|'length'}} ReplyEvent
 *
 * A rejected reply to some turns, and the one that was kept instead, if any.
 * @typedef {{kind: 'retry'|'undo', turns: Turn[], persona: string, rejected: string,
 *   chosen: string|null}} Choice
 *
 * @typedef {Object} Backend
 * @property {string} storageKey  name of this bot's history on the device
 * @property {{id: string, name: string}[]} personas  the first is the default
 * @property {(request: {turns: Turn[], persona: string}, signal: AbortSignal)
 *   => AsyncGenerator<ReplyEvent>} reply
 * @property {() => void|Promise<void>} close  log out, or lock the file again
 * @property {((choice: Choice) => void)|null} [keepChoice]  only where the owner stores choices
 * @property {() => Promise<boolean>} [isReachable]  only where an answer needs a network
 * @property {CryptoKey|null} [historyKey]  AES-GCM key that seals the history on the device
 *
 * How far the opening of a file is: first its key is derived, then its parts are decrypted.
 * @typedef {{stage: 'key'|'opening', done: number, total: number}} OpeningProgress
 */

/** An error that the page says as the sentence `error.CODE` of strings.js. */
export class BackendError extends Error {
  /**
   * @param {string} code  the last part of a key of strings.js
   * @param {number} [seconds]  how long to wait before the next try, where that is known
   */
  constructor(code, seconds = 0) {
    super(code);
    this.name = 'BackendError';
    this.code = code;
    this.seconds = seconds;
  }
}

/**
 * The code of any error: that of a BackendError, or "unknown" for one that nobody foresaw.
 * @param {unknown} error
 * @returns {string}
 */
export function codeOf(error) {
  return error instanceof BackendError ? error.code : 'unknown';
}
