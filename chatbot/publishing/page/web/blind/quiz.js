// The blind test on the screen: one question after the other, then the end.
import {codeOf} from '../ui/backend.js';
import {byId, createElement, paintAvatar} from '../ui/elements.js';
import {leaveGate} from '../ui/gate.js';
import {chooseLanguage, setText, translate, translateError} from '../ui/language.js';
import {AnswerSheet} from './answers.js';

/**
 * @typedef {{name: string, number: number, bubbles: string[]}} Speech
 * @typedef {{past: Speech[], texts: [string[], string[]]}} Question
 * @typedef {{test: string, persona: Speech, questions: Question[]}} BlindTest
 */

/** Asks all questions of a test. */
export class Quiz {
  /**
   * @param {BlindTest} test
   * @param {((code: string) => Promise<void>)|null} deliver  null: the friend copies the code
   */
  constructor(test, deliver) {
    this.test = test;
    this.deliver = deliver;
    this.sheet = new AnswerSheet(test.test, test.questions.length);
    this.isBegun = this.sheet.answers.length > 0;
    this.isDelivered = false;
    const others = test.questions.flatMap(({past}) => past.map(({number}) => number))
      .filter((number) => number !== test.persona.number);
    this.isGroup = new Set(others).size > 1;
  }

  start() {
    leaveGate();
    for (const button of document.querySelectorAll('[data-language]')) {
      /** @type {HTMLElement} */ (button).onclick = () => {
        chooseLanguage(button.getAttribute('data-language') === 'ko' ? 'ko' : 'en');
        this.render();
      };
    }
    const actions = {
      'blind-start': () => this.begin(),
      'blind-undo': () => this.undo(),
      'blind-back': () => this.undo(),
      'blind-stop': () => this.stop(),
      'blind-copy': () => this.copy(),
      'blind-send': () => this.send(),
      'blind-again': () => this.restart(),
    };
    for (const [id, action] of Object.entries(actions)) {
      byId(id).onclick = action;
    }
    for (const [id, saysBot] of [['blind-real', false], ['blind-bot', true]]) {
      byId(id).onclick = (/** @type {MouseEvent} */ event) => {
        if (event.detail < 2) { // the second click of two is not for the next question
          this.answer(saysBot === true);
        }
      };
    }
    document.addEventListener('keydown', (event) => this.press(event));
    this.render();
  }

  begin() {
    this.isBegun = true;
    this.render();
  }

  restart() {
    this.sheet.restart();
    this.isBegun = false;
    this.isDelivered = false;
    this.render();
  }

  /** @param {boolean} saysBot */
  answer(saysBot) {
    const {value} = document.querySelector('[name=sure]:checked') ?? {value: '0'};
    this.sheet.answer(saysBot, Number(value));
    this.render();
  }

  undo() {
    this.sheet.undo();
    this.render();
  }

  stop() {
    this.sheet.stop();
    this.render();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const isTaken = event.repeat || event.ctrlKey || event.metaKey || event.altKey;
    if (isTaken || byId('blind-answers').hidden || byId('chat').hidden) {
      return;
    }
    const isInChoice = event.target instanceof HTMLInputElement; // where arrows choose
    if (event.key === 'ArrowLeft' && !isInChoice) {
      this.answer(false);
    } else if (event.key === 'ArrowRight' && !isInChoice) {
      this.answer(true);
    } else if (event.key === 'Backspace' && this.sheet.answers.length > 0) {
      this.undo();
    } else if (['1', '2', '3'].includes(event.key)) {
      byId(`blind-sure-${event.key}`).checked = true;
    }
  }

  render() {
    const {isBegun, sheet} = this;
    const isOver = isBegun && sheet.isOver;
    byId('blind-intro').hidden = isBegun;
    byId('blind-question').hidden = !isBegun || isOver;
    byId('blind-answers').hidden = !isBegun || isOver;
    byId('blind-end').hidden = !isOver;
    this.renderProgress();
    if (isOver) {
      this.renderEnd();
    } else if (isBegun) {
      this.renderQuestion();
    } else {
      this.renderIntro();
    }
  }

  renderProgress() {
    const {answers, nQuestions} = this.sheet;
    byId('blind-bar').value = answers.length / nQuestions;
    byId('blind-count').textContent = this.isBegun
      ? translate('blind.progress', {done: answers.length, total: nQuestions})
      : translate('blind.title');
  }

