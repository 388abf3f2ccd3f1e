// The bytes of an unlocked file -> the description and the tensors of a model (chatbot/publishing/
// page/payload.py packs them).

import {BackendError} from '../ui/backend.js';

/**
 * @param {Uint8Array<ArrayBuffer>} payload
 * @returns {Promise<{description: any, content: Uint8Array<ArrayBuffer>}>} the tensors' offsets
 *   count in content
 */
export async function unpackPayload(payload) {
  try {
    const end = 4 + new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    const compressed = new Blob([payload.subarray(4, end)]);
    const stream = compressed.stream().pipeThrough(new DecompressionStream('gzip'));
    const description = JSON.parse(await new Response(stream).text());
    return {description, content: payload.subarray(end)};
  } catch (error) {
    throw error instanceof RangeError ? error : new BackendError('damaged');
  }
}

/**
 * Return the key that seals the history on the device, which only who opens the file has.
 * @param {string} hex
 * @returns {Promise<CryptoKey>}
 */
export function historyKeyOf(hex) {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
}
