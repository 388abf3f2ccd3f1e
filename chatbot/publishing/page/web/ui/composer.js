// The input: it grows with its text, sends on Enter, and leaves a Korean input method alone.
import {byId} from './elements.js';
import {readPreference} from './preferences.js';

/** Where a person writes. */
export class Composer {
  /**
   * @param {(text: string) => void} onSend
   * @param {() => void} onStop
   */
  constructor(onSend, onStop) {
    /** @type {HTMLTextAreaElement} */
    this.input = byId('input');
    this.onSend = onSend;
    this.isWriting = false;
    this.isComposing = false;
    this.justSent = '';
    byId('composer').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      this.send();
    });
    byId('stop').addEventListener('click', onStop);
    this.listen();
    this.applyEnter();
  }

  listen() {
    const {input} = this;
    input.addEventListener('input', () => this.refresh());
    input.addEventListener('keydown', (event) => this.onKey(event));
    input.addEventListener('compositionstart', () => {
      this.isComposing = true;
      this.justSent = '';
    });
    input.addEventListener('compositionend', () => {
      this.isComposing = false;
      this.dropRemainder();
    });
    for (const id of ['send', 'stop']) {
      // The keyboard of a phone stays open while a button is tapped.
      byId(id).addEventListener('pointerdown', (/** @type {Event} */ event) => {
        event.preventDefault();
      });
    }
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    // 229: Safari ends a composition before the Enter that confirmed it.
    const confirmsSyllable = event.isComposing || event.keyCode === 229;
    const sends = readPreference('enter', 'sends') === 'sends' && !event.shiftKey;
    if (event.key === 'Enter' && (sends || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!confirmsSyllable) {
        this.send();
      }
    }
  }

  /** Send what is written, if it is more than space. */
  send() {
    const text = this.input.value.replace(/\r\n?/g, '\n').trim();
    if (!text) {
      return;
    }
    this.justSent = this.isComposing ? text : '';
    this.input.value = '';
    this.refresh();
    this.onSend(text);
  }

  /** Drop the syllable that an input method writes again after a button took the text away. */
  dropRemainder() {
    const rest = this.input.value.trim();
    if (this.justSent && rest && this.justSent.endsWith(rest)) {
      this.input.value = '';
    }
    this.justSent = '';
    this.refresh();
  }

  /**
   * Put a text that was taken back into an empty input.
   * @param {string} text
   */
  restore(text) {
    if (!this.input.value) {
      this.input.value = text;
      this.refresh();
    }
    this.input.focus();
  }

  /** @param {boolean} isWriting  whether the bot is answering */
  setWriting(isWriting) {
    this.isWriting = isWriting;
    this.refresh();
  }

  /** Tell the keyboard what its Enter key does. */
  applyEnter() {
    this.input.enterKeyHint = readPreference('enter', 'sends') === 'sends' ? 'send' : 'enter';
  }

  refresh() {
    const {input} = this;
    const isEmpty = !input.value.trim();
    byId('send').disabled = isEmpty;
    byId('send').hidden = isEmpty && this.isWriting;
    byId('stop').hidden = !(isEmpty && this.isWriting);
    input.style.height = 'auto';
    input.style.height = `${input.scrollHeight}px`;
  }
}
