// An encrypted file -> its bytes, by the browser's own cryptography (chatbot/publishing/page/
// lock.py wrote it): PBKDF2-HMAC-SHA-256, then AES-256-GCM with the header as associated data.

import {BackendError} from '../ui/backend.js';

/** The passphrase does not open the file. */
export class WrongPassphrase extends BackendError {
  constructor() {
    super('wrong-passphrase');
  }
}

const MAGIC = 'cbpage1\n';
const [ROUNDS_AT, SALT_AT, NONCE_AT, HEADER_BYTES] = [8, 12, 28, 40];
const [TAG_BYTES, DIGEST_BYTES] = [16, 32];
// Fewer rounds would make guessing cheap, more would never end.
const [LEAST_ROUNDS, MOST_ROUNDS] = [600000, 10000000];

/**
 * Decrypt a file. Throws WrongPassphrase, or BackendError "no-crypto" or "damaged".
 * @param {Uint8Array<ArrayBuffer>} file
 * @param {string} passphrase
 * @param {() => void} onKey  called when the key is derived
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function unlockFile(file, passphrase, onKey) {
  const {subtle} = globalThis.crypto ?? {};
  if (!subtle) {
    throw new BackendError('no-crypto'); // an insecure origin
  }
  const header = file.subarray(0, HEADER_BYTES);
  const sealed = file.subarray(HEADER_BYTES, file.length - DIGEST_BYTES);
  const isWhole = sealed.length > TAG_BYTES && await hasDigest(subtle, file);
  const rounds = isWhole ? new DataView(header.slice().buffer).getUint32(ROUNDS_AT, true) : 0;
  const isOurs = new TextDecoder().decode(header.subarray(0, MAGIC.length)) === MAGIC;
  if (!isOurs || rounds < LEAST_ROUNDS || rounds > MOST_ROUNDS) {
    throw new BackendError('damaged');
  }
  const salt = header.subarray(SALT_AT, NONCE_AT);
  const key = await keyOf(subtle, passphrase, salt, rounds);
  onKey();
  try {
    const parameters = {name: 'AES-GCM', iv: header.subarray(NONCE_AT), additionalData: header};
    return new Uint8Array(await subtle.decrypt(parameters, key, sealed));
  } catch (error) {
    if (error instanceof DOMException && error.name === 'OperationError') {
      throw new WrongPassphrase();
    }
    throw error;
  }
}

/**
 * Whether a file ends in the digest of the rest: damage is told from a wrong passphrase by it.
 * @param {SubtleCrypto} subtle
 * @param {Uint8Array<ArrayBuffer>} file
 * @returns {Promise<boolean>}
 */
async function hasDigest(subtle, file) {
  const end = file.length - DIGEST_BYTES;
  const digest = new Uint8Array(await subtle.digest('SHA-256', file.subarray(0, end)));
  return digest.every((byte, i) => byte === file[end + i]);
}

/**
 * @param {SubtleCrypto} subtle
 * @param {string} passphrase
 * @param {Uint8Array<ArrayBuffer>} salt
 * @param {number} rounds
 * @returns {Promise<CryptoKey>}
 */
async function keyOf(subtle, passphrase, salt, rounds) {
  const typed = new TextEncoder().encode(passphrase.trim().normalize('NFC'));
  const secret = await subtle.importKey('raw', typed, 'PBKDF2', false, ['deriveKey']);
  const parameters = {name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds};
  const kind = {name: 'AES-GCM', length: 256};
  return subtle.deriveKey(parameters, secret, kind, false, ['decrypt']);
}
