// The page that is one file: unlock the model in it, then talk, without any server.
import {openModel} from '../engine/local.js';
import {followAppearance} from './appearance.js';
import {BackendError} from './backend.js';
import {contentOf} from './content.js';
import {byId} from './elements.js';
import {askAtGate, refuseAtGate} from './gate.js';
import {translateDocument} from './language.js';
import {Messenger} from './messenger.js';

async function startFilePage() {
  byId('page-opening').remove();
  followAppearance();
  translateDocument();
  const notice = typeof WebAssembly === 'undefined' ? 'notice.slow' : undefined;
  if (!globalThis.crypto?.subtle) {
    refuseAtGate('no-crypto');
    return;
  }
  /** @type {import('../engine/local.js').LocalBackend|null} */
  let backend = null;
  await askAtGate({
    subject: 'file',
    notice,
    open: async (passphrase, onProgress) => {
      backend = await opened(passphrase, onProgress);
    },
  });
  const messenger = new Messenger(/** @type {any} */ (backend), {
    leaving: 'lock',
    notice: /** @type {any} */ (backend).isFast === false ? 'notice.slow' : undefined,
    onLeave: async () => location.reload(),
  });
  await messenger.start();
}

/**
 * @param {string} passphrase
 * @param {(progress: import('./backend.js').OpeningProgress) => void} onProgress
 * @returns {Promise<import('../engine/local.js').LocalBackend>}
 */
async function opened(passphrase, onProgress) {
  onProgress({stage: 'key', done: 0, total: 0});
  try {
    return await openModel(contentOf(document), passphrase, onProgress);
  } catch (error) {
    throw error instanceof RangeError ? new BackendError('memory') : error;
  }
}

startFilePage();