  renderIntro() {
    const name = this.nameOf(this.test.persona);
    byId('blind-intro-text').textContent = translate('blind.introText', {name});
    byId('blind-intro-length').textContent =
      translate('blind.introLength', {total: this.sheet.nQuestions});
    byId('blind-start').focus();
  }

  renderQuestion() {
    const {persona, questions} = this.test;
    const place = this.sheet.answers.length;
    const {past, texts} = questions[place];
    const bubbles = texts[this.sheet.shown[place] ? 1 : 0];
    byId('blind-past').replaceChildren(...past.flatMap((speech) => this.messagesOf(speech)));
    byId('blind-reply').replaceChildren(...this.messagesOf({...persona, bubbles}));
    byId('blind-heading').textContent =
      translate('blind.heading', {place: place + 1, total: this.sheet.nQuestions});
    const name = this.nameOf(persona);
    byId('blind-mark').textContent = translate('blind.mark', {name});
    byId('blind-real').textContent = translate('blind.real', {name});
    document.querySelectorAll('[name=sure]').forEach((choice) => {
      /** @type {HTMLInputElement} */ (choice).checked = false;
    });
    byId('blind-undo').hidden = place === 0;
    byId('blind-stop').hidden = place === 0;
    byId('blind-heading').focus({preventScroll: true});
    byId('blind-reply').scrollIntoView({block: 'end'});
  }

  renderEnd() {
    const isFile = this.deliver === null;
    byId('blind-code-area').hidden = !isFile;
    byId('blind-send').hidden = isFile || this.isDelivered;
    byId('blind-back').hidden = this.isDelivered;
    byId('blind-again').hidden = !this.isDelivered;
    byId('blind-code').value = isFile ? this.sheet.code : '';
    setText(byId('blind-back'), this.sheet.isStopped ? 'blind.goOn' : 'blind.undo');
    const title = isFile || this.isDelivered ? 'blind.endTitle' : 'blind.doneTitle';
    setText(byId('blind-end-title'), title);
    const text = isFile ? 'blind.codeText' : this.isDelivered ? 'blind.endText' : 'blind.sendText';
    setText(byId('blind-end-text'), text);
    byId('blind-status').textContent = '';
    byId('blind-error').textContent = '';
    byId('blind-end-title').focus();
  }

  async copy() {
    const {code} = this.sheet;
    try {
      await navigator.clipboard.writeText(code);
      byId('blind-status').textContent = translate('blind.copied');
    } catch {
      byId('blind-code').select(); // without the right to copy, a person can
      byId('blind-status').textContent = translate('blind.selected');
    }
    byId('blind-again').hidden = false; // from here on the code is somewhere else as well
  }

  async send() {
    byId('blind-send').disabled = true;
    byId('blind-error').textContent = '';
    try {
      await this.deliver?.(this.sheet.code);
      this.isDelivered = true;
      this.render();
    } catch (error) {
      byId('blind-error').textContent = translateError(codeOf(error), 0);
    } finally {
      byId('blind-send').disabled = false;
    }
  }

  /**
   * @param {Speech} speech
   * @returns {string}
   */
  nameOf({name, number}) {
    if (name) {
      return name;
    }
    return number === this.test.persona.number
      ? translate('blind.persona') : translate('blind.other', {number});
  }

  /**
   * @param {Speech} speech
   * @returns {HTMLElement[]} a message for each bubble
   */
  messagesOf(speech) {
    const isOwn = speech.number !== this.test.persona.number && !this.isGroup;
    return speech.bubbles.map((bubble, i) => this.messageOf(speech, bubble, isOwn, i > 0));
  }

  /**
   * @param {Speech} speech
   * @param {string} bubble
   * @param {boolean} isOwn
   * @param {boolean} isNext
   * @returns {HTMLElement}
   */
  messageOf(speech, bubble, isOwn, isNext) {
    const item = createElement('div', `message ${isOwn ? 'own' : 'other'}${isNext ? ' next' : ''}`);
    const lines = createElement('div', 'lines');
    const line = createElement('div', 'line');
    const name = this.nameOf(speech);
    const isNamed = !isOwn && !isNext;
    lines.append(createElement('span', isNamed ? 'name' : 'unseen', isNamed ? name : `${name}: `));
    line.append(createElement('p', 'bubble', bubble));
    lines.append(line);
    if (!isOwn) {
      const avatar = createElement('span', 'avatar');
      avatar.setAttribute('aria-hidden', 'true');
      paintAvatar(avatar, {name, number: speech.number, isNamed: Boolean(speech.name)});
      item.append(avatar);
    }
    item.append(lines);
    return item;
  }
}
