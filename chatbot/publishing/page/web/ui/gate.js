// The screen before the chat: a password for the server, a passphrase for the file.
import {BackendError, codeOf} from './backend.js';
import {byId} from './elements.js';
import {chooseLanguage, setText, translate, translateError} from './language.js';

/**
 * @typedef {import('./backend.js').OpeningProgress} OpeningProgress
 * @typedef {(progress: OpeningProgress) => void} OnProgress
 *
 * @typedef {Object} Question
 * @property {'login'|'file'|'blind'|'guest'} subject
 *   of the keys gate.SUBJECTTitle, ...Text, ...Label, ...Action
 * @property {(secret: string, onProgress: OnProgress) => Promise<void>} open
 *   throws a BackendError if the secret is wrong
 * @property {string} [warning]  the code of an error that stands there from the start
 * @property {string} [notice]  the key of a sentence that stands there from the start
 * @property {() => Promise<void>} [forget]  delete an earlier conversation, where there is one
 */

/**
 * Ask for a secret until it opens.
 * @param {Question} question
 * @returns {Promise<void>} when it is open; `leaveGate` shows the chat
 */
export function askAtGate(question) {
  return new Promise((resolve) => new Gate(question, resolve).show());
}

/** Show the chat that the gate has opened. */
export function leaveGate() {
  byId('gate').hidden = true;
  byId('chat').hidden = false;
}

/**
 * Say an error instead of asking: nothing can be opened here.
 * @param {string} code
 * @param {'file'|'blind'} subject
 */
export function refuseAtGate(code, subject = 'file') {
  new Gate({subject, open: async () => {}}, () => {}).refuse(code);
}

class Gate {
  /**
   * @param {Question} question
   * @param {() => void} onOpen
   */
  constructor(question, onOpen) {
    this.question = question;
    this.onOpen = onOpen;
    /** @type {HTMLInputElement} */
    this.secret = byId('gate-secret');
    this.timer = 0;
    this.lastError = {code: '', until: 0};
  }

  show() {
    const {subject, warning, notice, forget} = this.question;
    for (const part of ['title', 'text', 'label', 'action']) {
      setText(byId(`gate-${part}`), `gate.${subject}${part[0].toUpperCase()}${part.slice(1)}`);
    }
    this.secret.autocomplete = subject === 'login' ? 'current-password' : 'off';
    this.secret.value = '';
    this.reveal(false);
    byId('gate-warning').hidden = !notice;
    setText(byId('gate-warning'), notice ?? '');
    byId('gate-forget').hidden = !forget;
    byId('gate-forget').onclick = () => this.forget();
    byId('gate-reveal').onclick = () => this.reveal(this.secret.type === 'password');
    byId('gate-form').onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.submit();
    };
    for (const button of document.querySelectorAll('[data-language]')) {
      /** @type {HTMLElement} */ (button).onclick = () => this.speak(button);
    }
    this.setBusy(false);
    this.say(warning ?? '', 0);
    byId('gate').hidden = false;
    byId('chat').hidden = true;
    this.secret.focus();
  }

  /** @param {string} code */
  refuse(code) {
    this.show();
    this.say(code, 0);
    for (const id of ['gate-label', 'gate-action', 'gate-reveal', 'gate-secret']) {
      byId(id).hidden = true;
    }
  }

  /** @param {Element} button */
  speak(button) {
    chooseLanguage(button.getAttribute('data-language') === 'ko' ? 'ko' : 'en');
    this.say(this.lastError.code, (this.lastError.until - Date.now()) / 1000);
  }

  async submit() {
    if (!this.secret.value || byId('gate-action').disabled) {
      this.secret.focus();
      return;
    }
    this.say('', 0);
    this.setBusy(true);
    try {
      await this.question.open(this.secret.value, (progress) => this.showProgress(progress));
    } catch (error) {
      this.setBusy(false);
      this.say(codeOf(error), error instanceof BackendError ? error.seconds : 0);
      this.secret.select();
      return;
    }
    this.secret.value = '';
    this.onOpen(); // the gate stays until what it opens is ready
  }

  /** @param {OpeningProgress} progress */
  showProgress({stage, done, total}) {
    const percent = total > 0 ? Math.floor((100 * done) / total) : 0;
    byId('gate-status').textContent =
      stage === 'key' ? translate('gate.key') : translate('gate.opening', {percent});
    if (stage === 'opening' && total > 0) {
      byId('gate-progress').value = done / total;
    } else {
      byId('gate-progress').removeAttribute('value');
    }
  }

  /** @param {boolean} isBusy */
  setBusy(isBusy) {
    const {subject} = this.question;
    byId('gate-action').disabled = isBusy;
    this.secret.readOnly = isBusy;
    byId('gate-progress').hidden = !isBusy;
    byId('gate-progress').removeAttribute('value');
    byId('gate-status').textContent = '';
    setText(byId('gate-action'), `gate.${subject}${isBusy ? 'Busy' : 'Action'}`);
  }

  /**
   * Say an error; where the next try must wait, count the seconds down.
   * @param {string} code
   * @param {number} seconds
   */
  say(code, seconds) {
    clearInterval(this.timer);
    this.lastError = {code, until: Date.now() + 1000 * seconds};
    this.secret.setAttribute('aria-invalid', String(Boolean(code)));
    byId('gate-error').textContent = code ? translateError(code, seconds) : '';
    if (code === 'wait' && seconds > 0) {
      byId('gate-action').disabled = true;
      this.timer = window.setInterval(() => this.countDown(), 1000);
    }
  }

  countDown() {
    const seconds = (this.lastError.until - Date.now()) / 1000;
    if (seconds > 0) {
      byId('gate-error').textContent = translateError('wait', seconds);
      return;
    }
    byId('gate-action').disabled = false;
    this.say('', 0);
  }

  /** @param {boolean} isVisible */
  reveal(isVisible) {
    this.secret.type = isVisible ? 'text' : 'password';
    setText(byId('gate-reveal'), isVisible ? 'gate.hide' : 'gate.show');
  }

  async forget() {
    await this.question.forget?.();
    byId('gate-forget').hidden = true;
    byId('gate-status').textContent = translate('gate.forgotten');
    this.secret.focus();
  }
}
