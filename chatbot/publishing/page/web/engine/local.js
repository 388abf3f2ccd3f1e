// The side of the page: a backend whose model lies in this file and runs in a worker.

import {BackendError} from '../ui/backend.js';
import {WrongPassphrase} from './lock.js';

/**
 * @typedef {import('../ui/backend.js').Backend} Backend
 * @typedef {import('../ui/backend.js').OpeningProgress} OpeningProgress
 * @typedef {import('../ui/backend.js').ReplyEvent} ReplyEvent
 * @typedef {import('../ui/backend.js').Turn} Turn
 * @typedef {import('./worker.js').FromWorker} FromWorker
 */

/**
 * Decrypt the model of this file and start it. Throws WrongPassphrase, or a BackendError with the
 * code "no-crypto", "damaged" or "memory".
 * @param {Uint8Array} content
 * @param {string} passphrase
 * @param {(progress: OpeningProgress) => void} onProgress
 * @returns {Promise<LocalBackend>}
 */
export async function openModel(content, passphrase, onProgress) {
  const worker = startedWorker();
  const kernel = bytesOf(textOf('kernel'));
  return new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ code) => {
      worker.terminate();
      reject(code === 'wrong-passphrase' ? new WrongPassphrase() : new BackendError(code));
    };
    worker.onerror = () => fail('unknown');
    worker.onmessage = ({data: message}) => {
      if (message.kind === 'progress') {
        onProgress(message.progress);
      } else if (message.kind === 'failed') {
        fail(message.code);
      } else {
        resolve(new LocalBackend(worker, message));
      }
    };
    worker.postMessage({kind: 'open', content, passphrase, kernel});
  });
}

/** A backend that needs no server. */
export class LocalBackend {
  /**
   * @param {Worker} worker
   * @param {{storageKey: string, historyKey: CryptoKey, isFast: boolean,
   *   personas: {id: string, name: string}[]}} facts
   */
  constructor(worker, {storageKey, historyKey, isFast, personas}) {
    this.storageKey = storageKey;
    this.historyKey = historyKey;
    this.isFast = isFast; // false: without WebAssembly
    this.personas = personas;
    this.worker = worker;
    this.nReplies = 0;
    /** @type {Map<number, (message: FromWorker) => void>} */
    this.listeners = new Map();
    worker.onmessage = ({data: message}) => this.listeners.get(message.id)?.(message);
    worker.onerror = () => this.listeners.forEach((listener, id) => {
      listener({kind: 'failed', id, code: 'unknown'});
    });
  }

  /**
   * Yield a reply as it is computed; throws the signal's reason when it is aborted.
   * @param {{turns: Turn[], persona: string}} request
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<ReplyEvent>}
   */
  async* reply(request, signal) {
    signal.throwIfAborted();
    this.nReplies += 1;
    const id = this.nReplies;
    /** @type {FromWorker[]} */
    const waiting = [];
    let wake = () => {};
    const stop = () => {
      this.worker.postMessage({kind: 'stop', id});
      wake();
    };
    this.listeners.set(id, (message) => {
      waiting.push(message);
      wake();
    });
    signal.addEventListener('abort', stop);
    this.worker.postMessage({kind: 'reply', id, request});
    let isDone = false;
    try {
      while (!isDone) {
        const message = waiting.shift();
        if (message?.kind === 'event') {
          yield message.event;
        } else if (message?.kind === 'failed') {
          throw new BackendError(message.code);
        } else if (message) {
          isDone = true;
        } else {
          await new Promise((resolve) => { wake = () => resolve(undefined); });
        }
        signal.throwIfAborted();
      }
    } finally {
      if (!isDone) {
        stop();
      }
      signal.removeEventListener('abort', stop);
      this.listeners.delete(id);
    }
  }

  /** Lock the file again: the model and the conversation leave the memory. */
  close() {
    this.worker.terminate();
  }
}

/**
 * Start the worker, whose script is text in this file.
 * @returns {Worker}
 */
function startedWorker() {
  const script = new Blob([textOf('worker')], {type: 'text/javascript'});
  return new Worker(URL.createObjectURL(script));
}

/**
 * @param {string} id
 * @returns {string} the text of an element of this file
 */
function textOf(id) {
  return document.getElementById(id)?.textContent ?? '';
}

/**
 * @param {string} base64
 * @returns {Uint8Array}
 */
function bytesOf(base64) {
  return Uint8Array.from(atob(base64.trim()), (char) => char.charCodeAt(0));
}
