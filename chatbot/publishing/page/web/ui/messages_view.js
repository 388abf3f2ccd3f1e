// The conversation on the screen: bubbles, days, the reply that is being written.
import {byId, createElement, paintAvatar} from './elements.js';
import {dayOf, setText, timeOfDay, translate, translateError} from './language.js';

/** @typedef {import('./conversation.js').Message} Message */

const N_SHOWN = 200; // older messages wait behind a button
const NEAR_END_PX = 120;

/** Shows messages; what is still being written stands outside the log, which is read aloud. */
export class MessagesView {
  /** @param {(persona: string|null) => import('./elements.js').Person} describe */
  constructor(describe) {
    this.describe = describe;
    this.log = byId('log');
    this.scroller = byId('scroller');
    this.nShown = N_SHOWN;
    /** @type {Message[]} */
    this.messages = [];
    byId('earlier').addEventListener('click', () => this.showEarlier());
    byId('newest').addEventListener('click', () => this.toEnd());
    this.scroller.addEventListener('scroll', () => this.markEnd(), {passive: true});
    new ResizeObserver(() => this.keepEnd()).observe(this.scroller);
    this.isAtEnd = true;
  }

  /**
   * Show a whole conversation; nothing of it is read aloud.
   * @param {Message[]} messages
   */
  render(messages) {
    this.log.setAttribute('aria-live', 'off');
    this.messages = [...messages];
    this.log.replaceChildren();
    const start = Math.max(0, messages.length - this.nShown);
    messages.slice(start).forEach((message, i) => this.place(message, messages[start + i - 1]));
    byId('earlier').hidden = start === 0;
    this.markEmpty();
    this.toEnd();
    requestAnimationFrame(() => this.log.setAttribute('aria-live', 'polite'));
  }

  showEarlier() {
    const fromEnd = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.nShown += N_SHOWN;
    this.render(this.messages);
    this.scroller.scrollTop = this.scroller.scrollHeight - fromEnd;
  }

  /** @param {Message} message */
  append(message) {
    this.place(message, this.messages.at(-1));
    this.messages.push(message);
    this.markEmpty();
    if (message.persona === null) {
      this.toEnd();
    } else {
      this.keepEnd();
    }
  }

  /**
   * @param {Message} message
   * @param {Message|undefined} previous
   */
  place(message, previous) {
    const isNewDay = !previous || dayOf(previous.at) !== dayOf(message.at);
    if (isNewDay) {
      const day = createElement('div', 'day');
      day.append(createElement('span', 'day-text', dayOf(message.at)));
      this.log.append(day);
    }
    const time = timeOfDay(message.at);
    const isNext = !isNewDay && previous?.persona === message.persona
      && timeOfDay(previous.at) === time;
    if (isNext) {
      this.log.lastElementChild?.querySelector('time')?.remove();
    }
    this.log.append(this.bubbleOf(message, time, isNext));
  }

  /**
   * @param {Message} message
   * @param {string} time
   * @param {boolean} isNext  whether it goes on from the bubble above it
   * @returns {HTMLElement}
   */
  bubbleOf(message, time, isNext) {
    const isOwn = message.persona === null;
    const person = this.describe(message.persona);
    const item = createElement('div', `message ${isOwn ? 'own' : 'other'}${isNext ? ' next' : ''}`);
    const lines = createElement('div', 'lines');
    const line = createElement('div', 'line');
    const isNamed = !isOwn && !isNext;
    const {name} = person;
    lines.append(createElement('span', isNamed ? 'name' : 'unseen', isNamed ? name : `${name}: `));
    const when = createElement('time', 'time', time);
    when.setAttribute('datetime', new Date(message.at).toISOString());
    line.append(createElement('p', 'bubble', message.text), when);
    lines.append(line);
    if (!isOwn) {
      const avatar = createElement('span', 'avatar');
      avatar.setAttribute('aria-hidden', 'true');
      paintAvatar(avatar, person);
      item.append(avatar);
    }
    item.append(lines);
    return item;
  }

  /**
   * Show that a persona writes, with as much of the bubble as there is.
   * @param {string} persona
   * @param {string} text
   */
  showPending(persona, text) {
    const person = this.describe(persona);
    const last = this.messages.at(-1);
    byId('pending').classList.toggle('next', last?.persona === persona);
    byId('pending-name').textContent = person.name;
    paintAvatar(byId('pending-avatar'), person);
    byId('growing').textContent = text;
    byId('growing').hidden = !text;
    byId('dots').hidden = Boolean(text);
    byId('reading').hidden = true;
    byId('pending').hidden = false;
    this.keepEnd();
  }

  /** @param {string} progress  how far the conversation is read, beside the typing indicator */
  showReading(progress) {
    byId('reading').textContent = progress;
    byId('reading').hidden = false;
  }

  hidePending() {
    byId('pending').hidden = true;
    byId('growing').textContent = '';
  }

  /**
   * Say something that is not part of the conversation.
   * @param {string} key
   */
  addNotice(key) {
    const item = createElement('div', 'notice');
    const text = createElement('span', 'notice-text');
    setText(text, key);
    item.append(text);
    this.log.append(item);
    this.keepEnd();
  }

  /**
   * @param {string} code
   * @param {number} seconds
   * @param {() => void} onRetry
   */
  addError(code, seconds, onRetry) {
    const item = createElement('div', 'failure');
    const again = createElement('button', 'pill');
    again.setAttribute('type', 'button');
    setText(again, 'chat.again');
    again.addEventListener('click', onRetry);
    item.append(createElement('p', 'failure-text', translateError(code, seconds)), again);
    this.log.append(item);
    this.keepEnd();
  }

  /** Take notices and errors away: a new answer begins. */
  dropNotices() {
    this.log.querySelectorAll('.notice, .failure').forEach((/** @type {Element} */ item) => {
      item.remove();
    });
  }

  /**
   * Offer to answer again and to take back.
   * @param {{retry: boolean, undo: boolean, isUnanswered: boolean}} offers
   */
  offer({retry, undo, isUnanswered}) {
    byId('actions').hidden = !retry && !undo;
    byId('retry').hidden = !retry;
    byId('undo').hidden = !undo;
    setText(byId('retry'), isUnanswered ? 'chat.answer' : 'chat.retry');
    this.keepEnd();
  }

  markEmpty() {
    byId('empty').hidden = this.messages.length > 0;
  }

  toEnd() {
    this.isAtEnd = true;
    this.keepEnd();
  }

  keepEnd() {
    if (this.isAtEnd) {
      this.scroller.scrollTop = this.scroller.scrollHeight;
    }
    this.markEnd();
  }

  markEnd() {
    const {scrollHeight, scrollTop, clientHeight} = this.scroller;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    byId('newest').hidden = this.isAtEnd;
  }
}

/**
 * The title of the tab: whom one talks with, and how many bubbles arrived unseen.
 * @param {string} name
 * @param {number} nUnseen
 */
export function showTitle(name, nUnseen) {
  const title = name || translate('app.title');
  document.title = nUnseen > 0 ? `(${nUnseen}) ${title}` : title;
}
