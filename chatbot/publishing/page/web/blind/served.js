// The blind test that `chatbot blind --serve` serves: log in, answer, send the answers.
import {followAppearance} from '../ui/appearance.js';
import {codeOf} from '../ui/backend.js';
import {byId} from '../ui/elements.js';
import {askAtGate} from '../ui/gate.js';
import {addSentences, translateDocument} from '../ui/language.js';
import {errorOf, logIn, readJson, send} from '../ui/server.js';
import {Quiz} from './quiz.js';
import {BLIND_SENTENCES} from './sentences.js';

async function startServedTest() {
  byId('page-opening').remove();
  addSentences(BLIND_SENTENCES);
  followAppearance();
  translateDocument();
  new Quiz(await testAfterLogin(), deliver).start();
}

/** @returns {Promise<import('./quiz.js').BlindTest>} as soon as the server tells it */
async function testAfterLogin() {
  for (;;) {
    let warning = '';
    try {
      return await readJson('/blind/questions');
    } catch (error) {
      const code = codeOf(error);
      warning = code === 'login' ? '' : code;
    }
    await askAtGate({subject: 'guest', open: logIn, warning});
  }
}

/** @param {string} code */
async function deliver(code) {
  const response = await send('/blind/answers', JSON.stringify({code}));
  if (!response.ok) {
    throw errorOf(response);
  }
}

startServedTest();
