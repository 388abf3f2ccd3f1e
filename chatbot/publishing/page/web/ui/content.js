// The encrypted model in the file: base64 in <script id="content" type="text/plain">.
import {BackendError} from './backend.js';

const SLICE = 4 * 65536; // characters at a time: a whole decoded text would need the memory twice

/**
 * Return the bytes; throws a BackendError if there are none or if they are not base64.
 * @param {Document} page
 * @returns {Uint8Array}
 */
export function contentOf(page) {
  const text = page.getElementById('content')?.textContent?.trim() ?? '';
  if (!text) {
    throw new BackendError('no-content');
  }
  const nPadding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4) - nPadding);
  try {
    for (let start = 0, at = 0; start < text.length; start += SLICE) {
      const part = atob(text.slice(start, start + SLICE));
      for (let i = 0; i < part.length; i++) {
        bytes[at++] = part.charCodeAt(i);
      }
    }
  } catch {
    throw new BackendError('damaged');
  }
  return bytes;
}
