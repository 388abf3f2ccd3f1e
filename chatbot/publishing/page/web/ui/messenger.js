// The messenger around a backend: header, menu, composer and conversation put together.
import {applyAppearance} from './appearance.js';
import {Chat} from './chat.js';
import {Composer} from './composer.js';
import {Connection} from './connection.js';
import {asText, localStamp} from './conversation.js';
import {byId, paintAvatar, saveTextFile} from './elements.js';
import {leaveGate} from './gate.js';
import {openHistory} from './history.js';
import {chooseLanguage, currentLanguage, setText, translate} from './language.js';
import {MessagesView, showTitle} from './messages_view.js';
import {choosePersona} from './personas.js';
import {readPreference, writePreference} from './preferences.js';
import {confirmed, prepareSheet} from './sheets.js';

/**
 * @typedef {import('./backend.js').Backend} Backend
 *
 * @typedef {Object} Surroundings
 * @property {'logout'|'lock'} leaving  how one leaves: it is in the menu
 * @property {string} [notice]  the key of a sentence for the start of the conversation
 * @property {() => Promise<void>} onLeave  after the backend is closed
 * @property {() => Promise<void>} [askAgain]  ask for the password that the server wants again
 */

/** The messenger: one per page. */
export class Messenger {
  /**
   * @param {Backend} backend
   * @param {Surroundings} surroundings
   */
  constructor(backend, surroundings) {
    this.backend = backend;
    this.surroundings = surroundings;
    this.view = new MessagesView((persona) => this.describe(persona));
    this.composer = new Composer((text) => this.chat?.send(text), () => this.chat?.stop());
    /** @type {Chat|null} */
    this.chat = null;
    /** @type {'idle'|'waiting'|'writing'} */
    this.state = 'idle';
    this.reading = '';
    this.nUnseen = 0;
    this.connection = new Connection(backend, {
      onChange: () => this.refreshStatus(),
      onBack: () => this.chat?.resume(),
    });
  }

  /** Show the stored conversation and wait for messages. */
  async start() {
    const history = await openHistory(this.backend.storageKey, this.backend.historyKey ?? null);
    this.chat = new Chat(this.backend, history, this.view, {
      onState: (state) => this.setState(state),
      onReading: (done, total) => this.showReading(done, total),
      onLogin: () => this.logInAgain(),
      onOffline: () => this.connection.lose(),
    });
    this.prepareButtons();
    await this.chat.open();
    this.refresh();
    leaveGate();
    this.view.toEnd();
    for (const key of [history.isKept ? '' : 'notice.memoryOnly', this.surroundings.notice]) {
      if (key) {
        this.view.addNotice(key);
      }
    }
    this.composer.input.focus();
  }

  get talk() {
    return /** @type {Chat} */ (this.chat);
  }

  /**
   * @param {string|null} persona
   * @returns {import('./elements.js').Person}
   */
  describe(persona) {
    if (persona === null) {
      return {name: translate('chat.you'), number: 0, isNamed: true};
    }
    const index = this.backend.personas.findIndex(({id}) => id === persona);
    const name = this.backend.personas[index]?.name;
    const isGroup = this.backend.personas.length > 1;
    const nameless = `${translate('avatar.unknown')}${isGroup ? ` ${index + 1}` : ''}`;
    return {name: name || nameless, number: Math.max(0, index), isNamed: Boolean(name) || !isGroup};
  }

