// The side of the worker: opens the file, and computes replies where the page never waits for it.

import {codeOf} from '../ui/backend.js';
import {Bot} from './bot.js';
import {unlockFile} from './lock.js';
import {openNetwork} from './network.js';
import {historyKeyOf, unpackPayload} from './payload.js';

/**
 * @typedef {import('../ui/backend.js').OpeningProgress} OpeningProgress
 * @typedef {import('../ui/backend.js').ReplyEvent} ReplyEvent
 * @typedef {import('../ui/backend.js').Turn} Turn
 *
 * @typedef {{kind: 'open', content: Uint8Array<ArrayBuffer>, passphrase: string,
 *     kernel: Uint8Array<ArrayBuffer>|null}
 *   | {kind: 'reply', id: number, request: {turns: Turn[], persona: string}}
 *   | {kind: 'stop', id: number}} ToWorker
 *
 * @typedef {{kind: 'progress', progress: OpeningProgress}
 *   | {kind: 'opened', storageKey: string, historyKey: CryptoKey, isFast: boolean,
 *     personas: {id: string, name: string}[]}
 *   | {kind: 'event', id: number, event: ReplyEvent}
 *   | {kind: 'done', id: number}
 *   | {kind: 'failed', id: number|null, code: string}} FromWorker
 */

/**
 * Answer the messages of the page.
 * @param {Worker} scope  the worker's own global object
 */
export function startWorker(scope) {
  const post = (/** @type {FromWorker} */ message) => scope.postMessage(message);
  /** @type {Bot|null} */
  let bot = null;
  /** @type {Set<number>} */
  const stopped = new Set();
  let last = Promise.resolve();

  const open = async (/** @type {any} */ message) => {
    const opened = await openBot(message, (progress) => post({kind: 'progress', progress}));
    bot = opened.bot;
    post({kind: 'opened', ...opened.facts});
  };
  const reply = async (/** @type {any} */ {id, request}) => {
    const isStopped = () => stopped.has(id);
    for await (const event of /** @type {Bot} */ (bot).reply(request, isStopped)) {
      post({kind: 'event', id, event});
    }
    stopped.delete(id);
    post({kind: 'done', id});
  };
  scope.onmessage = ({data: message}) => {
    if (message.kind === 'stop') {
      stopped.add(message.id);
      return;
    }
    // One at a time: there is one cache.
    last = last.then(() => (message.kind === 'open' ? open(message) : reply(message)))
      .catch((error) => post({kind: 'failed', id: message.id ?? null, code: failureCode(error)}));
  };
}

/**
 * @param {{content: Uint8Array<ArrayBuffer>, passphrase: string,
 *   kernel: Uint8Array<ArrayBuffer>|null}} file
 * @param {(progress: OpeningProgress) => void} onProgress
 * @returns {Promise<{bot: Bot, facts: any}>}
 */
export async function openBot({content, passphrase, kernel}, onProgress) {
  const total = content.length;
  onProgress({stage: 'key', done: 0, total});
  const payload = await unlockFile(content, passphrase, () => {
    onProgress({stage: 'opening', done: 0, total});
  });
  const {description, content: tensors} = await unpackPayload(payload);
  onProgress({stage: 'opening', done: Math.floor(total / 2), total});
  const network = await openNetwork(kernel, description.shape, description.tensors, tensors);
  const bot = new Bot(network, description);
  onProgress({stage: 'opening', done: total, total});
  const facts = {
    personas: description.personas,
    storageKey: description.storage_key,
    historyKey: await historyKeyOf(description.history_key),
    isFast: network.isFast,
  };
  return {bot, facts};
}

/**
 * @param {unknown} error
 * @returns {string}
 */
function failureCode(error) {
  // An ArrayBuffer that the device cannot hold.
  return error instanceof RangeError ? 'memory' : codeOf(error);
}
