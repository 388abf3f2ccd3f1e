// The blind test that is one file: unlock it, answer, copy the code; nothing leaves the device.
import {unlockFile} from '../engine/lock.js';
import {followAppearance} from '../ui/appearance.js';
import {contentOf} from '../ui/content.js';
import {byId} from '../ui/elements.js';
import {askAtGate, refuseAtGate} from '../ui/gate.js';
import {addSentences, translateDocument} from '../ui/language.js';
import {Quiz} from './quiz.js';
import {BLIND_SENTENCES} from './sentences.js';

const BRACE = 0x7b; // how a test begins that was not encrypted, at its maker's wish

async function startFileTest() {
  byId('page-opening').remove();
  addSentences(BLIND_SENTENCES);
  followAppearance();
  translateDocument();
  const content = /** @type {Uint8Array<ArrayBuffer>} */ (contentOf(document));
  if (content[0] === BRACE) {
    new Quiz(testOf(content), null).start();
    return;
  }
  if (!globalThis.crypto?.subtle) {
    refuseAtGate('no-crypto', 'blind');
    return;
  }
  await askAtGate({
    subject: 'blind',
    open: async (passphrase, onProgress) => {
      onProgress({stage: 'key', done: 0, total: 0});
      const opened = await unlockFile(content, passphrase, () => {});
      new Quiz(testOf(opened), null).start();
    },
  });
}

/**
 * @param {Uint8Array} bytes
 * @returns {import('./quiz.js').BlindTest}
 */
function testOf(bytes) {
  return JSON.parse(new TextDecoder().decode(bytes));
}

startFileTest();