  prepareButtons() {
    ['menu', 'personas'].forEach(prepareSheet);
    /** @type {Record<string, () => unknown>} */
    const actions = {
      'menu-open': () => byId('menu').showModal(),
      'persona': () => this.choosePersona(),
      'retry': () => this.talk.retry(),
      'undo': async () => this.composer.restore(await this.talk.undo()),
      'export': () => this.export(),
      'clear': () => this.clear(),
      'leave': () => this.leave(),
    };
    for (const [id, act] of Object.entries(actions)) {
      byId(id).addEventListener('click', act);
    }
    this.preparePreferences();
    addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.isComposing && !document.querySelector('dialog[open]')) {
        this.talk.stop();
      }
    });
    document.addEventListener('visibilitychange', () => this.countUnseen(0));
    new MutationObserver((changes) => {
      this.countUnseen(document.hidden ? changes.length : 0);
    }).observe(byId('log'), {childList: true});
  }

  preparePreferences() {
    const values = {
      language: currentLanguage(),
      theme: readPreference('theme', 'auto'),
      size: readPreference('size', 'normal'),
    };
    for (const [name, value] of Object.entries(values)) {
      for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (
        document.querySelectorAll(`input[name=${name}]`))) {
        input.checked = input.value === value;
        input.addEventListener('change', () => this.prefer(name, input.value));
      }
    }
    const enter = byId('enter-sends');
    enter.checked = readPreference('enter', 'sends') === 'sends';
    enter.addEventListener('change', () => {
      this.prefer('enter', enter.checked ? 'sends' : 'breaks');
    });
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  prefer(name, value) {
    writePreference(name, value);
    applyAppearance();
    this.composer.applyEnter();
    if (name === 'language') {
      chooseLanguage(value === 'ko' ? 'ko' : 'en');
      this.view.render(this.talk.messages);
    }
    this.refresh();
  }

  async choosePersona() {
    const {personas} = this.backend;
    if (personas.length > 1) {
      this.talk.persona = await choosePersona(personas, this.talk.persona, (persona) =>
        this.describe(persona));
      this.refresh();
    }
  }

  export() {
    byId('menu').close();
    const stamp = localStamp(Date.now());
    const heading = translate('export.heading', {date: stamp});
    const text = asText(this.talk.messages, (persona) => this.describe(persona).name, heading);
    saveTextFile(`chat-${stamp.slice(0, 10)}.txt`, text);
  }

  async clear() {
    byId('menu').close();
    if (await confirmed('clear')) {
      await this.talk.clear();
    }
    this.composer.input.focus();
  }

  /** Lock the file; or log out, and leave nothing behind for the next person at this browser. */
  async leave() {
    byId('menu').close();
    if (this.surroundings.leaving === 'logout') {
      if (!(await confirmed('logout'))) {
        return;
      }
      await this.talk.clear();
    }
    this.talk.interrupt();
    await this.backend.close();
    await this.surroundings.onLeave();
  }

  async logInAgain() {
    await this.surroundings.askAgain?.();
    leaveGate();
    this.refresh();
    await this.talk.answer();
  }

  /** @param {'idle'|'waiting'|'writing'} state */
  setState(state) {
    this.state = state;
    this.reading = '';
    this.composer.setWriting(state !== 'idle');
    this.refreshStatus();
    if (state === 'writing') {
      this.connection.restore();
    }
  }

  /**
   * @param {number} done
   * @param {number} total
   */
  showReading(done, total) {
    this.reading = translate('chat.reading', {done, total});
    this.view.showReading(this.reading);
    this.refreshStatus();
  }

  refresh() {
    const person = this.describe(this.talk.persona);
    const isGroup = this.backend.personas.length > 1;
    byId('persona-name').textContent = person.name;
    byId('persona-arrow').toggleAttribute('hidden', !isGroup);
    byId('persona').disabled = !isGroup;
    byId('persona').title = isGroup ? translate('persona.choose') : '';
    paintAvatar(byId('persona-avatar'), person);
    paintAvatar(byId('empty-avatar'), person);
    setText(byId('leave'), `menu.${this.surroundings.leaving}`);
    this.refreshStatus();
    showTitle(person.name, this.nUnseen);
  }

  refreshStatus() {
    const isTyping = this.state !== 'idle';
    const key = this.connection.isLost ? 'chat.offline' : isTyping ? 'chat.typing' : 'chat.ready';
    byId('persona-status').textContent = this.reading || translate(key);
  }

  /** @param {number} nMore  0: the page is looked at */
  countUnseen(nMore) {
    this.nUnseen = nMore && this.nUnseen + nMore;
    showTitle(this.describe(this.talk.persona).name, this.nUnseen);
  }
}
